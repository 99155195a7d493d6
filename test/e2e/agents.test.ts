/** Agents and the forward proxy under the shipped policies: the real sidecar decides and records. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import type { AgentServer } from "../gateway/agents/agent-server.js";
import { startAgent } from "../gateway/agents/agent-server.js";
import { speak } from "../gateway/proxy/lab.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
let gateway: Gateway;
let agent: AgentServer;
beforeAll(async () => {
  [world, agent] = await Promise.all([startWorld(), startAgent()]);
  const config = { url: `${agent.url}/rpc`, card_url: `${agent.url}/.well-known/agent-card.json` };
  gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: join(world.directory, "pdp.sock"), deadline_ms: 2_000 },
      agents: { planner: config, stranger: config },
      forward_proxy: { listen: "127.0.0.1:0" },
    } as unknown as Json,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    resolve: () => Promise.resolve([]),
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([world.close(), agent.close()]);
});

const say = async (to: string, who: Parameters<World["issuer"]["token"]>[0]): Promise<Response> =>
  fetch(`${gateway.address}/a2a/${to}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await world.issuer.token(who)}`,
      "content-type": "application/json",
      "a2a-version": "1.0",
    },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "SendMessage" },
      params: { message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "say hello" }] } },
    }),
  });

test("an agent that is known may be spoken with, by whose groups it is", async () => {
  const answer = await say("planner", "senior");
  expect({ status: answer.status, text: await answer.text() }).toMatchObject({
    status: 200,
    text: expect.stringContaining("you said say hello") as unknown,
  });
  agent.received.length = 0;
  const denied = await say("stranger", "senior");
  expect(denied.status).toBe(403);
  expect(await denied.text()).toContain("agent_unknown");
  expect(agent.received).toEqual([]);
});

test("hosts that are listed may be connected to, and no others", async () => {
  const port = Number(new URL(gateway.forwardProxy ?? "").port);
  const token = await world.issuer.token("senior");
  const ask = (target: string): Promise<string> =>
    speak(port, `CONNECT ${target} HTTP/1.1\r\nproxy-authorization: Bearer ${token}\r\n\r\n`);
  // allowed, and without an address in this test
  expect(await ask("pypi.org:443")).toMatch(/^HTTP\/1\.1 502 /);
  expect(await ask("evil.example:443")).toMatch(/^HTTP\/1\.1 403 /);
  expect(await speak(port, "CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 407 /);
});
