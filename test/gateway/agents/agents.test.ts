import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Message, StreamResponse, Task } from "@a2a-js/sdk";
import { Role, TaskState, verifyAgentCardSignature } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";
import { generateKeyPairSync } from "node:crypto";
import type { JWK } from "jose";
import type { World } from "../world.js";
import { allow, callerToken, deny, startWorld, subject } from "../world.js";
import type { AgentServer } from "./agent-server.js";
import { startAgent } from "./agent-server.js";

const cardKey = JSON.stringify(generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }));

let server: AgentServer;
let world: World;

beforeAll(async () => {
  server = await startAgent();
  const card_url = `${server.url}/.well-known/agent-card.json`;
  const skills = ["greet", "delete", "extra"];
  const extensions = ["https://example.com/ext/one"];
  world = await startWorld({
    config: {
      agents: {
        helper: {
          url: `${server.url}/rpc`,
          card_url,
          skills,
          extensions,
          api_key: { value: "agent-key-77aa" },
        },
        rest: { url: `${server.url}/rest`, card_url, binding: "http+json" },
        old: { url: `${server.url}/rpc`, card_url, version: "0.3" },
      },
      agents_card_key: { value: cardKey },
    },
  });
});
afterAll(async () => {
  await world.close();
  await server.close();
});
beforeEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
  world.sidecar.outcomes.length = 0;
  server.received.length = 0;
});

/** Speaks as a caller. */
const fetchAs =
  (token: string): typeof fetch =>
  (input, init) =>
    fetch(input, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token}` } });

type Speech = "jsonrpc" | "rest" | "0.3";

async function connect(agent: string, speech: Speech = "jsonrpc", token = callerToken): Promise<Client> {
  const fetchImpl = fetchAs(token);
  const legacyCompat = { enabled: speech === "0.3" };
  const factory = new ClientFactory({
    transports: [
      speech === "rest"
        ? new RestTransportFactory({ fetchImpl })
        : new JsonRpcTransportFactory({ fetchImpl, legacyCompat }),
    ],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl, legacyCompat }),
  } as never);
  const card = await new DefaultAgentCardResolver({ fetchImpl, legacyCompat } as never).resolve(
    `${world.url}/a2a/${agent}/.well-known/agent-card.json`,
    "",
  );
  const only = speech === "0.3" ? "0.3" : "1.0";
  const binding = speech === "rest" ? "HTTP+JSON" : "JSONRPC";
  return factory.createFromAgentCard({
    ...card,
    supportedInterfaces: card.supportedInterfaces.filter(
      ({ protocolVersion, protocolBinding }) => protocolVersion === only && protocolBinding === binding,
    ),
  });
}

const message = (
  text: string,
  more: Partial<Message> = {},
): { message: Message } & Record<string, unknown> => ({
  tenant: "",
  configuration: undefined,
  metadata: undefined,
  message: {
    messageId: `m-${text}`,
    contextId: "",
    taskId: "",
    role: Role.ROLE_USER,
    parts: [{ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "" }],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
    ...more,
  },
});

const textsOf = (parts: Message["parts"]): string[] =>
  parts.map(({ content }) => (content?.$case === "text" ? content.value : ""));

const send = async (client: Client, text: string, more: Partial<Message> = {}): Promise<Message | Task> =>
  client.sendMessage(message(text, more) as never) as Promise<Message | Task>;

async function streamed(events: AsyncIterable<StreamResponse>): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { payload } of events) kinds.push(payload?.$case ?? "none");
  return kinds;
}

describe.each([
  ["jsonrpc", "helper"],
  ["jsonrpc", "rest"],
  ["jsonrpc", "old"],
  ["rest", "helper"],
  ["rest", "rest"],
  ["rest", "old"],
  ["0.3", "helper"],
  ["0.3", "rest"],
  ["0.3", "old"],
] as const)("the official client by %s, with the agent %s", (speech, agent) => {
  let client: Client;
  beforeEach(async () => {
    client = await connect(agent, speech);
    world.sidecar.asked.length = 0;
    server.received.length = 0;
  });

  test("is answered by a message; both are decided", async () => {
    const answer = (await send(client, "say hello")) as Message;
    expect(textsOf(answer.parts)).toEqual(["you said say hello"]);
    const [request, response] = world.sidecar.asked.map(({ calls }) => calls?.[0]);
    expect(request).toMatchObject({
      kind: "agent",
      action: { name: "agent.message", properties: { phase: "request" } },
      resource: { type: "agent", id: agent, properties: { agent, parts: [{ kind: "text", bytes: 9 }] } },
    });
    expect(response).toMatchObject({
      action: { name: "agent.message", properties: { phase: "response" } },
      resource: { properties: { result: { kind: "message", parts_count: 1, kinds: ["text"] } } },
    });
    expect(JSON.stringify(world.sidecar.asked)).not.toContain("hello");
    expect(JSON.stringify(server.received)).not.toContain(callerToken);
  });

  test("gets a task, by an id of the gateway's, and asks for it again", async () => {
    const task = (await send(client, "task one")) as Task;
    expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(task.id).toMatch(/^task-/);
    expect(server.tasks).not.toContain(task.id);
    const again = await client.getTask({ tenant: "", id: task.id } as never);
    expect(again.id).toBe(task.id);
    expect(again.contextId).toBe(task.contextId);
    expect(textsOf(again.artifacts[0]?.parts ?? [])).toEqual(["done: task one"]);
    expect(world.sidecar.asked.map(({ calls }) => calls?.[0]?.action.name)).toContain("agent.task.get");
  });

  test("follows a stream, each event of which is decided", async () => {
    const kinds = await streamed(client.sendMessageStream(message("task two") as never));
    expect(kinds).toEqual(["task", "statusUpdate", "artifactUpdate", "statusUpdate"]);
    const phases = world.sidecar.asked.map(({ calls }) => calls?.[0]?.action.properties["phase"]);
    expect(phases).toEqual(["request", ...kinds.map(() => "response")]);
  });

  test("a denial is an error with its decision, and nothing is sent", async () => {
    world.sidecar.decide = deny();
    const error = await send(client, "say no").catch((raised: unknown) => raised);
    expect(String(error)).toContain("denied by policy");
    expect(server.received).toEqual([]);
  });

  test("an answer that is denied isn't given", async () => {
    world.sidecar.decide = (call, request) =>
      call.action.properties["phase"] === "response" ? deny()(call, request) : { allow: true };
    const error = await send(client, "say secret").catch((raised: unknown) => raised);
    expect(String(error)).toContain("denied by policy");
    expect(String(error)).not.toContain("you said");
  });

  test("cancels a task of its own, and follows it", async () => {
    const events: string[] = [];
    for await (const { payload } of client.sendMessageStream(message("wait here") as never)) {
      events.push(payload?.$case ?? "");
      if (payload?.$case !== "task") continue;
      const canceled = await client.cancelTask({ tenant: "", id: payload.value.id } as never);
      expect(canceled.id).toBe(payload.value.id);
      expect(canceled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
    }
    expect(events).toContain("statusUpdate");
  });

  test("another identity's task is unknown", async () => {
    const task = (await send(client, "task three")) as Task;
    world.sidecar.decide = () => ({ allow: true, subject: { ...subject, id: "agent-2" } });
    const requests = server.received.length;
    const error = await client
      .getTask({ tenant: "", id: task.id } as never)
      .catch((raised: unknown) => raised);
    expect(String(error)).toMatch(/none of yours/);
    expect(server.received.length).toBe(requests);
  });
});

describe("cards", () => {
  const { debug } = console;
  beforeAll(() => {
    // the SDK tells of each signature that doesn't verify
    console.debug = () => undefined;
  });
  afterAll(() => {
    console.debug = debug;
  });

  test("are filtered, rewritten and signed", async () => {
    world.sidecar.decide = (call) => ({ allow: call.resource.properties["skill"] !== "delete" });
    const response = await fetchAs(callerToken)(`${world.url}/a2a/helper/.well-known/agent-card.json`, {
      headers: { "a2a-version": "1.0" },
    });
    const card = (await response.json()) as Record<string, unknown>;
    expect(card).toMatchObject({
      name: "helper",
      skills: [{ id: "greet" }],
      capabilities: {
        pushNotifications: false,
        extensions: [{ uri: "https://example.com/ext/one" }],
      },
      supportedInterfaces: [
        { url: `${world.url}/a2a/helper`, protocolBinding: "JSONRPC" },
        { url: `${world.url}/a2a/helper/v1`, protocolBinding: "HTTP+JSON" },
        { url: `${world.url}/a2a/helper`, protocolVersion: "0.3" },
      ],
    });
    expect(JSON.stringify(card)).not.toContain(server.url);
    expect(card["documentationUrl"]).toBeUndefined();
    const keys = (await (await fetch(`${world.url}/.well-known/jwks.json`)).json()) as { keys: JWK[] };
    const verify = verifyAgentCardSignature((kid, jku) => {
      expect(jku).toBe(`${world.url}/.well-known/jwks.json`);
      const key = keys.keys.find((one) => one.kid === kid);
      return key === undefined ? Promise.reject(new Error("no such key")) : Promise.resolve(key);
    });
    await verify(card as never);
    await expect(verify({ ...card, name: "other" } as never)).rejects.toThrow();
  });

  test("of a client that doesn't say its version can be read as either", async () => {
    const response = await fetchAs(callerToken)(`${world.url}/a2a/helper/.well-known/agent-card.json`);
    expect(await response.json()).toMatchObject({
      protocolVersion: "0.3.0",
      url: `${world.url}/a2a/helper`,
      securitySchemes: { bearer: { type: "http", httpAuthSecurityScheme: { scheme: "Bearer" } } },
    });
  });
});
