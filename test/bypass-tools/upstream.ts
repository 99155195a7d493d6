/** Tool servers of raw TCP, by the first part of the path: they remember every byte, and answer as a script says, true or not. */
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";

/** What is done with the connection, one step after the other. `{id}` and `{token}` stand for the request's, as JSON. */
export type Step =
  | string
  /** An answer with a body whose length is told. */
  | { readonly body: string; readonly status?: string; readonly type?: string; readonly head?: string }
  /** Waits until it gets bytes that match, at another connection. */
  | { readonly hears: RegExp }
  | { readonly wait: number }
  /** Waits until the client of the case has done so many steps. */
  | { readonly clientDid: number }
  | { readonly flood: string; readonly times: number }
  | "end";

/** One request of the gateway's. */
export interface Got {
  readonly server: string;
  readonly verb: string;
  /** Lines, without the empty one. */
  readonly head: readonly string[];
  readonly body: string;
  /** Of JSON-RPC. */
  readonly method: string | undefined;
}

/** What servers answer, by `server method` or `method`: to the first such request, the second, and so on; the last to all others. */
export type Answers = Readonly<Record<string, readonly (readonly Step[])[]>>;

export interface ToolUpstream {
  readonly port: number;
  readonly got: Got[];
  readonly bytes: () => string;
  /** Session ids that were given out, by server. */
  readonly sessions: Map<string, Set<string>>;
  answers: Answers;
  /** Steps that the client of the case has done. */
  clientDid: number;
  forget(): void;
  close(): Promise<void>;
}

/** Servers that know no sessions. */
export const stateless: ReadonlySet<string> = new Set(["tide"]);

export const result = (value: string): Step => ({ body: `{"jsonrpc":"2.0","id":{id},"result":${value}}` });
export const text = (said: string): string => JSON.stringify({ content: [{ type: "text", text: said }] });
/** The head of an answer that is a stream. */
export const events =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nconnection: close\r\n\r\n";
export const event = (message: string): string => `event: message\ndata: ${message}\n\n`;
export const done = event('{"jsonrpc":"2.0","id":{id},"result":{"content":[{"type":"text","text":"done"}]}}');

/** An API, and an agent. */
export const plain: ReadonlySet<string> = new Set(["pets", "helper"]);
const said = { messageId: "m", role: "ROLE_AGENT", parts: [{ text: "done" }] };
const task = {
  id: "task-of-the-agent",
  contextId: "context-of-the-agent",
  status: { state: "TASK_STATE_COMPLETED" },
};

const string = { type: "string" };
const closed = (properties: object, required: readonly string[] = []): object => ({
  ...{ type: "object", properties, required, additionalProperties: false },
});
/** A tool as it is listed. */
export const tool = (
  name: string,
  inputSchema: object = closed({ path: string }),
  more: object = {},
): object => ({
  ...{ name, description: `The tool ${name.length}`, inputSchema },
  ...more,
});
export const tools = (...all: readonly object[]): Step => result(JSON.stringify({ tools: all }));

export const usualTools: readonly object[] = [
  tool("read"),
  tool("remove"),
  tool("pay", closed({ amount: { type: "integer", minimum: 0, maximum: 1000 }, to: string }, ["amount"])),
  tool("place", closed({ region: { type: "string", "x-mcp-header": "Region" }, path: string })),
  tool("nest", { type: "object" }),
];

const info = { serverInfo: { name: "server", version: "1" } };
const able = { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {}, logging: {} };
const lists: Readonly<Record<string, object>> = {
  "resources/list": {
    resources: ["note://public/a", "note://secret/a"].map((uri) => ({ uri, name: "a" })),
  },
  "resources/templates/list": {
    resourceTemplates: ["note://public/{name}", "note://secret/{name}"].map((uriTemplate) => ({
      ...{ uriTemplate, name: "t" },
    })),
  },
  "prompts/list": { prompts: [{ name: "hello" }, { name: "secret" }] },
  "resources/read": { contents: [{ uri: "note://public/a", text: "a note" }] },
  "prompts/get": { messages: [{ role: "user", content: { type: "text", text: "hello" } }] },
  "completion/complete": { completion: { values: ["one"] } },
  "tools/call": { content: [{ type: "text", text: "done" }] },
  "resources/subscribe": {},
  "resources/unsubscribe": {},
  "logging/setLevel": {},
};

function usual({ server, verb, method = "" }: Got, newSession: () => string): readonly Step[] {
  if (server === "pets") return [{ body: '{"id":7,"name":"Rex"}' }];
  if (server === "helper")
    return [result(JSON.stringify(method === "SendMessage" ? { message: said } : task))];
  const modern = stateless.has(server);
  const reply = (value: object): readonly Step[] => [
    result(JSON.stringify(modern ? { resultType: "complete", ...value } : value)),
  ];
  const failed = [{ body: '{"jsonrpc":"2.0","id":{id},"error":{"code":-32601,"message":"no such method"}}' }];
  if (verb === "GET") return [{ body: "", status: "405 Method Not Allowed" }];
  if (verb === "DELETE") return [{ body: "" }];
  if (method === "" || method.startsWith("notifications/")) return [{ body: "", status: "202 Accepted" }];
  if (method === "server/discover")
    return modern ? reply({ supportedVersions: ["2026-07-28"], capabilities: able, ...info }) : failed;
  if (method === "initialize") {
    if (modern) return failed;
    const hello = { protocolVersion: "2025-11-25", capabilities: able, ...info };
    return [{ ...(reply(hello)[0] as object), head: `mcp-session-id: ${newSession()}` } as Step];
  }
  if (method === "tools/list") return reply({ tools: usualTools });
  const known = lists[method];
  return known === undefined ? failed : reply(known);
}

export async function startToolUpstream(): Promise<ToolUpstream> {
  const got: Got[] = [];
  const sessions = new Map<string, Set<string>>();
  let all = "";
  let [issued, age] = [0, 0];
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const scripted = ({ server, verb, method }: Got): readonly Step[] | undefined => {
    for (const key of [`${server} ${method ?? verb}`, method ?? verb]) {
      const some = upstream.answers[key];
      if (some === undefined) continue;
      const count = counts.get(`${server} ${key}`) ?? 0;
      counts.set(`${server} ${key}`, count + 1);
      return some[Math.min(count, some.length - 1)];
    }
    return undefined;
  };
  const server = createServer((socket) => {
    let rest = "";
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      const piece = data.toString("latin1");
      all += piece;
      rest += piece;
      for (;;) {
        const end = rest.indexOf("\r\n\r\n");
        if (end < 0) return;
        const head = rest.slice(0, end).split("\r\n");
        const length = Number(head.find((line) => /^content-length: /i.test(line))?.slice(16) ?? 0);
        const whole = end + 4 + length;
        if (rest.length < whole) return;
        const body = rest.slice(end + 4, whole);
        rest = rest.slice(whole);
        const [verb = "", path = ""] = head[0]?.split(" ") ?? [];
        const one: Got = { server: path.split("/")[1] ?? "", verb, head, body, method: methodOf(body) };
        got.push(one);
        const steps = scripted(one) ?? usual(one, () => issue(one.server));
        perform(socket, one, steps, age).catch(() => socket.destroy());
      }
    });
  });
  const issue = (name: string): string => {
    const id = `up-${++issued}`;
    const known = sessions.get(name) ?? new Set();
    sessions.set(name, known.add(id));
    return id;
  };
  const perform = async (socket: Socket, one: Got, steps: readonly Step[], born: number): Promise<void> => {
    const fill = (said: string): string => filled(said, one.body);
    for (const step of steps) {
      if (socket.destroyed || born !== age) return;
      if (step === "end") socket.end();
      else if (typeof step === "string") socket.write(fill(step));
      else if ("wait" in step) await pause(step.wait);
      else if ("clientDid" in step)
        while (upstream.clientDid < step.clientDid && born === age) await pause(5);
      else if ("hears" in step) {
        const before = got.length;
        for (let i = 0; i < 2_000 && born === age; i++) {
          if (got.slice(before).some(({ body }) => step.hears.test(body))) break;
          await pause(10);
        }
      } else if ("flood" in step) {
        for (let i = 0; i < step.times && !socket.destroyed && born === age; i++) {
          if (socket.write(fill(step.flood).replaceAll("{n}", String(i)))) continue;
          await new Promise<void>((resolve) => {
            const go = (): void => {
              socket.off("drain", go).off("close", go);
              resolve();
            };
            socket.on("drain", go).on("close", go);
          });
        }
      } else {
        const { status = "200 OK", type = "application/json", head } = step;
        const body = fill(step.body);
        const lines = [
          `HTTP/1.1 ${status}`,
          ...(body === "" ? [] : [`content-type: ${type}`]),
          ...(head === undefined ? [] : [head]),
          `content-length: ${Buffer.byteLength(body)}`,
        ];
        socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
      }
    }
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream: ToolUpstream = {
    ...{ port: (server.address() as AddressInfo).port, got, sessions, answers: {}, clientDid: 0 },
    bytes: () => all,
    forget() {
      got.length = 0;
      all = "";
      age++;
      counts.clear();
      upstream.answers = {};
      upstream.clientDid = 0;
      // what a script left open isn't the next one's
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
  return upstream;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function methodOf(body: string): string | undefined {
  if (!body.startsWith("{")) return undefined;
  const { method } = JSON.parse(body) as { method?: string };
  return method ?? "";
}

function filled(said: string, body: string): string {
  if (!said.includes("{")) return said;
  const id = /"id":(\d+|"[^"]*")/.exec(body)?.[1] ?? "null";
  const token = /"progressToken":(\d+|"[^"]*")/.exec(body)?.[1] ?? "null";
  return said.replaceAll("{id}", id).replaceAll("{token}", token);
}
