/** Links by HTTP, with servers on the official SDKs of both lines. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Link, ServerMessage } from "../../../../gateway/tools/links/link.js";
import { until } from "../../world.js";
import type { Lab } from "./lab.js";
import { call, listener, never, nobody, opened, serverOf, startLab, textOf } from "./lab.js";
import type { Running } from "./servers.js";
import { startModern, startSessions } from "./servers.js";

let lab: Lab;
const running: Running[] = [];
const links: Link[] = [];
beforeAll(() => {
  lab = startLab();
});
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
  await Promise.all(running.splice(0).map((one) => one.close()));
});
afterAll(() => lab.close());

const start = async (starting: Promise<Running>): Promise<Running> => {
  const one = await starting;
  running.push(one);
  return one;
};
const open = async (url: string, heard = listener(), more: Record<string, string> = {}): Promise<Link> => {
  const link = await opened(lab, serverOf({ url, ...more }), heard);
  links.push(link);
  return link;
};
const bodies = ({ received }: Running): { method?: string; id?: number }[] =>
  received.flatMap(({ body }) => (body === "" ? [] : [JSON.parse(body) as object]));

describe.each([
  ["a stream", {}],
  ["JSON", { json: true }],
  ["a stream that can be taken up", { resumable: true }],
])("with a session, answering by %s", (_name, options) => {
  test("is found out, greeted, called and left", async () => {
    const server = await start(startSessions(options));
    const link = await open(server.url, listener({ elicitation: {} }));
    expect(link.era).toBe("session");
    expect(link.hello).toMatchObject({ serverInfo: { name: "files" }, instructions: "be kind" });
    expect(textOf(await call(link, "echo", { text: "hi" }))).toBe("hi");
    expect(await call(link, "echo", { text: 1 })).toMatchObject({
      kind: "result",
      result: { isError: true },
    });
    const tools = await link.request({
      ...{ method: "tools/list", params: {}, caller: nobody, signal: never },
      onMessage: () => undefined,
    });
    expect(tools).toMatchObject({ kind: "result", result: { tools: expect.arrayContaining([]) as unknown } });
    const unknown = await link.request({
      ...{ method: "nothing/known", params: {}, caller: nobody, signal: never },
      onMessage: () => undefined,
    });
    expect(unknown).toMatchObject({ kind: "error", code: -32601 });
    await link.close();
    const [probe, initialize, initialized, ...rest] = server.received;
    expect(JSON.parse(probe?.body ?? "")).toMatchObject({ method: "server/discover" });
    expect(JSON.parse(initialize?.body ?? "")).toMatchObject({
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: { elicitation: {} },
        clientInfo: { name: "countersign" },
      },
    });
    expect(initialize?.headers["mcp-protocol-version"]).toBeUndefined();
    expect(JSON.parse(initialized?.body ?? "")).toMatchObject({ method: "notifications/initialized" });
    const ids = new Set([initialized, ...rest].map((one) => one?.headers["mcp-session-id"]));
    expect(ids.size).toBe(1);
    expect([...ids][0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(rest.every(({ headers }) => headers["mcp-protocol-version"] === "2025-11-25")).toBe(true);
    expect(rest.at(-1)?.method).toBe("DELETE");
    expect(await call(link, "echo", { text: "hi" })).toEqual({ kind: "failed", code: "unknown_server" });
  });
});

describe("with a session", () => {
  test("what a server was found to speak is remembered", async () => {
    const server = await start(startSessions());
    const config = serverOf({ url: server.url });
    for (let i = 0; i < 2; i++) links.push(await opened(lab, config, listener()));
    expect(bodies(server).map(({ method }) => method)).toEqual([
      ...["server/discover", "initialize", "notifications/initialized"],
      ...["initialize", "notifications/initialized"],
    ]);
  });

  test("progress comes to the request that it is of, in order", async () => {
    const link = await open((await start(startSessions())).url);
    const said: ServerMessage[] = [];
    const answer = await call(
      link,
      "count",
      {},
      { _meta: { progressToken: "p" }, onMessage: (m) => said.push(m) },
    );
    expect(textOf(answer)).toBe("two");
    expect(said).toEqual(
      [1, 2].map((progress) => ({
        method: "notifications/progress",
        params: { progressToken: "p", progress, total: 2 },
      })),
    );
  });

  test("a request of the server is answered by an id of ours, once", async () => {
    const server = await start(startSessions());
    const link = await open(server.url, listener({ elicitation: {} }));
    const given: boolean[] = [];
    const answer = await call(
      link,
      "ask",
      {},
      {
        onMessage: ({ id = "", method }) => {
          expect(method).toBe("elicitation/create");
          expect(id).toMatch(/^[0-9a-f-]{36}$/);
          void (async () => {
            given.push(await link.respond("another", { result: {} }, nobody));
            given.push(await link.respond(id, { result: { action: "decline" } }, nobody));
            given.push(await link.respond(id, { result: { action: "accept" } }, nobody));
          })();
        },
      },
    );
    expect(textOf(answer)).toBe("decline");
    await until(() => given.length === 3);
    expect(given).toEqual([false, true, false]);
  });

  test("an aborted request is cancelled at the server", async () => {
    const server = await start(startSessions());
    const link = await open(server.url);
    const aborts = new AbortController();
    const answer = call(link, "wait", {}, { signal: aborts.signal });
    await until(() => server.received.some(({ body }) => body.includes('"wait"')));
    aborts.abort();
    expect(await answer).toEqual({ kind: "aborted" });
    await until(() => server.cancelled() === 1);
  });

  test("a request that takes too long is cancelled, too", async () => {
    const server = await start(startSessions());
    const config = { ...serverOf({ url: server.url, revision: "2025-11-25" }), requestMs: 2_000 };
    const link = await opened(lab, config, listener());
    links.push(link);
    expect(await call(link, "wait")).toEqual({ kind: "failed", code: "upstream_timeout" });
    await until(() => server.cancelled() === 1);
  });

  test("a stream that the server breaks off is taken up where it was", async () => {
    const server = await start(startSessions({ resumable: true }));
    const link = await open(server.url);
    expect(textOf(await call(link, "poll"))).toBe("after the break");
    expect(
      server.received.some(
        ({ method, headers }) => method === "GET" && headers["last-event-id"] !== undefined,
      ),
    ).toBe(true);
  });

  test("who listens hears what the server says of its own accord", async () => {
    const server = await start(startSessions());
    const heard = listener();
    const link = await open(server.url, heard);
    link.listen({}, nobody);
    await until(() => server.received.some(({ method }) => method === "GET"));
    await until(() => {
      server.change();
      return heard.said.length > 0;
    });
    expect(heard.said[0]).toEqual({ method: "notifications/tools/list_changed", params: {} });
  });

  test("a forgotten session is lost, told once", async () => {
    const server = await start(startSessions());
    const heard = listener();
    const link = await open(server.url, heard);
    server.forget();
    const answers = await Promise.all([call(link, "echo", { text: "a" }), call(link, "echo", { text: "b" })]);
    expect(answers).toEqual(answers.map(() => ({ kind: "failed", code: "unknown_server" })));
    expect(heard.lost).toBe(1);
  });
});

describe("without a session", () => {
  test("each request says all, and headers repeat it", async () => {
    const server = await start(startModern());
    const link = await open(server.url, listener({ elicitation: { form: {} } }));
    expect(link.era).toBe("stateless");
    expect(link.hello).toMatchObject({ serverInfo: { name: "modern" } });
    expect(textOf(await call(link, "echo", { text: "hi" }))).toBe("hi");
    const last = server.received.at(-1);
    expect(last?.headers).toMatchObject({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "echo",
    });
    expect(JSON.parse(last?.body ?? "")).toMatchObject({
      params: {
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "countersign" },
          "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
        },
      },
    });
    const prompt = { method: "prompts/get", params: { name: "é" }, caller: nobody, signal: never };
    expect(await link.request({ ...prompt, onMessage: () => undefined })).toMatchObject({ kind: "result" });
    expect(server.received.at(-1)?.headers["mcp-name"]).toBe("=?base64?w6k=?=");
  });

  test("progress, and a result that asks for more", async () => {
    const link = await open((await start(startModern())).url, listener({ elicitation: { form: {} } }));
    const said: ServerMessage[] = [];
    expect(
      textOf(await call(link, "count", {}, { _meta: { progressToken: 7 }, onMessage: (m) => said.push(m) })),
    ).toBe("two");
    expect(said).toMatchObject([{ method: "notifications/progress", params: { progressToken: 7 } }]);
    expect(await call(link, "ask")).toMatchObject({
      kind: "result",
      result: { resultType: "input_required", inputRequests: { who: { method: "elicitation/create" } } },
    });
  });

  test("an aborted request's stream is closed", async () => {
    const server = await start(startModern());
    const link = await open(server.url);
    const aborts = new AbortController();
    const answer = call(link, "wait", {}, { signal: aborts.signal });
    await until(() => server.received.some(({ body }) => body.includes('"wait"')));
    aborts.abort();
    expect(await answer).toEqual({ kind: "aborted" });
    await until(() => server.cancelled() === 1);
    expect(bodies(server).some(({ method }) => method === "notifications/cancelled")).toBe(false);
  });

  test("who listens hears what was asked for", async () => {
    const server = await start(startModern());
    const heard = listener();
    const link = await open(server.url, heard);
    link.listen({ toolsListChanged: true }, nobody);
    await until(() => {
      server.change();
      return heard.said.length > 0;
    });
    expect(heard.said[0]).toEqual({ method: "notifications/tools/list_changed", params: {} });
  });

  test("a server of both eras is spoken to in the newer, or as configured", async () => {
    const server = await start(startModern("stateless"));
    expect((await open(server.url)).era).toBe("stateless");
    const older = await open(server.url, listener(), { revision: "2025-11-25" });
    expect(older.era).toBe("session");
    expect(textOf(await call(older, "echo", { text: "old" }))).toBe("old");
  });

  test("a server of one era isn't spoken to in the other", async () => {
    const modern = await start(startModern());
    const sessions = await start(startSessions());
    for (const [server, revision] of [
      [modern, "2025-11-25"],
      [sessions, "2026-07-28"],
    ] as const) {
      const config = serverOf({ url: server.url, revision });
      expect(await lab.open(config, listener().holder, nobody, never)).toMatchObject({ kind: "failed" });
    }
  });
});
