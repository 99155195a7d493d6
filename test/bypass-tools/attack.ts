/** What a case of the tools' bypass suite is: messages of clients, what each of them gets, and all that the servers get. */
import type { Answers } from "./upstream.js";

/** `sibling`: another user, for whom the senior's agent acts, too. */
export type Who = "senior" | "sibling" | "analyst" | "contractor";

/** One request of a client's. `{name}` stands for what an earlier one took, `{token}` for the caller's token. */
export interface Send {
  /** Whose token it carries; the senior's unless given. */
  readonly as?: Who;
  readonly verb?: "POST" | "GET" | "DELETE" | "PUT";
  readonly path: string;
  /** Lines beside those of every request. */
  readonly head?: readonly string[];
  readonly body?: string;
  readonly type?: string;
  readonly accept?: string;
  /** Text or bytes that stand instead of all that. */
  readonly raw?: string;
  readonly status: number;
  /** The code that the answer holds. */
  readonly code?: string;
  /** What the client gets, and what it never may. */
  readonly says?: readonly string[];
  readonly never?: readonly string[];
  /** What is taken of its answer, by the first group. */
  readonly takes?: Readonly<Record<string, RegExp>>;
  /** Goes on beside the steps that follow, which begin once this was answered (`{sent}`: once the servers got it). */
  readonly beside?: RegExp | "sent";
  /** Leaves so many milliseconds after that. */
  readonly leaves?: number;
}

export type ClientStep =
  | Send
  | { readonly pause: number }
  /** Has the gateway take up another configuration. */
  | { readonly reload: "without the twin" | "twin elsewhere" | "as before" };

/** A request that a server, or a child of the gateway's, got: its body, with `{id}`, `{uuid}`, `{caps}` for what differs; head lines of its own. */
export interface Expected {
  readonly server: string;
  readonly body: string;
  readonly head?: readonly string[];
  /** Its first line, of a server that isn't one of MCP: then `head` is all that isn't of every request. */
  readonly line?: string;
  /** It need not come: the gateway asks this for itself where it has to. */
  readonly maybe?: true;
}

export interface Attack {
  readonly name: string;
  readonly steps: readonly ClientStep[];
  /** Goes to the gateway that bears little silence of servers and clients. */
  readonly hasty?: true;
  /** As they should unless given. */
  readonly answers?: Answers;
  /** All that servers get, beside handshakes and lists of tools, which are held against what they must be to the byte. */
  readonly upstream?: readonly Expected[];
  /** Why it isn't held off yet: the case then must fail. */
  readonly knownHole?: string;
}

export interface Topic {
  readonly title: string;
  /** What becomes of it. */
  readonly then: string;
  readonly attacks: readonly Attack[];
}

let ids = 100;
export const rpc = (method: string, params?: string, id = String(++ids)): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"${method}"${params === undefined ? "" : `,"params":${params}`}}`;

/** Opens a session, and keeps its id under a name. */
export const opens = (
  name: string,
  { as = "senior", path = "/mcp/files", caps = "{}" }: { as?: Who; path?: string; caps?: string } = {},
): Send => ({
  ...{ as, path, status: 200, takes: { [name]: /mcp-session-id: (\S+)/ } },
  body: rpc(
    "initialize",
    `{"protocolVersion":"2025-11-25","capabilities":${caps},"clientInfo":{"name":"c","version":"1"}}`,
  ),
});

type More = Partial<Send>;

/** Posts a body in a session. */
export const posts = (session: string, body: string, more: More = {}): Send => ({
  ...{ path: "/mcp/files", status: 200, body, ...more },
  head: [`mcp-session-id: {${session}}`, "mcp-protocol-version: 2025-11-25", ...(more.head ?? [])],
});
export const asks = (session: string, method: string, params: string, more: More = {}): Send =>
  posts(session, rpc(method, params), more);
export const calls = (session: string, name: string, args: string, more: More = {}): Send =>
  asks(session, "tools/call", `{"name":${JSON.stringify(name)},"arguments":${args}}`, more);
/** Listens to a session's own stream, or takes one up again. */
export const listens = (session: string, more: More = {}): Send => ({
  ...{ verb: "GET", path: "/mcp/files", status: 200, ...more },
  head: [`mcp-session-id: {${session}}`, ...(more.head ?? [])],
});

const version = "2026-07-28";
export const meta = (caps = "{}", more = ""): string =>
  `"_meta":{"io.modelcontextprotocol/protocolVersion":"${version}","io.modelcontextprotocol/clientCapabilities":${caps}${more}}`;
/** A request of the stateless era; `head` stands instead of its headers where it is given. */
export const modern = (
  method: string,
  fields: string,
  { caps = "{}", name, head, ...more }: More & { caps?: string; name?: string } = {},
): Send => ({
  ...{ path: "/mcp/files", status: 200 },
  body: rpc(method, `{${fields === "" ? "" : `${fields},`}${meta(caps)}}`),
  ...more,
  head: head ?? [
    `mcp-protocol-version: ${version}`,
    `mcp-method: ${method}`,
    ...(name === undefined ? [] : [`mcp-name: ${name}`]),
  ],
});
export const modernCall = (
  name: string,
  args: string,
  more: More & { caps?: string; name?: string } = {},
): Send => modern("tools/call", `"name":${JSON.stringify(name)},"arguments":${args}`, { name, ...more });

/** What a server gets of a request that is passed on. */
export const gets = (server: string, method: string, params: string, head?: readonly string[]): Expected => ({
  ...{ server, body: `{"jsonrpc":"2.0","id":{id},"method":"${method}","params":${params}}` },
  ...(head === undefined ? {} : { head }),
});
export const called = (server: string, name: string, args: string): Expected =>
  gets(server, "tools/call", `{"name":${JSON.stringify(name)},"arguments":${args}}`);
const told = `"_meta":{"io.modelcontextprotocol/protocolVersion":"${version}","io.modelcontextprotocol/clientInfo":{"name":"countersign","version":"1"},"io.modelcontextprotocol/clientCapabilities":{caps}}`;
/** The same, of a server without sessions. */
export const getsModern = (
  server: string,
  method: string,
  fields: string,
  name?: string,
  head: readonly string[] = [],
): Expected =>
  gets(server, method, `{${fields === "" ? "" : `${fields},`}${told}}`, [
    ...(name === undefined ? [] : [`mcp-name: ${name}`]),
    ...head,
  ]);
