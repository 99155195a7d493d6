/** The routes and the command of epochs on a real sidecar: what was kept is decided anew. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.js";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { until } from "../redis.js";
import type { OperatorWorld } from "../operator/world.js";
import { keys, startOperatorWorld } from "../operator/world.js";

let world: OperatorWorld;
beforeAll(async () => {
  world = await startOperatorWorld();
});
afterAll(() => world.close());

const ann = "sub-of-ann@acme.example";
const decide = async (claims: object = {}): Promise<unknown> => {
  const call = {
    kind: "tool",
    action: { name: "tool.call", properties: {} },
    resource: { type: "tool", id: "shell/ls", properties: { server: "shell" } },
  };
  const context = { request: { id: "r-12345678", method: "POST", path: "/mcp/shell" } };
  const answer = await world.ask("POST", "/v1/decisions", world.tokenOf(claims), {
    ...{ call, context, obligations: [] },
  } as Json);
  expect(answer.body["allow"]).toBe(true);
  return answer.body["cache"];
};
const bump = (body: JsonObject, key = keys.oncall) => world.ask("POST", "/v1/epochs", key, body);

const reached: { what: JsonObject; claims: object; ends: boolean }[] = [
  { what: { subject: ann }, claims: {}, ends: true },
  { what: { subject: ann, tenant: "acme" }, claims: {}, ends: true },
  { what: { subject: ann, tenant: "globex" }, claims: {}, ends: false },
  { what: { subject: "bob" }, claims: {}, ends: false },
  { what: { tenant: "acme" }, claims: {}, ends: true },
  { what: { tenant: "acme" }, claims: { tenant: "globex" }, ends: false },
  { what: { everything: true }, claims: { tenant: "globex" }, ends: true },
  { what: { task: "t" }, claims: {}, ends: false },
  { what: { workload: "spiffe://acme.example/x" }, claims: {}, ends: false },
];
test.each(reached)(
  "a bump of $what with claims $claims: decided anew $ends",
  async ({ what, claims, ends }) => {
    await decide(claims);
    expect(await decide(claims)).toBe("l1");
    const bumped = await bump({ ...what, reason: "r" });
    expect([bumped.status, bumped.body["unwritten"]]).toEqual([201, undefined]);
    expect(await decide(claims)).toBe(ends ? "none" : "l1");
    expect(await decide(claims)).toBe("l1");
  },
);

test("bumps are listed, recorded and counted", async () => {
  const { body } = await bump({ subject: "dora", reason: "left" });
  const { number } = body["epoch"] as { number: number };
  const listed = await world.ask("GET", "/v1/epochs", keys.viewer);
  expect((listed.body["epochs"] as Json[])[0]).toEqual({
    ...{
      number,
      match: { subject: "dora" },
      reason: "left",
      by: "ann",
      at: expect.stringMatching(/^20.*Z$/),
    },
  });
  expect(listed.body["status"]).toEqual({ listening: true });
  await until(async () => (await world.records("epoch")).some(({ epoch }) => epoch === number));
  const record = (await world.records("epoch")).find(({ epoch }) => epoch === number);
  expect(record).toMatchObject({
    action: "bump",
    result: "done",
    by: "ann",
    credential: "key:oncall",
    reason: "left",
  });
  const metrics = await world.sidecar.metrics.text();
  expect(metrics).toMatch(/countersign_epoch_bumps_total\{result="done",by="operator"\} \d/);
  expect(metrics).toContain("countersign_epochs_listening 1");
});

const refused: { name: string; key?: string; body: JsonObject; status: number; code: string }[] = [
  {
    name: "nobody",
    key: "",
    body: { everything: true, reason: "r" },
    status: 401,
    code: "operator_unauthenticated",
  },
  {
    name: "who may only look",
    key: keys.viewer,
    body: { subject: "x", reason: "r" },
    status: 403,
    code: "operator_refused",
  },
  {
    name: "another tenant's",
    key: keys.globex,
    body: { tenant: "acme", reason: "r" },
    status: 403,
    code: "operator_refused",
  },
  {
    name: "one of a tenant, all tenants'",
    key: keys.globex,
    body: { subject: "x", reason: "r" },
    status: 403,
    code: "operator_refused",
  },
  { name: "without a reason", body: { subject: "x" }, status: 400, code: "invalid_request" },
  { name: "of nothing", body: { reason: "r" }, status: 400, code: "invalid_request" },
  { name: "of two", body: { subject: "x", task: "t", reason: "r" }, status: 400, code: "invalid_request" },
  {
    name: "of everything and more",
    body: { everything: true, tenant: "x", reason: "r" },
    status: 400,
    code: "invalid_request",
  },
  { name: "of what nobody knows", body: { model: "m", reason: "r" }, status: 400, code: "invalid_request" },
  {
    name: "of a value with a line break",
    body: { subject: "a\nb", reason: "r" },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "of a value that is too long",
    body: { subject: "x".repeat(2_049), reason: "r" },
    status: 400,
    code: "invalid_request",
  },
];
describe("is refused", () => {
  test.each(refused)("$name", async ({ key = keys.oncall, body, status, code }) => {
    const before = await world.ask("GET", "/v1/epochs", keys.oncall);
    const answer = await bump(body, key);
    expect([answer.status, answer.body["code"]]).toEqual([status, code]);
    const after = await world.ask("GET", "/v1/epochs", keys.oncall);
    expect(after.body["epochs"]).toEqual(before.body["epochs"]);
  });

  test("an operator who is fenced off", async () => {
    const eve = world.tokenOf({ sub: "eve", groups: ["fence-operator"] });
    expect((await bump({ tenant: "acme", reason: "r" }, eve)).status).toBe(201);
    await world.fence({ subject: "eve" });
    expect((await bump({ tenant: "acme", reason: "r" }, eve)).body["code"]).toBe("fenced");
  });

  test("other methods and paths", async () => {
    expect((await world.ask("DELETE", "/v1/epochs", keys.oncall)).status).toBe(405);
    expect((await world.ask("POST", "/v1/epochs/x", keys.oncall, {})).status).toBe(404);
  });
});

test("a tenant's operators see what was bumped there", async () => {
  await bump({ tenant: "globex", reason: "r" }, keys.globex);
  const { body } = await world.ask("GET", "/v1/epochs", keys.globex);
  const matches = (body["epochs"] as JsonObject[]).map(({ match }) => match as JsonObject);
  expect(matches.length).toBeGreaterThan(0);
  expect(matches.every(({ tenant }) => tenant === "globex")).toBe(true);
});

describe("countersign epoch", () => {
  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const said = { out: "", err: "" };
    const code = await main(["epoch", ...args], {
      out: (text) => (said.out += text),
      err: (text) => (said.err += text),
    });
    return { code, ...said };
  }
  const to = (name = "oncall"): string[] => ["--to", world.url, "-k", join(world.folder, name)];

  test("bumps and lists", async () => {
    const bumped = await run("bump", ...to(), "--subject", "fay", "--tenant", "acme", "-r", "changed groups");
    expect(bumped).toMatchObject({ code: 0, err: "" });
    expect(bumped.out).toMatch(/^tenant=acme subject=fay is in epoch \d+\n$/);
    const listed = await run("list", ...to("viewer"));
    expect(listed.out).toMatch(
      /^EPOCH +OF +BY +SINCE +REASON\n\d+ +tenant=acme subject=fay +ann .*changed groups\n/,
    );
    const json = await run("list", ...to(), "-f", "json");
    expect(JSON.parse(json.out)).toMatchObject({ status: { listening: true } });
  });

  const wrong: { name: string; args: string[]; code: number }[] = [
    { name: "no action", args: [], code: 2 },
    { name: "another action", args: ["lift"], code: 2 },
    { name: "nothing named", args: ["bump", "-r", "r"], code: 2 },
    { name: "no reason", args: ["bump", "--everything"], code: 2 },
    { name: "a list of something", args: ["list", "--subject", "x"], code: 2 },
    { name: "two named", args: ["bump", "--subject", "x", "--task", "t", "-r", "r"], code: 1 },
  ];
  test.each(wrong)("$name", async ({ args, code }) => {
    const [name = "", ...more] = args;
    expect((await run(...(name === "" ? [] : [name]), ...to(), ...more)).code).toBe(code);
  });

  test("a key that is nobody's", async () => {
    await writeFile(join(world.folder, "eve"), "a-key-that-is-nobodys-but-has-thirty-two-characters");
    const answer = await run("bump", ...to("eve"), "--everything", "-r", "r");
    expect([answer.code, answer.err]).toEqual([1, expect.stringContaining("operator_unauthenticated")]);
  });
});
