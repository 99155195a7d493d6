/** Ways to fence, lift or look without the right to: each is tried on a real sidecar. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { until } from "../redis.js";
import type { OperatorWorld } from "./world.js";
import { keys, startOperatorWorld } from "./world.js";

let world: OperatorWorld;
beforeAll(async () => {
  world = await startOperatorWorld({ pushed: true, config: { fences: { second_person: true } } });
});
afterAll(() => world.close());

const bob = { match: { tenant: "acme", chain: "bob" }, reason: "test" };
const operator = { groups: ["fence-operator"] };

interface Attack {
  readonly name: string;
  readonly bearer: () => string | undefined;
  readonly body?: JsonObject;
  readonly code: string;
  readonly status: number;
}

const adds: readonly Attack[] = [
  { name: "nobody", bearer: () => undefined, code: "operator_unauthenticated", status: 401 },
  {
    name: "a wrong key",
    bearer: () => keys.oncall.replace("ann", "eve"),
    code: "operator_unauthenticated",
    status: 401,
  },
  {
    name: "the beginning of a key",
    bearer: () => keys.oncall.slice(0, -1),
    code: "operator_unauthenticated",
    status: 401,
  },
  {
    name: "two keys at once",
    bearer: () => `${keys.viewer} ${keys.oncall}`,
    code: "operator_unauthenticated",
    status: 401,
  },
  { name: "who may only look", bearer: () => keys.viewer, code: "operator_refused", status: 403 },
  {
    name: "a caller without the group",
    bearer: () => world.tokenOf({}),
    code: "operator_refused",
    status: 403,
  },
  {
    name: "an operator of another tenant",
    bearer: () => world.tokenOf({ ...operator, tenant: "globex" }),
    code: "operator_refused",
    status: 403,
  },
  { name: "a key of another tenant", bearer: () => keys.globex, code: "operator_refused", status: 403 },
  {
    name: "an operator of a tenant, for all tenants",
    bearer: () => world.tokenOf(operator),
    body: { ...bob, match: { chain: "bob" } },
    code: "operator_refused",
    status: 403,
  },
  {
    name: "an operator of a tenant, for everything",
    bearer: () => world.tokenOf(operator),
    body: { ...bob, match: { everything: "*" } },
    code: "operator_refused",
    status: 403,
  },
  {
    name: "a group that a tenant's own identity provider calls by the name of the fleet's",
    bearer: () => world.tokenOf({ groups: ["fence-operator", "fence-operator-fleet", "fleet"] }),
    body: { ...bob, match: { tenant: "globex" } },
    code: "operator_refused",
    status: 403,
  },
  {
    name: "a dry run without the right to fence",
    bearer: () => keys.viewer,
    body: { ...bob, dry_run: true },
    code: "operator_refused",
    status: 403,
  },
];
describe("a fence isn't set by", () => {
  test.each(adds)("$name", async ({ bearer, body = bob, code, status }) => {
    const answer = await world.ask("POST", "/v1/fences", bearer(), body as Json);
    expect([answer.status, answer.body["code"]]).toEqual([status, code]);
    expect(world.sidecar).toBeDefined();
    const { body: all } = await world.ask("GET", "/v1/fences", keys.oncall);
    expect(all["fences"]).toEqual([]);
  });
});

describe("policies that are pushed change nothing of operators' rights", () => {
  test("neither a bundle with the operators' package", async () => {
    // it is in force for callers
    const asked = await world.ask("POST", "/v1/data/countersign/operator/decision", undefined, { input: {} });
    expect(asked.body["result"]).toMatchObject({ allow: true });
    const answer = await world.ask("POST", "/v1/fences", keys.viewer, bob as Json);
    expect(answer.body["code"]).toBe("operator_refused");
  });
  test("nor data and policies that are written through the API", async () => {
    const rights = { rights: { "fence.add": ["fence-viewer"], "fence.lift": ["fence-viewer"] }, fleet: [] };
    await world.ask("PUT", "/v1/data/operators", undefined, rights);
    const module = "package operators_too\n\n# METADATA\n# entrypoint: true\nallow := true\n";
    await world.ask("PUT", "/v1/policies/takeover", undefined, module);
    const answer = await world.ask("POST", "/v1/fences", keys.viewer, bob as Json);
    expect(answer.body["code"]).toBe("operator_refused");
  });
});

describe("a fence isn't lifted by", () => {
  const lift = (id: string, bearer: string | undefined) => world.ask("DELETE", `/v1/fences/${id}`, bearer);
  const listed = async () => {
    const { body } = await world.ask("GET", "/v1/fences", keys.oncall);
    return (body["fences"] as { id: string }[]).map(({ id }) => id);
  };
  const refused: readonly (Attack & { readonly match: JsonObject })[] = [
    {
      name: "nobody",
      match: bob.match,
      bearer: () => undefined,
      code: "operator_unauthenticated",
      status: 401,
    },
    {
      name: "who may only look",
      match: bob.match,
      bearer: () => keys.viewer,
      code: "operator_refused",
      status: 403,
    },
    {
      name: "a key of another tenant",
      match: bob.match,
      bearer: () => keys.globex,
      code: "unknown_fence",
      status: 404,
    },
    {
      name: "an operator of another tenant",
      match: bob.match,
      bearer: () => world.tokenOf({ ...operator, tenant: "globex" }),
      code: "unknown_fence",
      status: 404,
    },
    {
      name: "an operator of a tenant, where it holds in all",
      match: { tool: "shell/run" },
      bearer: () => world.tokenOf(operator),
      code: "unknown_fence",
      status: 404,
    },
    {
      name: "the person whom it names, with a key",
      match: { chain: "ann" },
      bearer: () => keys.laptop,
      code: "operator_refused",
      status: 403,
    },
    {
      name: "the operator whom it names",
      match: { tenant: "acme", chain: "sub-of-ann@acme.example" },
      bearer: () => world.tokenOf(operator),
      code: "fenced",
      status: 403,
    },
    {
      name: "the operator whose device it names",
      match: { tenant: "acme", device: "device-7" },
      bearer: () => world.tokenOf(operator),
      code: "fenced",
      status: 403,
    },
  ];
  test.each(refused)("$name", async ({ match, bearer, code, status }) => {
    const id = await world.fence(match);
    for (let n = 0; n < 2; n++) {
      const answer = await lift(id, bearer());
      expect([answer.status, answer.body["code"]]).toEqual([status, code]);
    }
    expect(await listed()).toContain(id);
    // one who asks, and another who agrees
    const tied = match["chain"] === "ann";
    await lift(id, tied ? keys.second : keys.oncall);
    const agreed = await lift(id, tied ? world.tokenOf(operator) : keys.second);
    if (!tied) expect(agreed.status).toBe(200);
  });

  test("one person alone, under another credential or spelling", async () => {
    const id = await world.fence(bob.match);
    expect((await lift(id, keys.oncall)).status).toBe(202);
    for (const bearer of [keys.oncall, keys.laptop]) {
      const again = await lift(id, bearer);
      expect([again.status, again.body["waits"]]).toEqual([202, "another person must agree"]);
    }
    expect(await listed()).toContain(id);
    const agreed = await lift(id, keys.second);
    expect(agreed.body["fence"]).toMatchObject({ state: "lifted", lift: { by: "ann", agreed: "cid" } });
    expect(await listed()).not.toContain(id);
  });

  test("one person through two agents and tokens", async () => {
    const id = await world.fence(bob.match);
    const one = world.tokenOf({ ...operator, jti: "t-1" });
    const two = world.tokenOf({ ...operator, jti: "t-2", act: { sub: "agent-1" } });
    expect((await lift(id, one)).status).toBe(202);
    expect([202, 401]).toContain((await lift(id, two)).status);
    expect(await listed()).toContain(id);
  });

  test("one whom an identity provider calls by the name of a rule or a key isn't taken for it", async () => {
    for (const sub of ["rule:canary", "signal:idp", "key:oncall"]) {
      const bearer = world.tokenOf({ sub, groups: ["fence-operator"] });
      const added = await world.ask("POST", "/v1/fences", bearer, {
        match: { tenant: "acme", model: "m" },
        reason: "r",
      });
      expect(added.body["fence"]).toMatchObject({ by: `person:${sub}` });
      const { id } = added.body["fence"] as { id: string };
      await lift(id, keys.oncall);
      await lift(id, keys.second);
    }
  });
  test("an id that isn't one", async () => {
    for (const id of ["x", "..%2f..", "__proto__", "%00"]) {
      expect((await lift(id, keys.oncall)).body["code"]).toBe("unknown_fence");
    }
  });
});

test("each attempt is recorded: who, with what, and which rule refused it", async () => {
  await world.ask("POST", "/v1/fences", keys.viewer, { ...bob, reason: "recorded" } as Json);
  await until(async () => (await world.records("fence")).some(({ reason }) => reason === "recorded"));
  const all = await world.records("fence");
  expect(all.find(({ reason }) => reason === "recorded")).toMatchObject({
    ...{ type: "fence", action: "add", result: "refused", code: "operator_refused" },
    ...{ by: "vic", credential: "key:viewer", rules: ["operator.default"] },
    match: { tenant: "acme", chain: "bob" },
  });
  expect(all.some(({ result, agreed }) => result === "done" && agreed === "cid")).toBe(true);
  const text = JSON.stringify(all);
  for (const key of Object.values(keys)) expect(text).not.toContain(key);
});
