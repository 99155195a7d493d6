/** What a server says before its result, and what it asks, give nothing that its result wouldn't. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { World } from "../../world.js";
import { allow } from "../../world.js";
import { secrets } from "../results/lab.js";
import type { LabClient, ToolServer } from "./lab.js";
import { openSession, readAnswer, startLab, startServer } from "./lab.js";

let world: World;
let server: ToolServer;
let client: LabClient;
beforeAll(async () => {
  server = await startServer("session");
  world = await startLab({ lab: server });
  client = await openSession(world, "/mcp/lab", { elicitation: {}, sampling: {} });
  await client.ask("logging/setLevel", { level: "debug" });
});
afterAll(async () => {
  await world.close();
  await server.close();
});
beforeEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
});

/** Masks addresses of mail in what calls give. */
const masksMail = (): void => {
  world.sidecar.decide = ({ action: { name, properties } }) => ({
    allow: true,
    obligations:
      name === "tool.call" && properties["phase"] === "request"
        ? [{ id: "o", type: "mask", properties: { phase: "response", patterns: ["email"] } }]
        : [],
  });
};

const says = async (text: string): Promise<string> => {
  server.serve = ({ params }, { say, reply }) => {
    const { progressToken } = params["_meta"] as { progressToken: string };
    say({ method: "notifications/progress", params: { progressToken, progress: 1, message: text } });
    say({ method: "notifications/message", params: { level: "info", logger: "x", data: { a: [text] } } });
    reply({ content: [] });
  };
  const { messages } = await client.ask("tools/call", { name: "read", _meta: { progressToken: "mine" } });
  expect(messages).toHaveLength(3);
  return JSON.stringify(messages);
};

test("progress and logs hold no secrets", async () => {
  const said = await says(`key ${secrets.aws}`);
  expect(said).not.toContain(secrets.aws);
  expect(said.match(/key \[aws_key\]/g)).toHaveLength(2);
});

test("progress and logs are masked as the result is", async () => {
  expect((await says("to a@b.example")).match(/to a@b\.example/g)).toHaveLength(2);
  masksMail();
  expect((await says("to a@b.example")).match(/to \[email\]/g)).toHaveLength(2);
});

test("what can't be masked isn't said", async () => {
  server.serve = (_message, { say, reply }) => {
    say({ method: "notifications/message", params: { level: "info", data: { [secrets.aws]: 1 } } });
    reply({ content: [] });
  };
  const { messages } = await client.ask("tools/call", { name: "read" });
  expect(messages).toMatchObject([{ result: { content: [] } }]);
});

describe("what a client is asked", () => {
  const asked: readonly { method: string; params: (text: string) => Record<string, unknown> }[] = [
    {
      method: "elicitation/create",
      params: (message) => ({ message, requestedSchema: { type: "object", properties: {} } }),
    },
    {
      method: "sampling/createMessage",
      params: (text) => ({ messages: [{ role: "user", content: { type: "text", text } }], maxTokens: 1 }),
    },
  ];
  /** Has the server ask; gives what the client is asked. */
  const asks = async (method: string, params: Record<string, unknown>): Promise<string> => {
    let waiting: (() => void) | undefined;
    server.serve = ({ id }, { say, reply, res }) => {
      if (id === "asked") {
        res.writeHead(202).end();
        waiting?.();
        return;
      }
      waiting = () => {
        reply({ content: [] });
      };
      say({ id: "asked", method, params });
    };
    const seen: unknown[] = [];
    const call = { jsonrpc: "2.0", id: "c", method: "tools/call", params: { name: "read" } };
    await readAnswer(await client.post(call), (message) => {
      if (message.method === undefined) return;
      seen.push(message);
      void client.post({ jsonrpc: "2.0", id: message.id, error: { code: -1, message: "no" } });
    });
    return JSON.stringify(seen);
  };

  test.each(asked)("$method is described to policy as arguments are", async ({ method, params }) => {
    await asks(method, params(`key ${secrets.aws}`));
    const calls = world.sidecar.asked
      .flatMap(({ call, calls = [] }) => (call === undefined ? calls : [call]))
      .filter(({ resource: { properties } }) => properties["during"] === "read");
    expect(calls).toMatchObject([
      { resource: { properties: { facts: { truncated: false, secrets: { count: 1 } } } } },
    ]);
    expect(JSON.stringify(calls)).not.toContain(secrets.aws);
  });

  test.each(asked)("$method is masked as the result is", async ({ method, params }) => {
    expect(await asks(method, params("to a@b.example"))).toContain("to a@b.example");
    masksMail();
    expect(await asks(method, params("to a@b.example"))).toContain("to [email]");
  });
});
