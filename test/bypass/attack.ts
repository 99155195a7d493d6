/** What a case of the bypass suite is. */
import type { IdentityName } from "../../demo/identities.js";
import { providerKey } from "./lab.js";
import type { Step } from "./upstream.js";

export interface Attack {
  readonly name: string;
  /** Whose token stands where `{token}` does; the senior's unless given. */
  readonly as?: IdentityName;
  /** Done before: what the first group of `takes` matches in its answer stands where `{taken}` does. */
  readonly first?: {
    readonly as: IdentityName;
    readonly send: string;
    readonly answer?: readonly Step[];
    readonly takes: RegExp;
  };
  /** Goes to the gateway that bears little silence of an upstream. */
  readonly hasty?: true;
  /** Bytes; text is UTF-8; a number is a pause in milliseconds. */
  readonly send: string | Buffer | readonly (string | Buffer | number)[];
  /** How the upstream answers; as it should unless given. */
  readonly answer?: readonly Step[];
  /** The status of each answer that the client gets. */
  readonly status: number | readonly number[];
  /** The code that the answer holds. */
  readonly code?: string;
  /** What the client gets, and what it never may. */
  readonly says?: readonly string[];
  readonly never?: readonly string[];
  /** All that the upstream gets, to the byte; nothing unless given. `{upstream}` stands for its address. */
  readonly upstream?: readonly string[];
}

export interface Topic {
  readonly title: string;
  /** What becomes of it. */
  readonly then: string;
  readonly attacks: readonly Attack[];
}

export const hi = [{ role: "user", content: "hi" }];
export const chat = (more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ model: "small", messages: hi, ...more });

interface RequestParts {
  readonly method?: string;
  readonly path?: string;
  /** Lines beside those of every request. */
  readonly head?: readonly string[];
  /** Undefined: none. */
  readonly type?: string | undefined;
  readonly keep?: boolean;
  readonly version?: string;
}

/** Writes a request that is as it should be but for what is given. */
export function request(body: string | Buffer = chat(), parts: RequestParts = {}): Buffer {
  const { method = "POST", path = "/v1/chat/completions", head = [], keep = false, version = "1.1" } = parts;
  const type = "type" in parts ? parts.type : "application/json";
  const lines = [
    `${method} ${path} HTTP/${version}`,
    "host: gateway",
    "authorization: Bearer {token}",
    ...(type === undefined ? [] : [`content-type: ${type}`]),
    ...(body.length === 0 ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
    ...(keep ? [] : ["connection: close"]),
    ...head,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), Buffer.from(body)]);
}

/** A request whose framing is written by hand: the head's lines beside those of every request, and what follows it. */
export const framed = (lines: readonly string[], rest: string, first?: string): string =>
  [
    first ?? "POST /v1/chat/completions HTTP/1.1",
    "host: gateway",
    "authorization: Bearer {token}",
    "content-type: application/json",
    ...lines,
    "",
    rest,
  ].join("\r\n");

interface WireParts {
  readonly method?: string;
  readonly path?: string;
  readonly stream?: boolean;
  /** Lines of the protocol's own, and the one with the key. */
  readonly key?: readonly string[];
  readonly own?: readonly string[];
}

/** All that an upstream gets of a request: nothing else of a client's may be in it. */
export function wire(asked: string, parts: WireParts = {}): string {
  const { method = "POST", path = "/v1/chat/completions", stream = false, own = [] } = parts;
  // the gateway accounts for what streams use
  const counts = stream && path === "/v1/chat/completions";
  const body = counts ? `${asked.slice(0, -1)},"stream_options":{"include_usage":true}}` : asked;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: {upstream}",
    "connection: keep-alive",
    `accept: ${stream ? "text/event-stream" : "application/json"}`,
    ...own,
    ...(body === "" ? [] : ["content-type: application/json"]),
    "accept-encoding: identity",
    ...(parts.key ?? [`authorization: Bearer ${providerKey}`]),
    ...(body === "" && method !== "POST" ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${Buffer.from(body).toString("latin1")}`;
}
export const claude = {
  path: "/v1/messages",
  own: ["anthropic-version: 2023-06-01"],
  key: [`x-api-key: ${providerKey}`],
};
export const gem = (verb: string) => ({
  path: `/v1beta/models/gem-small:${verb}`,
  key: [`x-goog-api-key: ${providerKey}`],
});
