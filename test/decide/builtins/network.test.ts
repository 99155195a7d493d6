import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Json } from "../../../sidecar/contract.js";
import type { Answer } from "../../../sidecar/decide/answer.js";
import type { HostBuiltin } from "../../../sidecar/decide/builtins/host.js";
import type { NetworkParts } from "../../../sidecar/decide/builtins/network/network.js";
import type { Policy } from "../../../sidecar/decide/policy.js";
import { loadPolicy } from "../../../sidecar/decide/policy.js";
import { createToolchain } from "../../../sidecar/rego/toolchain.js";
import { createWorld } from "./http-world.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());
let world = createWorld();
afterEach(async () => {
  await world.close();
  world = createWorld();
});

/** All policies of this file in one module: a build takes longer than everything else. */
const rego = `package p

chain := input.n if not input.url
chain := [input.n, a.raw_body, b.raw_body] if {
	a := http.send({"method": "GET", "url": concat("", [input.url, "/a", input.n])})
	b := http.send({"method": "GET", "url": concat("", [input.url, "/b", a.raw_body])})
}

same := count([1 | some i in numbers.range(1, 50)
	http.send({"method": "GET", "url": input.url, "headers": {"a": "b"}}).status_code == 500
	i > 0])

many := count([1 | some i in numbers.range(1, 50)
	http.send({"method": "GET", "url": concat("", [input.url, "/", format_int(i, 10)])})])

default listed := "denied"
listed := "allowed" if http.send({"method": "GET", "url": input.url})
listed := "allowed" if net.lookup_ip_addr(input.name)

negated := true if not http.send({"method": "GET", "url": input.url})

raw := http.send({"method": "GET", "url": input.url}).raw_body

same_body := json.marshal(http.send({"method": "GET", "url": input.url}).body) == input.deep
`;
const entrypoints = ["chain", "same", "many", "listed", "negated", "raw", "same_body"].map(
  (rule) => `p/${rule}`,
);

let wasm: Uint8Array;
beforeAll(async () => {
  const built = await toolchain.build({ files: { "p.rego": rego }, entrypoints });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
});

function load(parts: NetworkParts, budget = 1_000_000): Policy {
  const builtins: ReadonlyMap<string, HostBuiltin> = world.network(parts).builtins;
  return loadPolicy({ wasm, data: "{}", budget, maxPages: 512, builtins: (name) => builtins.get(name) });
}

async function settle(policy: Policy, rule: string, input: Json): Promise<Answer> {
  const evaluation = policy.evaluate(`p/${rule}`, input);
  return evaluation.kind === "pending" ? evaluation.settled : evaluation;
}

test("decisions of one policy go on while others wait, and each gets its own answer", async () => {
  const waiting = new Map<string, ServerResponse>();
  const server = await world.serve((request, response) => void waiting.set(request.url ?? "", response));
  const policy = load({ hosts: [`api.test:${server.port}=loopback`] });
  const names = Array.from({ length: 8 }, (_, i) => String(i));
  const pending = names.map((n) => settle(policy, "chain", { n, url: server.url }));
  expect(policy.evaluate("p/chain", { n: "quick" })).toMatchObject({ kind: "value", value: "quick" });
  // answered in no order
  for (const path of [...names.toReversed().map((n) => `/a${n}`), ...names.map((n) => `/bA${n}`)]) {
    while (!waiting.has(path)) await new Promise((resolve) => setTimeout(resolve, 1));
    waiting.get(path)?.end(path.slice(1).toUpperCase());
  }
  expect(await Promise.all(pending)).toEqual(
    names.map((n) => ({ kind: "value", value: [n, `A${n}`, `BA${n}`], rules: [] })),
  );
  expect(server.requests).toHaveLength(16);
});

test("a loop asks once for equal requests", async () => {
  const server = await world.serve((_request, response) => response.writeHead(500).end("x"));
  const policy = load({ hosts: [`api.test:${server.port}=loopback`] });
  expect(await settle(policy, "same", { url: server.url })).toMatchObject({ kind: "value", value: 50 });
  expect(server.requests).toHaveLength(1);
});

test("a loop over many requests ends with a deny", async () => {
  const server = await world.serve((_request, response) => response.end("x"));
  const policy = load({ hosts: [`api.test:${server.port}=loopback`] });
  expect(await settle(policy, "many", { url: server.url })).toMatchObject({
    kind: "failed",
    code: "evaluation_budget_exceeded",
  });
  expect(server.requests).toHaveLength(32);
});

test("what isn't listed is undefined, and no rule that needs it holds", async () => {
  const policy = load({ hosts: ["api.test"] });
  const input = { url: "http://evil.test/", name: "evil.test" };
  expect(await settle(policy, "listed", input)).toMatchObject({ value: "denied" });
  expect(await settle(policy, "listed", { name: "api.test" })).toMatchObject({ value: "allowed" });
});

test("no room is a deny, even where the rule says not", async () => {
  const server = await world.serve(() => undefined);
  const policy = load({ hosts: [`api.test:${server.port}=loopback`], maxConcurrent: 1, timeoutMs: 60_000 });
  const full = Array.from({ length: 9 }, (_, i) => settle(policy, "negated", { url: `${server.url}/${i}` }));
  const failed = { kind: "failed", code: "evaluation_budget_exceeded" };
  expect(await settle(policy, "negated", { url: server.url })).toMatchObject(failed);
  await world.close();
  for (const answer of await Promise.all(full)) expect(answer).toMatchObject(failed);
});

test("a large response of any bytes comes through whole, where the budget pays for reading it", async () => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 256));
  const server = await world.serve((_request, response) => response.end(body));
  const parts = { hosts: [`api.test:${server.port}=loopback`] };
  const answer = await settle(load(parts, 10_000_000), "raw", { url: server.url });
  // a difference would be long
  expect(answer.kind === "value" && answer.value === body.toString("utf8")).toBe(true);
  expect(await settle(load(parts, 100_000), "raw", { url: server.url })).toMatchObject({
    kind: "failed",
    code: "evaluation_budget_exceeded",
  });
});

test("a body that nests deep is read by the module", async () => {
  const deep = "[".repeat(990) + "]".repeat(990);
  const server = await world.serve((_request, response) => {
    response.setHeader("content-type", "application/json").end(deep);
  });
  const policy = load({ hosts: [`api.test:${server.port}=loopback`] });
  expect(await settle(policy, "same_body", { url: server.url, deep })).toMatchObject({ value: true });
});
