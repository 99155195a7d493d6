/** A client of either era reaches a server of either: calls, what servers ask, resources, prompts, lists. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { World } from "../../world.js";
import { allow, callerToken } from "../../world.js";
import { secrets } from "../results/lab.js";
import type { LabClient, Rpc, ToolServer } from "./lab.js";
import { openSession, readAnswer, startLab, startServer, stateless, tool } from "./lab.js";

const elicitation = { elicitation: { form: {} } };
const form = {
  mode: "form",
  message: "Which colour?",
  requestedSchema: { type: "object", properties: { colour: { type: "string" } } },
};

describe.each([
  { client: "session", server: "session" },
  { client: "session", server: "stateless" },
  { client: "stateless", server: "session" },
  { client: "stateless", server: "stateless" },
] as const)("a client of the $client era, a server of the $server era", (pair) => {
  let world: World;
  let server: ToolServer;
  let client: LabClient;
  beforeAll(async () => {
    server = await startServer(pair.server);
    world = await startLab({ lab: server }, { mcp: { list_max_age_ms: 0 } });
  });
  afterAll(async () => {
    await world.close();
    await server.close();
  });
  beforeEach(async () => {
    world.sidecar.decide = allow;
    server.tools = [tool("read"), tool("write")];
    server.serve = (_message, { reply }) => {
      reply({ content: [{ type: "text", text: "done" }] });
    };
    client =
      pair.client === "session"
        ? await openSession(world, "/mcp/lab", elicitation)
        : stateless(world, "/mcp/lab", elicitation);
    server.got.length = 0;
    server.all.length = 0;
    world.sidecar.asked.length = 0;
  });

  test("calls a tool, decided on name and arguments, and on its result", async () => {
    const { last, status } = await client.ask("tools/call", { name: "read", arguments: { path: "/a" } });
    expect([status, last.result]).toMatchObject([200, { content: [{ text: "done" }] }]);
    const asked = world.sidecar.asked
      .flatMap(({ calls = [] }) => calls)
      .filter((call) => call.action.name === "tool.call");
    expect(asked).toMatchObject([
      {
        action: { properties: { phase: "request" } },
        resource: { id: "lab/read", properties: { server: "lab", tool: "read", arguments: { path: "/a" } } },
      },
      {
        action: { properties: { phase: "response" } },
        resource: { id: "lab/read", properties: { result: {} } },
      },
    ]);
    expect(server.got).toMatchObject([
      { method: "tools/call", params: { name: "read", arguments: { path: "/a" } } },
    ]);
    expect(JSON.stringify(server.http.received)).not.toContain(callerToken);
  });

  test("a denied call does nothing, and says why", async () => {
    world.sidecar.decide = (call) =>
      call.action.name === "tool.call"
        ? { allow: false, reasons: [{ code: "no_write", message: "no", rule: "tool.no-write" }] }
        : { allow: true };
    const { last, status } = await client.ask("tools/call", { name: "write" });
    expect([status, last.error]).toMatchObject([
      200,
      { code: -32001, data: { reasons: [{ code: "no_write" }] } },
    ]);
    expect(server.got).toEqual([]);
  });

  test("a denied result stays with us", async () => {
    world.sidecar.decide = (call) => ({ allow: call.action.properties["phase"] !== "response" });
    const { messages } = await client.ask("tools/call", { name: "write" });
    expect(messages).toMatchObject([{ error: { code: -32001 } }]);
    expect(JSON.stringify(messages)).not.toContain("done");
  });

  test("lists what it may call", async () => {
    world.sidecar.decide = (call) => ({ allow: call.resource.id !== "lab/write" });
    const { last } = await client.ask("tools/list");
    expect((last.result?.["tools"] as { name: string }[]).map(({ name }) => name)).toEqual(["read"]);
    expect(last.result?.["cacheScope"]).toBe(pair.client === "stateless" ? "private" : undefined);
  });

  test("reads a resource, gets a prompt, has an argument completed", async () => {
    server.serve = ({ method }, { reply }) => {
      if (method === "resources/read") reply({ contents: [{ uri: "file:///a", text: "A" }] });
      else if (method === "prompts/get")
        reply({ messages: [{ role: "user", content: { type: "text", text: "P" } }] });
      else reply({ completion: { values: ["x"] } });
    };
    expect((await client.ask("resources/read", { uri: "file:///a" })).last.result).toMatchObject({
      contents: [{ text: "A" }],
    });
    expect((await client.ask("prompts/get", { name: "hi" })).last.result).toMatchObject({
      messages: [{ content: { text: "P" } }],
    });
    const ref = { type: "ref/prompt", name: "hi" };
    const completed = await client.ask("completion/complete", { ref, argument: { name: "a", value: "" } });
    expect(completed.last.result).toMatchObject({ completion: { values: ["x"] } });
    expect(world.sidecar.asked.flatMap(({ calls = [] }) => calls.map(({ action }) => action.name))).toEqual(
      expect.arrayContaining(["resource.read", "prompt.get", "prompt.list"]),
    );
  });

  test("what is typed for an argument is described to policy as arguments are", async () => {
    server.serve = (_message, { reply }) => {
      reply({ completion: { values: [] } });
    };
    const typed = async (value: string, before: string): Promise<unknown> => {
      world.sidecar.asked.length = 0;
      for (const ref of [
        { type: "ref/prompt", name: "hi" },
        { type: "ref/resource", uri: "x://{context}" },
      ])
        await client.ask("completion/complete", {
          ...{ ref, argument: { name: "context", value } },
          context: { arguments: { context: before } },
        });
      return world.sidecar.asked
        .flatMap(({ call, calls = [] }) => (call === undefined ? calls : [call]))
        .filter(({ resource: { type } }) => type !== "server")
        .map(({ resource: { type, properties } }) => [
          type,
          properties["argument"],
          (properties["facts"] as { secrets: { count: number } }).secrets.count,
        ]);
    };
    const found = (count: number) => [
      ["prompt", "context", count],
      ["resource_template", "context", count],
    ];
    expect(await typed("a", "b")).toEqual(found(0));
    expect(await typed(secrets.aws, "b")).toEqual(found(1));
    expect(await typed("a", secrets.aws)).toEqual(found(1));
  });

  test("hears of progress under its own token", async () => {
    server.serve = ({ params }, { say, reply }) => {
      const { progressToken } = params["_meta"] as { progressToken: string };
      expect(progressToken).not.toBe("mine");
      say({ method: "notifications/progress", params: { progressToken: "another", progress: 7 } });
      say({ method: "notifications/progress", params: { progressToken, progress: 1, secret: "x" } });
      reply({ content: [] });
    };
    const { messages } = await client.ask("tools/call", { name: "read", _meta: { progressToken: "mine" } });
    expect(messages).toMatchObject([
      { method: "notifications/progress", params: { progressToken: "mine", progress: 1 } },
      { result: { content: [] } },
    ]);
    expect(JSON.stringify(messages)).not.toContain("secret");
  });

  /** Has the server ask for a form, of its era; gives what it got as an answer. */
  const asksForForm = (): Promise<unknown> =>
    new Promise((resolve) => {
      let waiting: { reply(result: Record<string, unknown>): void } | undefined;
      server.serve = ({ params, result, id }, { say, reply, res }) => {
        if (id === 77) {
          resolve(result);
          res.writeHead(202).end();
          waiting?.reply({ content: [{ type: "text", text: "asked" }] });
          return;
        }
        if (pair.server === "session") {
          waiting = { reply };
          say({ id: 77, method: "elicitation/create", params: form });
          return;
        }
        const responses = params["inputResponses"] as Record<string, unknown> | undefined;
        if (responses === undefined) {
          const inputRequests = { form: { method: "elicitation/create", params: form } };
          reply({ resultType: "input_required", inputRequests, requestState: "of the server" });
        } else {
          expect(params["requestState"]).toBe("of the server");
          resolve(responses["form"]);
          reply({ content: [{ type: "text", text: "asked" }] });
        }
      };
    });

  /** Calls a tool, and answers what is asked. */
  const callAnswering = async (answer: Record<string, unknown>): Promise<Rpc> => {
    if (pair.client === "session") {
      const response = await client.post({
        jsonrpc: "2.0",
        id: "call",
        method: "tools/call",
        params: { name: "read" },
      });
      const { last } = await readAnswer(response, ({ id, method }) => {
        if (method === "elicitation/create") void client.post({ jsonrpc: "2.0", id, result: answer });
      });
      return last;
    }
    const first = await client.ask("tools/call", { name: "read" });
    const { inputRequests = {}, requestState } = first.last.result ?? {};
    const keys = Object.keys(inputRequests as object);
    if (requestState === undefined) return first.last;
    expect(JSON.stringify(first.last)).not.toContain("of the server");
    const inputResponses = Object.fromEntries(keys.map((key) => [key, answer]));
    return (await client.ask("tools/call", { name: "read", inputResponses, requestState })).last;
  };

  test("is asked for input, and answers, each decided", async () => {
    const got = asksForForm();
    const last = await callAnswering({ action: "accept", content: { colour: "blue" } });
    expect(last.result).toMatchObject({ content: [{ text: "asked" }] });
    expect(await got).toEqual({ action: "accept", content: { colour: "blue" } });
    const asked = world.sidecar.asked
      .flatMap(({ calls = [] }) => calls)
      .filter(({ action }) => action.name === "elicitation.create");
    expect(
      asked.map(({ action, resource }) => [action.properties["phase"], resource.properties]),
    ).toMatchObject([
      [
        "request",
        { server: "lab", during: "read", mode: "form", fields: ["colour"], asks_for_secret: false },
      ],
      ["response", { answer: { action: "accept", fields: ["colour"] } }],
    ]);
    expect(JSON.stringify(asked)).not.toContain("blue");
  });

  test("isn't asked what policy doesn't allow", async () => {
    world.sidecar.decide = (call) => ({ allow: call.action.name !== "elicitation.create" });
    server.serve = ({ id, error }, { say, reply, res }) => {
      if (id === 77) {
        res.writeHead(202).end();
        expect(error?.code).toBe(-32001);
        waiting?.({ content: [{ type: "text", text: "went without" }] });
      } else if (pair.server === "session") {
        waiting = reply;
        say({ id: 77, method: "elicitation/create", params: form });
      } else
        reply({
          resultType: "input_required",
          inputRequests: { form: { method: "elicitation/create", params: form } },
        });
    };
    let waiting: ((result: Record<string, unknown>) => void) | undefined;
    const { messages } = await client.ask("tools/call", { name: "read" });
    expect(messages).toHaveLength(1);
    if (pair.server === "session")
      expect(messages[0]?.result).toMatchObject({ content: [{ text: "went without" }] });
    else expect(messages[0]?.error?.data?.["code"]).toBe("input_refused");
  });
});
