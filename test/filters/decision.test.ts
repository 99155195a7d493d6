/** A decision whose filter names a rule brings that rule's condition for this caller: the real sidecar, over its socket. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Decision } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../identify/world.js";

const edgeToken = "a-token-of-at-least-thirty-two-characters";
const key = ec();
const seconds = Math.floor(Date.now() / 1000);
const callers = token(header, { ...payload, iat: seconds - 5, exp: seconds + 3_600 }, es256(key));

/** Each collection's rule has its own way to go wrong. */
const policy = `package shop

import input.resource.document as doc

# METADATA
# entrypoint: true
decision := {"allow": input.resource.id != "denied", "reasons": [], "obligations": [
	{"id": "seen", "type": "filter", "properties": {"include": concat("", ["shop/", input.resource.properties.rule])}},
	{"id": "fixed", "type": "filter", "properties": {"condition": {"type": "field", "operator": "eq", "field": "live", "value": true}}},
], "labels": [], "ttl": 600}

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
include if {
	doc.tenant == input.subject.properties.tenant
	data.shop_levels[doc.class] <= 1
}

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
failing if doc.k == twice

twice := 1 if input.resource.id
twice := 2 if input.resource.id

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
large if doc.k in numbers.range(1, 2000)

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
odd if doc.k == input.action

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
none if doc.k == input.nothing

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
mine if doc.k == input.context.request.id

# METADATA
# scope: document
# custom: {filter: {unknown: input.resource.document}}
early if {
	time.now_ns() < ${String(seconds + 300)}000000000
	doc.k == 1
}

unmarked if doc.k == 1
`;

let folder: string;
let sidecar: Sidecar;
const log = (): string => join(folder, "log.jsonl");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-filters-"));
  await mkdir(join(folder, "policy"));
  await writeFile(join(folder, "policy", "shop.rego"), policy);
  await writeFile(
    join(folder, "policy", "data.json"),
    '{"shop_levels": {"public": 0, "internal": 1, "secret": 2}}',
  );
  await writeFile(join(folder, "edge"), edgeToken, { mode: 0o600 });
  sidecar = await startSidecar({
    bundles: [join(folder, "policy")],
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: [],
    config: {
      decision: { entrypoint: "shop/decision" },
      decision_logs: { console: false, file: log() },
      identity: { issuers: [issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never)] },
      pep: { peers: [{ name: "edge", token_file: join(folder, "edge") }] },
    } as never,
    sets: [],
    watch: false,
    log: { level: "error", format: "json" },
    version: "test",
  });
});
afterAll(async () => {
  await sidecar.close();
  await rm(folder, { recursive: true, force: true });
});

async function decide(rule: string, { obligations = ["filter"], id = "kb" } = {}): Promise<Decision> {
  const response = await fetch(`${sidecar.addresses[0] ?? ""}/v1/decisions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${edgeToken}` },
    body: JSON.stringify({
      call: {
        kind: "retrieval",
        action: { name: "retrieval.query", properties: {} },
        resource: { type: "collection", id, properties: { rule } },
      },
      credentials: { bearer: callers },
      context: { request: { id: "r", method: "POST", path: "/" } },
      obligations,
    }),
  });
  return (await response.json()) as Decision;
}

const fixed = {
  id: "fixed",
  type: "filter",
  properties: { condition: { type: "field", operator: "eq", field: "live", value: true } },
};

test("the rule's condition stands in the place of its name", async () => {
  const { allow, obligations } = await decide("include");
  expect({ allow, obligations }).toEqual({
    allow: true,
    obligations: [
      {
        id: "seen",
        type: "filter",
        properties: {
          condition: {
            type: "compound",
            operator: "and",
            value: expect.arrayContaining([
              { type: "field", operator: "eq", field: "tenant", value: "acme" },
              { type: "field", operator: "in", field: "class", value: ["internal", "public"] },
            ]) as unknown,
          },
        },
      },
      fixed,
    ],
  });
  expect((await decide("include")).cache).toBe("l1");
});

test("what rests on a filter lives no longer than it, and isn't given again to others who ask the same", async () => {
  for (const rule of ["mine", "early", "early"]) {
    await decide(rule);
    const { allow, reusable, cache, expires_at, ttl } = await decide(rule);
    expect([allow, reusable, cache]).toEqual([true, undefined, "l1"]);
    if (rule !== "early") continue;
    expect(Date.parse(expires_at)).toBeLessThanOrEqual((seconds + 300) * 1_000);
    // of the policy's, what is left: whole seconds
    expect([ttl < 300, Number.isInteger(ttl)]).toEqual([true, true]);
  }
});

test("what no document can meet is said so, not denied", async () => {
  const { allow, obligations } = await decide("none");
  expect(allow).toBe(true);
  expect(obligations[0]?.properties).toEqual({ condition: { type: "compound", operator: "or", value: [] } });
});

const refused: readonly (readonly [name: string, rule: string, code: string])[] = [
  ["a rule that isn't there", "other", "filter_unknown"],
  ["a rule that isn't marked", "unmarked", "filter_unknown"],
  ["a path that leads elsewhere", "../shop/include", "filter_unknown"],
  ["an evaluation that fails", "failing", "filter_failed"],
  ["a value that no condition holds", "odd", "filter_failed"],
  ["more than a condition may be", "large", "filter_too_large"],
];
test.each(refused)("denied: %s", async (_name, rule, code) => {
  const { allow, obligations, reasons } = await decide(rule);
  expect({ allow, obligations, code: reasons[0]?.code }).toEqual({ allow: false, obligations: [], code });
});

test("the data API has neither the filters nor their twins", async () => {
  const get = async (path: string): Promise<unknown> =>
    ((await (await fetch(`${sidecar.addresses[0] ?? ""}/v1/data${path}`)).json()) as { result?: unknown })
      .result;
  expect(Object.keys((await get("")) as object).sort()).toEqual(["shop", "shop_levels"]);
  for (const path of ["/countersign_filter", "/countersign_filter/shop/include", "/countersign_twin"])
    expect(await get(path)).toBeUndefined();
});

test("who can't filter is denied, as for any obligation", async () => {
  const { allow, reasons } = await decide("include", { obligations: [] });
  expect({ allow, code: reasons[0]?.code }).toEqual({ allow: false, code: "obligation_unsatisfiable" });
});

test("of a deny nothing is derived", async () => {
  const { allow, obligations, reasons } = await decide("failing", { id: "denied" });
  expect({ allow, obligations, reasons }).toEqual({ allow: false, obligations: [], reasons: [] });
});

test("the record names fields and operators, and no value", async () => {
  const { decision_id: id } = await decide("include");
  const line = await lineOf(id);
  const { obligations } = JSON.parse(line) as { obligations: { properties: Record<string, unknown> }[] };
  expect(obligations[0]?.properties).toEqual({
    condition: {
      type: "object",
      bytes: expect.any(Number) as unknown,
      sha256: expect.any(String) as unknown,
    },
    fields: ["class", "tenant"],
    operators: ["and", "eq", "in"],
  });
  expect(JSON.stringify(obligations)).not.toMatch(/acme|internal|public/);
});

async function lineOf(id: string): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const found = readFileSync(log(), "utf8")
      .split("\n")
      .find((line) => line.includes(id));
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("the decision wasn't recorded");
}
