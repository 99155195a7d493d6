import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { Json } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { BuildOutcome } from "../../sidecar/rego/bundle.js";
import { skeletonOf } from "../../sidecar/rego/skeleton.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const toolchain = createToolchain({ maxMemoryPages: 4_096 });
const root = mkdtempSync(join(tmpdir(), "countersign-skeleton-"));
afterAll(async () => {
  await toolchain.close();
  rmSync(root, { recursive: true });
});

function built(outcome: BuildOutcome) {
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  return outcome.bundle;
}
function object(text: string) {
  const value = parseJson(text);
  if (!isObject(value)) throw new Error("no object");
  return value;
}

describe("what the compiler sees of the data", () => {
  test.each<[name: string, rego: string, data: string, roots: string[], seen: string]>([
    [
      "names of packages and rules",
      "package a\nb := 1",
      '{"a":{"b":[1],"c":2},"d":{"a":3}}',
      [""],
      '{"a":{"b":null}}',
    ],
    ["no values", "package a", '{"a":"secret"}', [""], '{"a":null}'],
    ["names in strings", 'package a["b-c"].d', '{"a":{"b-c":{"d":{"e":1}}}}', [""], '{"a":{"b-c":{"d":{}}}}'],
    [
      "escaped names",
      String.raw`package a["\u0062\"c"]`,
      String.raw`{"a":{"b\"c":1,"x":2}}`,
      [""],
      String.raw`{"a":{"b\"c":null}}`,
    ],
    ["raw strings", "package a\nr[`b c`] := 1", '{"a":{"r":{"b c":1}}}', [""], '{"a":{"r":{"b c":null}}}'],
    [
      "quotes in comments",
      'package a # it\'s "\nr["b c"] := 1 # "',
      '{"a":{"r":{"b c":1}}}',
      [""],
      '{"a":{"r":{"b c":null}}}',
    ],
    [
      "all, where strings may hide in strings",
      'package a\nr := $"{input["x"]}"\ns := "\\n"',
      '{"x":{"y":1}}',
      [""],
      '{"x":{"y":null}}',
    ],
    [
      "what lies outside of the roots",
      "package a",
      '{"a":{"x":1},"b":{"y":2},"c":{"d":{"z":3},"e":4}}',
      ["a", "c/d"],
      '{"a":{},"b":{"y":null},"c":{"e":null}}',
    ],
    [
      "a key like __proto__",
      'package a["__proto__"]',
      '{"a":{"__proto__":{"b":1}}}',
      [""],
      '{"a":{"__proto__":{}}}',
    ],
    [
      "the toolchain's own packages",
      "package a",
      '{"countersign_index":{"x":1}}',
      [""],
      '{"countersign_index":{}}',
    ],
  ])("%s", (_, rego, data, roots, seen) => {
    expect(stringifyJson(skeletonOf(object(data), [rego], roots))).toBe(seen);
  });
});

describe("rules and data", () => {
  test.each<[name: string, files: Record<string, string>, error: object]>([
    [
      "a rule where data stands",
      { "p.rego": "package p\n\nr := 1", "p/data.json": '{"r":{"x":1}}' },
      { code: "rego_compile_error", file: "p.rego", row: 3 },
    ],
    [
      "by an escaped name",
      { "p.rego": String.raw`package p["\u0071"]` + "\n\nr := 1", "data.json": '{"p":{"q":{"r":0}}}' },
      { code: "rego_compile_error", file: "p.rego", row: 3 },
    ],
    [
      "data of YAML",
      { "p.rego": "package p\n\nr := 1", "p/data.yaml": "r: 1", "data.json": '{"p":{"s":1}}' },
      { code: "rego_compile_error", file: "p.rego", row: 3 },
    ],
    [
      "data outside of the roots",
      { "p.rego": "package p\n\nr := 1", "data.json": '{"q":{"x":1}}', ".manifest": '{"roots":["p"]}' },
      { code: "roots_violated", message: expect.stringContaining("'q'") },
    ],
    [
      "two files for one path",
      { "p.rego": "package p\n\nr := 1", "data.json": '{"q":{"x":1}}', "q/data.json": '{"x":2}' },
      { code: "bundle_data" },
    ],
    [
      "JSON and YAML for one path",
      { "p.rego": "package p\n\nr := 1", "data.json": '{"q":{"x":1}}', "q/data.yaml": "x: 2" },
      { code: "bundle_data" },
    ],
    [
      "what is no JSON",
      { "p.rego": "package p\n\nr := 1", "q/data.json": '{\n"x":}' },
      { code: "invalid_json", file: "q/data.json", row: 2 },
    ],
    [
      "the toolchain's own package",
      { "p.rego": "package p\n\nr := 1", "data.json": '{"countersign_index":{}}' },
      { code: "reserved_package" },
    ],
  ])("%s is refused", async (_, files, error) => {
    expect(await compileBundle({ files, toolchain })).toMatchObject({ kind: "rejected", errors: [error] });
  });

  test("the policy answers from the data that the compiler never saw", async () => {
    const text = String.raw`{"s":"\ud83d\ude00\u0000\u2028\/\"é","n":1.0,"big":9007199254740993,"o":{"":[]}}`;
    const files = {
      "p.rego": "package p\n\nr := data.q",
      "q/data.json": ` ${text}\n`,
      "q/y/data.yaml": "k: 1.5\nbig: 12345678901234567890\n",
    };
    const { data, wasm } = built(await compileBundle({ files, toolchain }));
    const wanted = `{"q":${text.slice(0, -1)},"y":{"big":12345678901234567890,"k":1.5}}}`;
    expect(stringifyJson(parseJson(data))).toBe(stringifyJson(parseJson(wanted)));
    const answer = loadPolicy({ wasm, data, budget: 1e6, maxPages: 256 }).evaluate("p/r", {});
    if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
    const sorted = (value: Json): Json =>
      isObject(value)
        ? Object.fromEntries(
            Object.keys(value)
              .sort()
              .map((key) => [key, sorted(value[key] ?? null)]),
          )
        : value;
    expect(stringifyJson(sorted(answer.value))).toBe(stringifyJson(sorted(object(wanted).q ?? null)));
  });

  test("new data need no compiler where the policy is kept; a name of the policy's in them does", async () => {
    const rego = { "p.rego": "package p\n\nr := data.q.x" };
    const compile = (x: string, by: Pick<typeof toolchain, "build" | "data" | "version">) =>
      compileBundle({ files: { ...rego, "data.json": `{"q":{${x}}}` }, toolchain: by, cacheDir: root });
    const absent = { ...toolchain, build: () => Promise.reject(new Error("compiled")) };
    const first = built(await compile('"x":1', toolchain));
    const second = built(await compile('"x":2,"y":3', absent));
    expect([first.data, second.data]).toEqual(['{"q":{"x":1}}', '{"q":{"x":2,"y":3}}']);
    expect(second.digest).not.toBe(first.digest);
    expect(built(await compile('"x":1', absent))).toEqual(first);
    await expect(compile('"x":2,"r":3', absent)).rejects.toThrow("compiled");
  });

  test("25 MB of data build in the compiler's 256 MiB", async () => {
    const users = Array.from(
      { length: 330_000 },
      (_, i) => `"user${i}":{"name":"n${i}","groups":["g${i % 100}","all"],"age":${i},"city":"c${i % 50}"}`,
    );
    const data = `{"users":{${users.join(",")}}}`;
    expect(data.length).toBeGreaterThan(25e6);
    const bundle = built(
      await compileBundle({
        files: { "p.rego": "package p\n\nr := data.users[input.u].age", "data.json": data },
        toolchain,
      }),
    );
    expect(bundle.data === data).toBe(true);
  });
});
