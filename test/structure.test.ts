/** The rules of the layout: who may import what, who reads the environment, how files are written. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { root } from "./world.js";

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const places = ["sidecar", "gateway", "cli", "demo"];
const files = places.flatMap((place) =>
  readdirSync(join(root, place), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => `${place}/${path}`),
);
const text = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
const imports: Import[] = files.flatMap((from) =>
  [...(text.get(from) ?? "").matchAll(/^(?:import|export) (type )?[^;]*?from "(\.[^"]+)";/gms)].map(
    ([whole, type, path = ""]) => ({
      from,
      to: normalize(join(dirname(from), path)).replace(/\.js$/, ".ts"),
      // every name may carry its own `type`
      typeOnly: type !== undefined || /^import \{(?:\s*type [^,}]+,?)+\s*\}/.test(whole),
    }),
  ),
);

const steps = [
  ...["identify", "describe", "decide", "assert", "record", "rego", "bundles", "api", "filters"],
  ...["state", "operator", "signals", "status", "discovery"],
];
const folderOf = (file: string): string => file.split("/")[1] ?? "";
/** What steps share besides the contract: addresses and bounded fetches. */
const shared = (file: string): boolean => folderOf(file) === "net";
const contract = (file: string): boolean => file === "sidecar/contract.ts" || folderOf(file) === "contract";

/** What a step takes from another one at run time, and why. */
const allowed: Record<string, string> = {
  "bundles/active.ts": "the set of active bundles is what doors and decide ask",
  "decide/parse-decision.ts": "authorize reads what a policy gave",
  "rego/limits.ts": "what a configuration may ask for is what is read",
  "rego/digest.ts": "what is active is named by what was built",
  "rego/manifest.ts": "what lies under the roots is told in one way",
};

test("there is something to check", () => {
  expect(files.length).toBeGreaterThan(100);
  expect(imports.length).toBeGreaterThan(300);
});

test("gateway/ knows nothing of sidecar/ but the contract", () => {
  const wrong = imports.filter(({ from, to }) => from.startsWith("gateway/") && to.startsWith("sidecar/"));
  expect(wrong.filter(({ to }) => to !== "sidecar/contract.ts")).toEqual([]);
});

test("the contract imports nothing else of ours", () => {
  expect(imports.filter(({ from, to }) => contract(from) && !contract(to))).toEqual([]);
});

test("what steps share imports nothing of ours but the contract", () => {
  expect(imports.filter(({ from, to }) => shared(from) && !shared(to) && !contract(to))).toEqual([]);
});

test("a step imports its own folder, the contract, what is shared, and types; only main.ts wires", () => {
  const wrong = imports.filter(
    ({ from, to, typeOnly }) =>
      from.startsWith("sidecar/") &&
      steps.includes(folderOf(from)) &&
      !typeOnly &&
      !contract(to) &&
      !shared(to) &&
      folderOf(to) !== folderOf(from) &&
      allowed[to.replace(/^sidecar\//, "")] === undefined,
  );
  expect(wrong).toEqual([]);
});

test("the product doesn't know the demo, but for the commands that start it", () => {
  const wrong = imports.filter(
    ({ from, to, typeOnly }) => to.startsWith("demo/") && !from.startsWith("demo/") && !typeOnly,
  );
  expect(wrong).toEqual([]);
});

describe.each<[string, RegExp, readonly string[]]>([
  [
    "only the composition roots read the environment",
    /process\.env/,
    ["sidecar/main.ts", "gateway/main.ts", "demo/world.ts"],
  ],
  ["there are no default exports", /^export default/m, []],
  ["nothing is written to the console", /\bconsole\.(?:log|error|warn|info)\(/, []],
])("%s", (_name, pattern, exceptions) => {
  test("in any file", () => {
    expect(files.filter((file) => pattern.test(text.get(file) ?? "") && !exceptions.includes(file))).toEqual(
      [],
    );
  });
});

test("tests try the same cases each time: they take fast-check from one place", () => {
  const tests = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" });
  const wrong = tests.filter(
    (file) =>
      file.endsWith(".ts") &&
      file !== "properties.ts" &&
      /^import .* from "fast-check"/m.test(readFileSync(join(root, "test", file), "utf8")),
  );
  expect(wrong).toEqual([]);
});

test("no file has grown past 400 lines", () => {
  expect(files.filter((file) => (text.get(file) ?? "").split("\n").length > 400)).toEqual([]);
});
