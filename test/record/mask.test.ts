/** Policies of the decision log: what they drop and mask reaches no sink, and where they fail nothing leaks. */
import { createServer } from "node:http";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { applyMask } from "../../sidecar/record/mask/apply.js";
import { readMaskRules } from "../../sidecar/record/mask/rules.js";
import { createScreen } from "../../sidecar/record/mask/screen.js";
import type { LogAnswer, LogPolicies } from "../../sidecar/record/mask/screen.js";
import type { ActiveBundle, BundleSet } from "../../sidecar/bundles/active.js";
import { startSidecar } from "../../sidecar/main.js";
import { findLogPolicies } from "../../sidecar/wire/log-policies.js";
import { bundleCache } from "../world.js";
import { until } from "./spilling.js";

const maskedBy = (rules: Json, event: Json): unknown => {
  const copy = parseJson(stringifyJson(event)) as JsonObject;
  applyMask(copy, readMaskRules(rules));
  return JSON.parse(stringifyJson(copy));
};

test("a mask at a path that a large policy doesn't answer at is asked for at the package above", () => {
  const asked: string[] = [];
  const bundle = (paths: readonly string[]): BundleSet => ({
    bundles: [
      {
        entrypoints: new Map(paths.map((path) => [path, {}])),
        dataVersion: () => 0,
        policy: {
          evaluate(path: string) {
            asked.push(path);
            return { kind: "value", value: { log: { mask: ["/input"] } } };
          },
          read: () => undefined,
        },
      } as unknown as ActiveBundle,
    ],
  });
  const paths = ["acme", ...Array.from({ length: 100 }, (_, i) => `p${i}`)];
  const found = findLogPolicies(() => bundle(paths), { mask: "acme/log/mask", drop: "none/drop" })();
  expect(found?.mask?.("{}")).toEqual({ kind: "value", value: ["/input"] });
  expect(found?.drop).toBeUndefined();
  expect(asked).toEqual(["acme"]);
});

describe("rules", () => {
  // facts of OPA 1.22, v1/plugins/logs/mask_test.go and mask.go
  test.each<[string, Json, Json, unknown]>([
    ["a member", ["/input/a"], { input: { a: 1, b: 2 } }, { input: { b: 2 }, erased: ["/input/a"] }],
    ["all of it", ["/input"], { input: { a: 1 } }, { erased: ["/input"] }],
    ["what isn't there", ["/input/x/y", "/result/z", "/nd_builtin_cache"], { input: {} }, { input: {} }],
    [
      "of a list",
      ["/input/a/1"],
      { input: { a: [1, 2, 3] } },
      { input: { a: [1, 3] }, erased: ["/input/a/1"] },
    ],
    ["of a list that is all", ["/input/0"], { input: [1, 2] }, { input: [2], erased: ["/input/0"] }],
    ["past a list's end", ["/input/7", "/input/-1", "/input/x"], { input: [1] }, { input: [1] }],
    ["in what is no object", ["/input/a/b"], { input: { a: "text" } }, { input: { a: "text" } }],
    [
      "replaced",
      [{ op: "upsert", path: "/input/a/b", value: null }],
      { input: {} },
      { input: { a: { b: null } }, masked: ["/input/a/b"] },
    ],
    [
      "replaced as a whole",
      [{ op: "upsert", path: "/result", value: { x: [1] } }],
      { result: true },
      { result: { x: [1] }, masked: ["/result"] },
    ],
    [
      "replaced where there is nothing",
      [{ op: "upsert", path: "/input/a", value: 1 }],
      { result: 1 },
      { result: 1 },
    ],
    [
      "no list is made longer",
      [{ op: "upsert", path: "/input/1000000000", value: 1 }],
      { input: [1] },
      { input: [1] },
    ],
    [
      "a name that a pointer escapes",
      ["/input/a~1b", "/input/c%20d", "/input/e~0f"],
      { input: { "a/b": 1, "c d": 2, "e~f": 3, g: 4 } },
      { input: { g: 4 }, erased: ["/input/a~1b", "/input/c%20d", "/input/e~0f"] },
    ],
    [
      "names that objects have anyway",
      ["/input/__proto__/x", { op: "upsert", path: "/input/__proto__/polluted", value: 1 }],
      { input: {} },
      { input: JSON.parse('{"__proto__":{"polluted":1}}') as Json, masked: ["/input/__proto__/polluted"] },
    ],
  ])("%s", (_name, rules, event, expected) => {
    expect(maskedBy(rules, event)).toEqual(expected);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each<[string, Json]>([
    ["no list", { "/input/a": true }],
    ["a number", [7]],
    ["no slash", ["input/a"]],
    ["nothing", [""]],
    ["labels", ["/labels/id"]],
    ["the decision's id", [{ op: "upsert", path: "/decision_id", value: "x" }]],
    ["another op", [{ op: "add", path: "/input/a", value: 1 }]],
    ["no op", [{ path: "/input/a" }]],
    ["no path", [{ op: "remove" }]],
    ["too many", Array.from({ length: 1_001 }, (_, i) => `/input/${i}`)],
    ["too deep", [`/input${"/a".repeat(65)}`]],
  ])("%s: refused, all of them", (_name, rules) => {
    expect(() => readMaskRules(rules)).toThrow();
  });
});

describe("the screen", () => {
  const event =
    '{"labels":{"id":"i"},"type":"decision","decision_id":"d","input":{"secret":"s"},"result":{"allow":true}}';
  const bare = {
    ...{ labels: { id: "i" }, type: "decision", decision_id: "d" },
    ...{ erased: ["/input", "/result"], incomplete: true },
  };
  const value = (result: Json): LogAnswer => ({ kind: "value", value: result });
  const failed: LogAnswer = { kind: "failed", code: "evaluation_budget_exceeded", detail: "fuel" };

  test.each<[string, LogPolicies | undefined, unknown, readonly string[]]>([
    ["no policy", undefined, JSON.parse(event), []],
    ["an undefined mask", { mask: () => ({ kind: "undefined" }) }, JSON.parse(event), []],
    ["an empty mask", { mask: () => value([]) }, JSON.parse(event), []],
    ["a mask that fails", { mask: () => failed }, bare, ["mask evaluation_budget_exceeded: fuel"]],
    ["a mask that throws", { mask: () => JSON.parse("{") as LogAnswer }, bare, ["mask fault"]],
    ["a malformed mask", { mask: () => value("/input") }, bare, ["mask the mask is no set of rules"]],
    [
      "one bad rule of two",
      { mask: () => value(["/input", "/labels"]) },
      bare,
      [expect.stringContaining("mask ") as unknown as string],
    ],
    [
      "a huge value",
      { mask: () => value([{ op: "upsert", path: "/input/x", value: "x".repeat(70_000) }]) },
      bare,
      ["mask the mask adds more than 65536 characters"],
    ],
    [
      "a value many times",
      {
        mask: () =>
          value(
            Array.from({ length: 1_000 }, (_, i) => ({
              op: "upsert",
              path: `/input/${i}`,
              value: "x".repeat(99),
            })),
          ),
      },
      bare,
      ["mask the mask adds more than 65536 characters"],
    ],
    ["drop", { drop: () => value(true), mask: () => failed }, undefined, []],
    ["drop that is only like true", { drop: () => value("true") }, JSON.parse(event), []],
    [
      "a drop that fails: recorded, without",
      { drop: () => failed },
      bare,
      ["drop evaluation_budget_exceeded: fuel"],
    ],
  ])("%s", (_name, policies, expected, told) => {
    const withheld: string[] = [];
    const screen = createScreen({
      policies: () => policies,
      onWithheld: (policy, reason) => withheld.push(`${policy} ${reason}`),
    });
    const text = screen(event);
    expect(text === undefined ? undefined : JSON.parse(text)).toEqual(expected);
    expect(withheld).toEqual(told);
    expect(text ?? "").not.toMatch(/[\n\r\u2028]/);
  });

  test("a failing policy gets a tenth of the time: meanwhile events go without, unasked, until another is in force", () => {
    let now = 0;
    let asked = 0;
    let policies: LogPolicies = {
      mask: () => {
        asked++;
        now += 10;
        return failed;
      },
    };
    const screen = createScreen({ policies: () => policies, onWithheld: () => undefined, clock: () => now });
    for (let n = 0; n < 100; n++) expect(screen(event)).not.toContain("secret");
    expect(asked).toBe(1);
    now += 101;
    expect(screen(event)).not.toContain("secret");
    expect(asked).toBe(2);
    policies = { mask: () => value(["/input/secret"]) };
    expect(screen(event)).toContain('"erased":["/input/secret"]');
  });

  test("an event that can't be read again is known by its id, and no more", () => {
    const deep = `{"decision_id":"d-1","input":${"[".repeat(600)}1${"]".repeat(600)}}`;
    const screen = createScreen({
      policies: () => ({ mask: () => value(["/input/0"]) }),
      onWithheld: () => undefined,
    });
    expect(JSON.parse(screen(deep) ?? "")).toEqual({
      type: "decision",
      decision_id: "d-1",
      incomplete: true,
    });
  });
});

const policy = `package system.log

drop if input.input.how == "drop"

drop := false if input.input.how == "both"

drop if input.input.how == "both"

mask contains "/input/password"

mask contains {"op": "upsert", "path": "/input/card", "value": "**\\n**\\u2028"} if input.input.card

mask contains "/result" if input.path == "app/secret"

mask contains {"op": "upsert", "path": "/labels/id", "value": "me"} if input.input.how == "labels"

mask contains {"op": "upsert", "path": "/input/x", "value": concat("", [s | some i in numbers.range(1, 20000); s := sprintf("%d-----", [i])])} if input.input.how == "huge"

mask contains "/input/never" if {
	input.input.how == "loop"
	count([1 | some i in numbers.range(1, 5000); some j in numbers.range(1, 5000); i * j == -1]) > 0
}
`;

test("a bundle's policies screen what the file and the service get, and nothing of what they failed on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "countersign-mask-"));
  const uploads: string[] = [];
  const service = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.url === "/logs/team") uploads.push(gunzipSync(Buffer.concat(parts)).toString());
      response.end();
    });
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  const file = join(folder, "log.jsonl");
  await mkdir(join(folder, "bundle"));
  await writeFile(join(folder, "bundle", "log.rego"), policy);
  const app = 'package app\n\nsecret := {"token": "hidden-result"}\n\nseen := true\n';
  await writeFile(join(folder, "bundle", "app.rego"), app);
  const sidecar = await startSidecar({
    ...{ bundles: [join(folder, "bundle")], addresses: ["127.0.0.1:0"], diagnosticAddresses: [] },
    config: {
      services: { sink: { url: `http://127.0.0.1:${(service.address() as AddressInfo).port}` } },
      decision_logs: {
        ...{ service: "sink", partition_name: "team", file, input: "full" },
        ...{
          reporting: { min_delay_seconds: 1, max_delay_seconds: 1 },
          spill: { directory: join(folder, "spill") },
        },
      },
    },
    ...{
      sets: [],
      watch: false,
      cacheDir: bundleCache,
      log: { level: "error", format: "json" },
      version: "test",
    },
  });
  const ask = (path: string, input: unknown) =>
    fetch(`${sidecar.addresses[0] ?? ""}/v1/data/app/${path}`, {
      method: "POST",
      body: JSON.stringify({ input }),
    }).then((response) => response.json());
  const lines = async () => (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  const written = (count: number) => {
    let found: string[] = [];
    const read = async () => (found = await lines());
    return until(() => (void read(), found.length >= count)).then(() => found);
  };
  try {
    expect(await ask("seen", { password: "hidden-password", card: "hidden-card", kept: 1 })).toMatchObject({
      result: true,
    });
    expect(await ask("secret", { how: "x" })).toMatchObject({ result: { token: "hidden-result" } });
    await ask("seen", { how: "drop", note: "hidden-drop" });
    const good = await written(2);
    const events = good.map((line) => JSON.parse(line) as JsonObject);
    expect(events[0]).toMatchObject({
      ...{ input: { card: "**\n**\u2028", kept: 1 }, erased: ["/input/password"], masked: ["/input/card"] },
      result: true,
    });
    expect(events[1]).toMatchObject({ input: { how: "x" }, erased: ["/result"] });
    for (const how of ["both", "labels", "huge", "loop"]) await ask("seen", { how, note: "hidden-note" });
    const all = await written(6);
    for (const line of all.slice(2)) {
      const event = JSON.parse(line) as JsonObject;
      expect(event).toMatchObject({ erased: ["/input", "/result"], incomplete: true, path: "app/seen" });
      expect(event["labels"]).toEqual(events[0]?.["labels"]);
    }
    expect((await lines()).join()).not.toContain("hidden");
    await sidecar.close();
    // the service got the same, to the letter
    const sent = uploads.flatMap((text) => text.slice(1, -1).split(",\n"));
    expect(sent).toEqual(all);
  } finally {
    await sidecar.close();
    service.closeAllConnections();
    service.close();
    await rm(folder, { recursive: true });
  }
});
