/** Streams of what servers say of their own accord end with what allowed them. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { World } from "../../world.js";
import { allow } from "../../world.js";
import type { ToolServer } from "./lab.js";
import { openSession, readAnswer, startLab, startServer, stateless } from "./lab.js";

let world: World;
let server: ToolServer;
beforeAll(async () => {
  server = await startServer("session");
  world = await startLab({ lab: server }, { mcp: { recheck_ms: 100 } });
});
afterAll(async () => {
  await world.close();
  await server.close();
});
beforeEach(() => {
  world.sidecar.decide = allow;
  server.serve = (_message, { reply }) => {
    reply({});
  };
});

/** Reads a stream to its end. */
const rest = async (response: Response): Promise<string> => {
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
    text += Buffer.from(chunk).toString();
  return text;
};
const filter = { notifications: { toolsListChanged: true, resourceSubscriptions: ["file:///a"] } };
const listen = (): Promise<Response> =>
  stateless(world).post(
    {
      ...{ jsonrpc: "2.0", id: 1, method: "subscriptions/listen" },
      params: {
        ...filter,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    },
    { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" },
  );

test("a session's own stream", async () => {
  const client = await openSession(world);
  const stream = await fetch(client.url, { headers: client.headers });
  expect(stream.status).toBe(200);
  world.sidecar.decide = () => ({ allow: false });
  expect(await rest(stream)).toBe("");
  world.sidecar.decide = allow;
  expect((await client.ask("ping")).last.result).toEqual({});
});

test("a session's subscriptions", async () => {
  const client = await openSession(world);
  await client.ask("resources/subscribe", { uri: "file:///a" });
  const leave = new AbortController();
  await fetch(client.url, { headers: client.headers, signal: leave.signal });
  const asked = (): number =>
    world.sidecar.asked
      .flatMap(({ call, calls = [] }) => (call === undefined ? calls : [call]))
      .filter(({ action: { name } }) => name === "resource.subscribe").length;
  world.sidecar.decide = ({ action: { name } }) => ({ allow: name !== "resource.subscribe" });
  const before = asked();
  while (asked() === before) await new Promise((resolve) => setTimeout(resolve, 5));
  // what was forgotten isn't asked about again
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect(asked()).toBe(before + 1);
  leave.abort();
});

test("a stream of the stateless era, whoever asked for it", async () => {
  const stream = await listen();
  world.sidecar.decide = () => ({ allow: false });
  expect(await rest(stream)).toContain("request_cancelled");
});

test("a stream of the stateless era, with a resource that may not be heard of any more", async () => {
  server.serve = ({ method }, { reply }) => {
    reply(method === "resources/list" ? { resources: [{ uri: "file:///a", name: "a" }] } : {});
  };
  const stream = await listen();
  world.sidecar.decide = ({ action: { name } }) => ({ allow: name !== "resource.subscribe" });
  const { last } = await readAnswer(stream);
  expect(last.error?.data?.["code"]).toBe("request_cancelled");
});
