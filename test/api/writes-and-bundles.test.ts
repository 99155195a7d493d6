/** What the API writes, beside bundles: whose paths they are, what decisions see and when, and what reloads keep. */
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";

let folder: string;
let sidecar: Sidecar | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-writes-"));
});
afterEach(async () => {
  await sidecar?.close();
  sidecar = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** Waits for what takes a compilation or two, on a busy machine too. */
async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let n = 0; n < 3_000; n++) {
    if (await check()) return;
    await sleep(10);
  }
  throw new Error("it did not come to hold");
}

/** Writes a bundle's files whole. */
async function bundle(
  name: string,
  roots: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  for (const [file, text] of Object.entries({ ".manifest": JSON.stringify({ roots }), ...files })) {
    await writeFile(join(folder, "fresh"), text);
    await rename(join(folder, "fresh"), join(path, file));
  }
  return `${name}=${path}`;
}

async function start(bundles: readonly string[], sets: readonly string[] = [], watch = false): Promise<void> {
  sidecar = await startSidecar({
    bundles,
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: ["127.0.0.1:0"],
    config: { decision_logs: { console: false } },
    sets: ["api.writes=true", ...sets],
    watch,
    log: { level: "error", format: "json" },
    version: "test",
  });
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  address = 0,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${sidecar?.addresses[address] ?? ""}/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = (text === "" ? undefined : JSON.parse(text)) as Record<string, unknown> | undefined;
  delete answer?.["decision_id"];
  return { status: response.status, body: answer };
}
const ask = async (path: string, input: unknown = {}): Promise<unknown> =>
  ((await call("POST", `/data/${path}`, { input })).body as { result?: unknown }).result;

const app = `package app

allow if data.users[input.user].active
users := data.users
pair := {"a": data.pair.a, "b": data.pair.b}
other := 1 if data.other
`;

describe("writing beside bundles", () => {
  test("a bundle's policy reads what is written, at once, though its decisions are cached", async () => {
    await start([await bundle("app", ["app"], { "app.rego": app })]);
    const hits = async (): Promise<string> =>
      /countersign_cache_total\{level="l1",result="hit"\} (\d+)/.exec(
        (await sidecar?.metrics.text()) ?? "",
      )?.[1] ?? "0";
    const allow = (): Promise<unknown> => ask("app/allow", { user: "ann" });
    expect(await allow()).toBeUndefined();
    expect((await call("PUT", "/data/users/ann", { active: true })).status).toBe(204);
    expect(await allow()).toBe(true);
    expect(await allow()).toBe(true);
    expect(await hits()).toBe("1");
    // what the decision doesn't read leaves it in the cache
    expect((await call("PUT", "/data/elsewhere", 1)).status).toBe(204);
    expect(await allow()).toBe(true);
    expect(await hits()).toBe("2");
    expect(
      (await call("PATCH", "/data/users", [{ op: "replace", path: "/ann/active", value: false }])).status,
    ).toBe(204);
    expect(await allow()).toBeUndefined();
    expect(
      (await call("PATCH", "/data/users", [{ op: "replace", path: "/ann/active", value: true }])).status,
    ).toBe(204);
    expect(await allow()).toBe(true);
    expect((await call("DELETE", "/data/users")).status).toBe(204);
    expect(await allow()).toBeUndefined();
  });

  test("a bundle's roots are its own, and what leads to them", async () => {
    const roots = ["app", "deep/er"];
    await start([
      await bundle("app", roots, { "app.rego": app, "data.json": '{"deep":{"er":{"x":1}},"app":{"d":1}}' }),
    ]);
    const owned = (path: string): object => ({
      code: "invalid_parameter",
      message: `path ${path} is owned by bundle "app"`,
    });
    for (const path of ["app", "app/d", "deep", "deep/er", "deep/er/x"]) {
      for (const [method, body] of [
        ["PUT", 1],
        ["PATCH", [{ op: "add", path: "/", value: 1 }]],
        ["DELETE", undefined],
      ] as const)
        expect([method, path, await call(method, `/data/${path}`, body)]).toEqual([
          method,
          path,
          { status: 400, body: owned(path) },
        ]);
    }
    expect((await call("PUT", "/data", {})).body).toMatchObject({
      message: "can't write to document root with bundle roots configured",
    });
    // one list, one of them not allowed: nothing is written
    const list = [
      { op: "add", path: "/free", value: 1 },
      { op: "add", path: "/app/d", value: 2 },
    ];
    expect((await call("PATCH", "/data", list)).status).toBe(400);
    expect(await ask("free")).toBeUndefined();
    // beside the root, under what leads to it
    expect((await call("PUT", "/data/deep/free", 2)).status).toBe(204);
    expect((await call("PATCH", "/data/deep", [{ op: "add", path: "/more", value: 3 }])).status).toBe(204);
    expect(await ask("deep")).toEqual({ er: { x: 1 }, free: 2, more: 3 });
    expect((await call("DELETE", "/data/deep/free")).status).toBe(204);
    expect(await ask("deep")).toEqual({ er: { x: 1 }, more: 3 });
    const modules = async (text: string): Promise<unknown> => {
      const response = await fetch(`${sidecar?.addresses[0] ?? ""}/v1/policies/x`, {
        method: "PUT",
        body: text,
      });
      return response.json();
    };
    expect(await modules("package app\nallow := true")).toEqual(owned("app"));
    expect(await modules("package app.sub\nallow := true")).toEqual(owned("app/sub"));
    expect(await modules("package deep\ner := true")).toEqual(owned("deep"));
    expect(await modules("# package free\npackage\tapp\nallow := true")).toEqual(owned("app"));
    expect(await modules('package app["x"]\nallow := true')).toEqual(owned("app/x"));
    expect(await modules("package free\nx := data.deep.more")).toEqual({});
    expect(await ask("free/x")).toBe(3);
    expect(await ask("app/allow", { user: "ann" })).toBeUndefined();
  });

  test("a bundle without roots owns everything", async () => {
    await start([await bundle("app", [""], { "app.rego": app })]);
    const { status, body } = await call("PUT", "/data/free", 1);
    expect([status, body]).toEqual([
      400,
      { code: "invalid_parameter", message: 'all paths owned by bundle "app"' },
    ]);
  });

  test("a decision sees a change whole or not at all", async () => {
    await start([await bundle("app", ["app"], { "app.rego": app })]);
    await call("PUT", "/data/pair", { a: 0, b: 0, list: [] });
    let running = true;
    const seen = new Set<number>();
    const load = Array.from({ length: 4 }, async () => {
      while (running) {
        const pair = (await ask("app/pair", { n: seen.size })) as { a: number; b: number };
        expect(pair.a).toBe(pair.b);
        seen.add(pair.a);
      }
    });
    for (let n = 1; n <= 150; n++) {
      const answer = await call("PATCH", "/data/pair", [
        { op: "replace", path: "/a", value: n },
        { op: "add", path: "/list/-", value: n },
        { op: "replace", path: "/b", value: n },
      ]);
      expect(answer.status).toBe(204);
    }
    await until(() => seen.has(150));
    running = false;
    await Promise.all(load);
    expect(seen.size).toBeGreaterThan(5);
  });

  test("a reload keeps what was written; a bundle that comes to own a path takes it over", async () => {
    const source = await bundle("app", ["app"], { "app.rego": app });
    await start([source], [], true);
    await call("PUT", "/data/users", { ann: { active: true } });
    await call("PUT", "/data/other", { x: { y: 1 }, z: 2 });
    expect(await ask("app/allow", { user: "ann" })).toBe(true);
    await bundle("app", ["app"], { "app.rego": `${app}\nfresh := 1\n` });
    await until(async () => (await ask("app/fresh")) === 1);
    expect(await ask("app/allow", { user: "ann" })).toBe(true);
    expect((await call("PUT", "/data/users/bob", { active: true })).status).toBe(204);
    expect(await ask("app/allow", { user: "bob" })).toBe(true);
    await bundle("app", ["app", "other/x"], { "app.rego": `${app}\nfresh := 2\n` });
    await until(async () => (await ask("app/fresh")) === 2);
    expect(await ask("other")).toEqual({ z: 2 });
    expect(await ask("app/other")).toBe(1);
    expect((await call("PUT", "/data/other/x", 1)).status).toBe(400);
    expect((await call("PUT", "/data/other/z", 3)).status).toBe(204);
  });

  test("what a policy's memory can't take is written nowhere, and the policy answers again", async () => {
    const small = await bundle("app", ["app"], { "app.rego": app });
    const two = await bundle("two", ["two"], { "two.rego": "package two\nn := count(data.users)\n" });
    await start([small, two], ["decision.max_memory_mb=8"]);
    await call("PUT", "/data/users", { ann: { active: true } });
    const { status, body } = await call("PUT", "/data/big", { list: new Array(300_000).fill({ a: "b" }) });
    expect([status, body]).toMatchObject([500, { code: "internal_error" }]);
    await until(async () => (await ask("app/allow", { user: "ann" })) === true && (await ask("two/n")) === 1);
    expect(await ask("big")).toBeUndefined();
    expect((await call("PUT", "/data/users/bob", { active: true })).status).toBe(204);
    expect([await ask("app/allow", { user: "bob" }), await ask("two/n")]).toEqual([true, 2]);
  });

  test("what is written has a bound", async () => {
    await start([], ["api.max_data_bytes=2000"]);
    expect((await call("PUT", "/data/a", "x".repeat(1_500))).status).toBe(204);
    expect(await call("PUT", "/data/b", "x".repeat(1_500))).toMatchObject({
      status: 413,
      body: { code: "data_too_large" },
    });
    expect((await call("PUT", "/data/a", 1)).status).toBe(204);
    expect((await call("PUT", "/data/b", "x".repeat(1_500))).status).toBe(204);
  });
});

describe("who may write", () => {
  test("nobody on a diagnostic address", async () => {
    await start([]);
    for (const [method, path] of [
      ["PUT", "/data/a"],
      ["PATCH", "/data/a"],
      ["DELETE", "/data/a"],
      ["GET", "/data/a"],
      ["PUT", "/policies/a"],
      ["GET", "/policies"],
    ] as const) {
      expect((await call(method, path, method === "GET" ? undefined : 1, 1)).status).toBe(404);
    }
  });

  test("nobody unless the configuration says so", async () => {
    await start([await bundle("app", ["app"], { "app.rego": app })], ["api.writes=false"]);
    for (const [method, path] of [
      ["PUT", "/data/a"],
      ["PATCH", "/data/a"],
      ["DELETE", "/data/a"],
      ["PUT", "/policies/a"],
      ["DELETE", "/policies/a"],
      ["GET", "/policies"],
    ] as const) {
      const { status, body } = await call(method, path, method === "GET" ? undefined : 1);
      expect([method, path, status, body]).toEqual([
        method,
        path,
        403,
        {
          code: "writes_disabled",
          message: "writing through the API is off",
          fix: "start with --set api.writes=true",
        },
      ]);
    }
    expect(await ask("a")).toBeUndefined();
  });

  test("a bundle can't have the name of the API's own", async () => {
    const source = await bundle("api", ["app"], { "app.rego": app });
    await expect(start([source])).rejects.toThrow(/no bundle may be named api/);
  });
});

describe("the data door", () => {
  test("answers packages, rules and data of several bundles, put together", async () => {
    const one = await bundle("one", ["a/one", "facts"], {
      "one.rego": "package a.one\nx := 1\ns contains 2\nnothing if false\n",
      "data.json": '{"facts":{"n":9007199254740993},"a":{"one":{"base":{"y":[{"z":5}]}}}}',
    });
    const two = await bundle("two", ["a/two"], {
      "two.rego": "package a.two.deep\nf(x) := x\nv := f(input)\n",
    });
    await start([one, two]);
    await call("PUT", "/data/a/three", { w: true });
    expect(await ask("a/one")).toEqual({ x: 1, s: [2], base: { y: [{ z: 5 }] } });
    expect(await ask("a/one/base/y/0/z")).toBe(5);
    expect(await ask("a/one/s/0")).toBe(2);
    expect(await ask("a/two", 7)).toEqual({ deep: { v: 7 } });
    expect(await ask("a", 7)).toEqual({
      one: { x: 1, s: [2], base: { y: [{ z: 5 }] } },
      two: { deep: { v: 7 } },
      three: { w: true },
    });
    expect(Object.keys((await ask("", 7)) as object).sort()).toEqual(["a", "facts"]);
    const undefinedRule = await call("POST", "/data/a/one/nothing", { input: 1 });
    expect(undefinedRule).toEqual({ status: 200, body: {} });
    expect((await call("GET", "/data/a/none")).body).toMatchObject({
      warning: { code: "api_usage_warning" },
    });
    expect((await call("GET", "/data/a/one/none")).body).toEqual({});
  });

  test("decision.strict_builtin_errors fails every evaluation with a built-in's error", async () => {
    const source = await bundle("app", ["app"], {
      "app.rego": "package app\ndefault x := false\nx if 1 / input.n == 1\n",
    });
    await start([source], ["decision.strict_builtin_errors=true"]);
    expect(await ask("app/x", { n: 1 })).toBe(true);
    const failed = await call("POST", "/data/app/x", { input: { n: 0 } });
    expect(failed).toMatchObject({
      status: 500,
      body: { code: "internal_error", errors: [{ code: "eval_builtin_error" }] },
    });
    expect(await ask("app/x", { n: 1 })).toBe(true);
  });
});
