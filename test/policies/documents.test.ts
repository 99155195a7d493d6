/**
 * INVARIANT of the shipped policies: what stores are asked for, what one document is judged by, and what is kept of a whole
 * answer are one and the same, for any caller, collection and document.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { holds } from "../../gateway/retrieval/conditions/holds.js";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { conditionOf } from "../../sidecar/filters/condition-of.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { policies } from "../world.js";

const include = "countersign/document/include";
const toolchain = createToolchain({});
afterAll(() => toolchain.close());

const data = readFileSync(join(policies, "data.json"), "utf8");
let wasm: Uint8Array;
const load = (budget: number): Policy =>
  loadPolicy({ wasm, data, budget, maxPages: 1_024, builtins: serveBuiltins() });
beforeAll(async () => {
  const paths = readdirSync(policies, { recursive: true, encoding: "utf8" });
  const shipped = paths.filter((path) => path.endsWith(".rego") && !path.endsWith("_test.rego"));
  const built = await toolchain.build({
    files: Object.fromEntries(shipped.map((path) => [path, readFileSync(join(policies, path), "utf8")])),
    entrypoints: ["countersign/decision", include],
  });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
}, 120_000);

const from = Date.UTC(2026, 10, 18, 10) / 1_000;
const maybe = <T>(values: readonly T[]): fc.Arbitrary<T | undefined> => fc.constantFrom(...values, undefined);
const record = <T extends object>(value: T): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as JsonObject;

const groups = ["ml-senior", "ml-engineering", "data-science", "ci", "contractors"];
const inputs = fc
  .record({
    tenant: fc.constantFrom("acme", "acme", "globex"),
    groups: fc.subarray(groups, { minLength: 1 }),
    department: fc.constantFrom<(Json | undefined)[]>("research", "analytics", "support", undefined, ["research"], ""),
    id: fc.constantFrom("wiki", "wiki", "handbook", "patients", "globex-docs", "public-docs", "none"),
    network: fc.constantFrom("internal", "internal", "external"),
    managed: fc.boolean(),
  })
  .map(({ tenant, groups, department, id, network, managed }) => ({
    subject: { type: "agent", id: "a", properties: record({ tenant, groups, department, assurance: "bearer" }) },
    action: { name: "retrieval.query", properties: { phase: "response" } },
    resource: { type: "collection", id, properties: { region: "eu", environment: "prod" } },
    context: {
      source: { network },
      device: { managed, compliant: true },
      time: { hour: 10, weekday: "wednesday", hour_from: from, hour_until: from + 3_600 },
    },
  }));

/** As the gateway reads documents: each field of its type, or not there. */
const documents = fc
  .record({
    tenant: maybe(["acme", "acme", "acme", "globex", "*", "initech"]),
    classification: maybe(["public", "internal", "internal", "confidential", "restricted", "secret"]),
    region: maybe(["eu", "eu", "ap", undefined]),
    department: maybe(["research", "analytics", "support", "", undefined, undefined]),
    owner: maybe(["sam", undefined]),
    created: maybe([0, from - 86_400, from - 86_400, from + 3_599, from + 3_600]),
    expires: maybe([from + 3_599, from + 3_600, 4e9, undefined, undefined]),
  })
  .map(record);

test("a query is narrowed to what is given of an answer, document by document", () => {
  const policy = load(1e8);
  const seen = { yes: 0, no: 0, answers: 0 };
  fc.assert(
    fc.property(inputs, fc.array(documents, { minLength: 1, maxLength: 24 }), (input, found) => {
      const asked = policy.evaluate(`countersign_filter/${include}`, input as unknown as Json);
      if (asked.kind !== "value") throw new Error(JSON.stringify(asked));
      const derived = conditionOf(asked.value);
      if (derived.kind !== "derived") throw new Error(derived.kind);
      const each = found.map((document) => {
        const one = { ...input, resource: { ...input.resource, document } };
        const judged = policy.evaluate(include, one as unknown as Json);
        if (judged.kind === "failed") throw new Error(JSON.stringify(judged));
        const kept = judged.kind === "value" && judged.value === true;
        seen[kept ? "yes" : "no"]++;
        expect(holds(derived.condition, document as never)).toBe(kept);
        return kept;
      });
      const kept = keptOf(policy, input, found);
      if (kept === undefined) return;
      seen.answers++;
      expect(kept).toEqual(found.flatMap((_, i) => (each[i] === true ? [i] : [])));
    }),
    { numRuns: 300, seed: 8 },
  );
  // the generators make what tells them apart
  expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(100);
  expect(seen.answers).toBeGreaterThan(50);
});

/** What the decision keeps; undefined where it denies. */
function keptOf(policy: Policy, input: { resource: object }, found: readonly JsonObject[]): Json | undefined {
  const properties = { region: "eu", environment: "prod", documents: found, recent: { queries: 1, narrow: 1 } };
  const answer = policy.evaluate("countersign/decision", {
    ...input,
    resource: { ...input.resource, properties },
  } as unknown as Json);
  if (answer.kind !== "value" || !isObject(answer.value)) throw new Error(JSON.stringify(answer));
  const { allow, obligations = [] } = answer.value;
  if (allow !== true || !Array.isArray(obligations)) return undefined;
  const keep = obligations.find((one) => isObject(one) && one["type"] === "keep_documents");
  return isObject(keep) && isObject(keep["properties"]) ? keep["properties"]["documents"] : undefined;
}

test("256 documents are judged within half the budget of a decision", () => {
  const document = {
    ...{ tenant: "acme", classification: "confidential", region: "eu", owner: "sam" },
    ...{ created: from - 86_400, expires: 4e9 },
  };
  const subject = { tenant: "acme", groups: ["ml-engineering", "ml-senior"], department: "research" };
  const input = {
    subject: { type: "agent", id: "a", properties: { ...subject, assurance: "bearer" } },
    action: { name: "retrieval.query", properties: { phase: "response" } },
    resource: { type: "collection", id: "wiki" },
    context: {
      source: { network: "internal" },
      device: { managed: true, compliant: true },
      time: { hour: 10, weekday: "wednesday", hour_from: from, hour_until: from + 3_600 },
    },
  };
  const kept = keptOf(load(500_000), input, Array.from({ length: 256 }, () => document));
  expect(kept).toHaveLength(256);
});
