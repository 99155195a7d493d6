/** Large bundles are loaded in a thread of their own: what answers then is what loading here gives, and decisions go on meanwhile. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { loadModules } from "../../sidecar/bundles/activate.js";
import { createDocuments } from "../../sidecar/bundles/documents.js";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import type { Loaded } from "../../sidecar/decide/engine/load.js";
import { createModuleCache } from "../../sidecar/decide/engine/modules.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { createLoadAside } from "../../sidecar/wire/load-aside.js";
import type { LoadAside } from "../../sidecar/wire/load-aside.js";
import { moduleOf } from "../decide/modules.js";
import type { Brought } from "./bring.js";
import { bring, bundleOf, configOf, verifyNothing } from "./bring.js";

const limits = { budget: 100_000, maxPages: 256 };
let toolchain: Toolchain;
let aside: LoadAside;
let folder: string;
const open: Brought[] = [];
const modules = createModuleCache();
beforeAll(async () => {
  toolchain = createToolchain({});
  aside = createLoadAside({ modules, maxPages: limits.maxPages, leastBytes: 0 });
  folder = await mkdtemp(join(tmpdir(), "countersign-activation-"));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(async () => {
  await aside.close();
  await toolchain.close();
  await rm(folder, { recursive: true, force: true });
});

const compile = async (rego: string, entrypoints: string[]): Promise<Uint8Array> => {
  const built = await toolchain.build({ files: { "p.rego": rego }, entrypoints });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  return new Uint8Array(Buffer.from(built.result.wasm, "base64"));
};
const load = (wasm: Uint8Array, data: string, loaded?: Loaded): Policy =>
  loadPolicy({
    ...{ wasm, data, ...limits, builtins: serveBuiltins(), nowNs: () => 1n },
    ...(loaded === undefined ? {} : { loaded }),
  });
const loadAside = async (wasm: Uint8Array, data: string): Promise<Policy> =>
  load(wasm, data, (await aside.load({ wasm, data })).get(wasm));
const answered = (policy: Policy, entrypoint: string, input: Json): unknown => {
  const answer = policy.evaluate(entrypoint, input);
  return answer.kind === "value" ? stringifyJson(answer.value) : answer;
};

const records = (count: number): Record<string, Json> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `user-${i}`,
      { groups: [`g${i % 7}`, "ä€😀"], level: i % 5, active: i % 2 === 0, since: `2026-01-${(i % 28) + 1}` },
    ]),
  );

describe("a policy that was loaded aside", () => {
  const rego = `package p

user := data.users[input.user]
count_of := count([1 | some u in data.users; u.level == input.level])
sorted := sort([name | some name, u in data.users; u.level == input.level])
parsed := [units.parse(data.sizes[_]), json.unmarshal(input.text), sprintf("%v", [data.digits])]
endless := [x | some x in numbers.range(1, 100000); some y in numbers.range(1, 100000); x * y == 7]
large := concat("", [x | some i in numbers.range(1, 2000); x := sprintf("%d%s", [i, input.text])])
whole := data.users
patched := object.get(data.docs, [input.user, "may"], "none")
`;
  const entrypoints = ["user", "count_of", "sorted", "parsed", "endless", "large", "whole", "patched"];
  const data = `{"users": ${JSON.stringify(records(2_000))}, "sizes": ["8g"], "digits": 123456789012345678901234567890, "docs": {}}`;

  test("answers, fails, is patched and is read as one that was loaded here", async () => {
    const wasm = await compile(
      rego,
      entrypoints.map((name) => `p/${name}`),
    );
    const here = load(wasm, data);
    const policies = [here, await loadAside(wasm, data)];
    const inputs: Json[] = [
      { user: "user-17", level: 3, text: "[1.50]" },
      { user: "user-1999", level: 9, text: "x".repeat(3_000) },
      { user: "nobody" },
    ];
    const compare = (): void => {
      for (const input of inputs)
        for (const name of entrypoints) {
          const [one, other] = policies.map((policy) => answered(policy, `p/${name}`, input));
          expect(other).toEqual(one);
        }
      const [one, other] = policies.map((policy) => stringifyJson(policy.read([]) ?? null));
      expect(other).toBe(one);
      expect(policies[1]?.kind(["users", "user-3"])).toBe(here.kind(["users", "user-3"]));
      expect(policies[1]?.memoryBytes()).toBe(here.memoryBytes());
    };
    compare();
    expect(here.entrypoints).toEqual(policies[1]?.entrypoints);
    expect(here.evaluate("p/endless", {})).toMatchObject({ code: "evaluation_budget_exceeded" });
    const changes = [
      [{ path: ["docs", "user-17"], value: '{"may": [1, {"a": null}]}' }],
      [{ path: ["users", "user-17"], value: undefined }],
      [{ path: ["users"], value: JSON.stringify(records(4_000)) }],
      [{ path: [], value: '{"users": {"nobody": {"level": 3}}, "sizes": []}' }],
    ];
    for (const patches of changes) {
      for (const policy of policies) policy.patch(patches);
      compare();
    }
    const through = [{ path: ["sizes", "a", "b"], value: "1" }];
    for (const policy of policies) expect(() => policy.patch(through)).toThrow("the data can't be changed");
    for (const policy of policies) expect(answered(policy, "p/user", {})).toMatchObject({ kind: "failed" });
  });

  test("serves its own module alone where a bundle has several", async () => {
    const [first, second] = await Promise.all([
      compile("package a\n\nr := data.n\n", ["a/r"]),
      compile("package b\n\nr := data.n * 2\n", ["b/r"]),
    ]);
    const manifest = { wasm: [{ entrypoint: "b/r", module: "/b.wasm" }] };
    const facts = (path: string) => ({
      ...{ path, input: [], data: [[]], deterministic: true, nondeterministic: [] },
    });
    const built = {
      ...{
        wasm: first,
        more: [{ place: "b.wasm", wasm: second, firstRule: 0 }],
        manifest,
        data: '{"n": 21}',
      },
      ...{ entrypoints: [facts("a/r"), facts("b/r")], rules: [], digest: "d" },
    };
    const ready = await aside.load(built);
    expect(ready.size).toBe(2);
    const policy = loadModules(built, ({ wasm, data }) => load(wasm, data, ready.get(wasm)));
    policy.patch([{ path: ["n"], value: "4" }]);
    expect([answered(policy, "a/r", {}), answered(policy, "b/r", {})]).toEqual(["4", "8"]);
  });

  test("can't be loaded for the same reasons", async () => {
    const wasm = await compile("package p\n\nr := data.n\n", ["p/r"]);
    const wrong: [Uint8Array, string][] = [
      [new Uint8Array(8), "{}"],
      [moduleOf(new Uint8Array()), "{}"],
      [wasm, '{"n": 1'],
      [await compile('package p\n\nr := http.send({"method": "get", "url": input.url})\n', ["p/r"]), "{}"],
    ];
    for (const [code, data] of wrong) {
      const reasonOf = (loading: () => unknown): Promise<unknown> =>
        Promise.resolve()
          .then(loading)
          .then(
            () => "none",
            (error: unknown) => ({ ...(error as object), name: "", message: (error as Error).message }),
          );
      const reason = await reasonOf(() => load(code, data));
      expect(reason).not.toBe("none");
      expect(await reasonOf(() => loadAside(code, data))).toEqual(reason);
    }
  });

  test("is loaded by nobody once the sidecar stops", async () => {
    const wasm = await compile("package p\n\nr := data.n\n", ["p/r"]);
    const stopping = createLoadAside({ modules, maxPages: 1, leastBytes: 0 });
    const loading = stopping.load({ wasm, data: "{}" });
    await setImmediate();
    await Promise.all([stopping.close(), expect(loading).rejects.toThrow("its thread ended")]);
  });
});

describe("a large bundle", () => {
  const appRego = (version: number): string => `package app

default allow := false

allow if data.app.users[input.user].active

said := {"policy": ${version}, "data": data.app.version, "user": data.app.users[input.user].version, "docs": data.docs}
`;
  const large = (version: number, name = "app"): Uint8Array => {
    const users = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`user-${i}`, { active: i % 2 === 0, version, note: "x" }]),
    );
    return bundleOf({
      ...{ rego: appRego(version).replaceAll("app", name), roots: [name], revision: `r${version}` },
      files: { [`${name}/data.json`]: JSON.stringify({ version, users }) },
    });
  };
  const start = (...parts: Parameters<typeof configOf>[]): Brought & { readonly documents: object } => {
    const documents = createDocuments();
    documents.change([{ op: "add", path: ["docs"], value: { written: "by the API" } }], () => false);
    const bundles = parts.map(([name, more]) => configOf(name, { sizeLimitBytes: 2 ** 26, ...more }));
    const brought = bring({ toolchain, bundles, documents, cacheDir: folder });
    open.push(brought);
    return Object.assign(brought, { documents });
  };
  const push = (to: Brought, bytes: Uint8Array, name = "app") =>
    to.store.arrive({ name, origin: "push", content: { bytes } });

  test("comes into force whole while decisions go on: each is the old one's or the new one's", async () => {
    const to = start(["app"]);
    await push(to, large(1));
    const said = (version: number): string =>
      JSON.stringify({ policy: version, data: version, user: version, docs: { written: "by the API" } });
    const seen = new Map<string, number>();
    let arriving = true;
    const done = (async () => {
      const outcomes = [await push(to, large(2)), await push(to, large(3))];
      arriving = false;
      return outcomes;
    })();
    let lastRevision = "";
    while (arriving) {
      const answer = to.ask("app", "app/said", { user: "user-7" }) as { readonly [key: string]: unknown };
      const { policy, data, user, docs } = answer;
      const text = JSON.stringify({ policy, data, user, docs });
      seen.set(text, (seen.get(text) ?? 0) + 1);
      lastRevision = to.store.current().bundles[0]?.revision ?? "";
      await setImmediate();
    }
    expect(await done).toMatchObject([
      { kind: "activated", changed: true },
      { kind: "activated", changed: true },
    ]);
    expect([...seen.keys()].filter((text) => ![1, 2, 3].map(said).includes(text))).toEqual([]);
    // decisions were made before and after, and while it was loaded
    expect(seen.get(said(1))).toBeGreaterThan(20);
    expect(seen.get(said(2))).toBeGreaterThan(20);
    expect(["r2", "r3"]).toContain(lastRevision);
    expect(to.ask("app", "app/allow", { user: "user-8" })).toBe(true);
  });

  test("waits for the canary; two at once both come into force; changes afterwards count", async () => {
    const canary = join(folder, "canary.json");
    const held = [{ name: "even", entrypoint: "app/allow", input: { user: "user-4" }, expect: true }];
    await writeFile(canary, JSON.stringify(held));
    const to = start(["app", { verify: { ...verifyNothing, canary } }], ["other"]);
    const both = await Promise.all([push(to, large(1)), push(to, large(5, "other"), "other")]);
    expect(both).toMatchObject([{ kind: "activated" }, { kind: "activated" }]);
    expect(to.ask("other", "other/said", { user: "user-1" })).toMatchObject({ policy: 5, user: 5 });
    await writeFile(canary, JSON.stringify([{ ...held[0], expect: false }]));
    expect(await push(to, large(2))).toMatchObject({ kind: "rejected", code: "canary_failed" });
    expect(
      to.store
        .current()
        .bundles.map(({ revision }) => revision)
        .sort(),
    ).toEqual(["r1", "r5"]);
    const app = to.store.current().bundles.find(({ name }) => name === "app");
    app?.policy.patch([{ path: ["app", "users", "user-7"], value: '{"active": true, "version": 9}' }]);
    expect(to.ask("app", "app/allow", { user: "user-7" })).toBe(true);
    expect(app?.policy.read(["app", "users", "user-7"])).toEqual(parseJson('{"active": true, "version": 9}'));
  });

  test("that needs a built-in that isn't here is refused by its code, where it calls it", async () => {
    const to = start(["app"]);
    await push(to, large(1));
    const users = JSON.stringify({ users: records(5_000) });
    const rego = 'package app\n\nallow if http.send({"method": "get", "url": data.app.users.x}).body\n';
    const outcome = await push(to, bundleOf({ rego, files: { "app/data.json": users } }));
    expect(outcome).toMatchObject({
      ...{ kind: "rejected", code: "builtin_unavailable" },
      errors: [{ file: "app/app.rego", row: 3 }],
    });
    expect(to.ask("app", "app/allow", { user: "user-8" })).toBe(true);
  });
});
