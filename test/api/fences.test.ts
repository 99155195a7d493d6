/** The routes of fences on a real sidecar: what is set there cuts off decisions, also those that were cached. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { until } from "../redis.js";
import type { OperatorWorld } from "../operator/world.js";
import { keys, startOperatorWorld } from "../operator/world.js";

let world: OperatorWorld;
beforeAll(async () => {
  world = await startOperatorWorld({
    config: {
      fences: {
        rules: [{ name: "canary", when: { tool: "shell/canary" }, by: ["subject"], seconds: 60 }],
      },
    },
  });
});
afterAll(() => world.close());

const decide = async (claims: object = {}, tool = "shell/ls"): Promise<JsonObject> => {
  const call = {
    kind: "tool",
    action: { name: "tool.call", properties: {} },
    resource: { type: "tool", id: tool, properties: { server: "shell" } },
  };
  const context = { request: { id: "r-12345678", method: "POST", path: "/mcp/shell" } };
  const answer = await world.ask("POST", "/v1/decisions", world.tokenOf(claims), {
    ...{ call, context, obligations: [] },
  } as Json);
  return answer.body;
};
const codes = ({ reasons }: JsonObject): unknown[] => (reasons as { code: string }[]).map(({ code }) => code);

test("a fence cuts off what was allowed and cached, until it is lifted", async () => {
  expect(await decide()).toMatchObject({ allow: true });
  expect(await decide()).toMatchObject({ allow: true, cache: "l1" });
  const added = await world.ask("POST", "/v1/fences", keys.oncall, {
    match: { tenant: "acme", tool: "shell/ls" },
    reason: "CVE-2026-1",
    seconds: 600,
  });
  expect(added.status).toBe(201);
  expect(added.body["fence"]).toMatchObject({
    ...{ state: "active", match: { tenant: "acme", tool: "shell/ls" }, reason: "CVE-2026-1", by: "ann" },
    expires: expect.stringMatching(/^20.*Z$/),
  });
  const denied = await decide();
  expect([denied["allow"], codes(denied)]).toEqual([false, ["fenced"]]);
  expect(await decide({ tenant: "globex" })).toMatchObject({ allow: true });
  expect(await decide({}, "shell/ps")).toMatchObject({ allow: true });
  const { body } = await world.ask("GET", "/v1/fences", keys.viewer);
  expect(body["fences"]).toEqual([added.body["fence"]]);
  expect(body["status"]).toEqual({
    ...{ in_force: 1, waiting_for_second_person: 0, kept: ["memory"], stale: false, file_damaged: false },
  });
  const id = (added.body["fence"] as { id: string }).id;
  const lifted = await world.ask("DELETE", `/v1/fences/${id}`, keys.oncall);
  expect([lifted.status, lifted.body["fence"]]).toMatchObject([
    200,
    { state: "lifted", lift: { by: "ann" } },
  ]);
  expect(await decide()).toMatchObject({ allow: true });
});

test("people fence in their tenant, and see what is fenced there", async () => {
  const ann = world.tokenOf({ groups: ["fence-operator"] });
  const own = await world.ask("POST", "/v1/fences", ann, {
    match: { tenant: "acme", model: "m" },
    reason: "r",
  });
  expect([own.status, own.body["fence"]]).toMatchObject([201, { by: "sub-of-ann@acme.example" }]);
  const others = await world.fence({ model: "n" });
  const { body } = await world.ask("GET", "/v1/fences", ann);
  expect((body["fences"] as JsonObject[]).map(({ match }) => match)).toEqual([
    { tenant: "acme", model: "m" },
  ]);
  const id = (own.body["fence"] as { id: string }).id;
  expect((await world.ask("DELETE", `/v1/fences/${id}`, ann)).status).toBe(200);
  expect((await world.ask("DELETE", `/v1/fences/${others}`, keys.oncall)).status).toBe(200);
});

test("one of what was issued before a time leaves what was issued since, operators included", async () => {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const added = await world.ask("POST", "/v1/fences", keys.oncall, {
    ...{ match: { tenant: "acme" }, reason: "rotated", issued_before: now - 1_000 },
  });
  expect(added.body["fence"]).toMatchObject({ issued_before: new Date(now - 1_000).toISOString() });
  const iat = now / 1000;
  expect(codes(await decide({ iat: iat - 60 }))).toEqual(["fenced"]);
  expect(await decide({ iat })).toMatchObject({ allow: true });
  const id = (added.body["fence"] as { id: string }).id;
  expect((await world.ask("DELETE", `/v1/fences/${id}`, keys.oncall)).status).toBe(200);
  await until(async () => (await world.records("fence")).some((one) => one["issued_before"] !== undefined));
});

test("a dry run sets none, and says what it would cut", async () => {
  const answer = await world.ask("POST", "/v1/fences", keys.oncall, {
    match: { tenant: "acme" },
    dry_run: true,
  });
  expect(answer).toMatchObject({
    status: 200,
    body: { dry_run: true, match: { tenant: "acme" }, live: {}, asked: 1, answered: 1 },
  });
  expect(await decide()).toMatchObject({ allow: true });
});

test("a rule fences who touches a canary, and the record says so", async () => {
  const eve = { sub: "sub-of-eve@acme.example" };
  expect(await decide(eve)).toMatchObject({ allow: true });
  await decide(eve, "shell/canary");
  expect(codes(await decide(eve))).toEqual(["fenced"]);
  expect(await decide()).toMatchObject({ allow: true });
  await until(async () => (await world.records("fence")).some(({ by }) => by === "rule:canary"));
  const metrics = await world.sidecar.metrics.text();
  expect(metrics).toContain('countersign_fences{state="in_force"} 1');
  expect(metrics).toContain('countersign_fence_changes_total{change="added",by="rule"} 1');
  expect(metrics).toContain("countersign_fences_stale 0");
});

const wrong: readonly (readonly [name: string, body: Json, says: string])[] = [
  ["no match", { reason: "r" }, "match: must be an object"],
  ["a kind that isn't one", { match: { user: "bob" }, reason: "r" }, "match"],
  ["no reason", { match: { model: "m" } }, "reason: is required"],
  ["a reason of two lines", { match: { model: "m" }, reason: "a\nb" }, "reason: must be"],
  ["a time of another form", { match: { model: "m" }, reason: "r", seconds: "1h" }, "seconds"],
  ["too long a time", { match: { model: "m" }, reason: "r", seconds: 1e9 }, "seconds"],
  ["a field that isn't known", { match: { model: "m" }, reason: "r", second: 5 }, "second: unknown field"],
  ["a time that isn't one", { match: { model: "m" }, reason: "r", issued_before: "now" }, "issued_before"],
  ["what isn't an object", [], "must be an object"],
];
describe("what isn't understood sets none", () => {
  test.each(wrong)("%s", async (_name, body, says) => {
    const answer = await world.ask("POST", "/v1/fences", keys.oncall, body);
    expect([answer.status, answer.body["code"]]).toEqual([400, "invalid_request"]);
    expect(answer.body["message"]).toContain(says);
  });
  test("no JSON, too much of it, another method, another route", async () => {
    expect((await world.ask("POST", "/v1/fences", keys.oncall, "{")).body["code"]).toBe("invalid_json");
    const much = { match: { model: "m" }, reason: "x".repeat(70_000) };
    expect((await world.ask("POST", "/v1/fences", keys.oncall, much)).status).toBe(413);
    expect((await world.ask("PUT", "/v1/fences", keys.oncall, {})).status).toBe(405);
    expect((await world.ask("GET", "/v1/fences/x", keys.oncall)).status).toBe(405);
    expect((await world.ask("GET", "/v1/fencesx", keys.oncall)).status).toBe(404);
  });
});
