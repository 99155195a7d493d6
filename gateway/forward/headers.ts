/** The only place where the headers of a request to an upstream come from. */
import type { Assertion } from "../../sidecar/contract.js";
import type { UpstreamAssertion } from "./assertion.js";

/** What protocols need. INVARIANT: no header that an upstream could take for an identity stands here. */
export const protocolHeaders = [
  "a2a-extensions",
  "a2a-version",
  "accept",
  "accept-type-allow-int64",
  "anthropic-version",
  "last-event-id",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  "traceparent",
  "x-pinecone-api-version",
] as const;
export type ProtocolHeaders = Partial<Readonly<Record<(typeof protocolHeaders)[number], string>>>;

/** Headers that repeat arguments of a tool (MCP 2026-07-28); names are lower-case, `mcp-param-…`. */
export type ParamHeaders = Readonly<Record<string, string>>;
export const paramHeader = /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

export interface HeaderSources {
  readonly protocol: ProtocolHeaders | undefined;
  readonly params?: ParamHeaders | undefined;
  /** Arguments that are headers: of names that the document declares and that no caller is kept from. */
  readonly operation?: Readonly<Record<string, string>> | undefined;
  readonly hasBody: boolean;
  /** Of the body; JSON unless given. */
  readonly contentType?: string | undefined;
  /** What the configuration has for this upstream: its credential among it. Names are lower-case. */
  readonly own: Readonly<Record<string, string>>;
  /** What the upstream's configuration wants, and what the sidecar signed. */
  readonly wanted: UpstreamAssertion | undefined;
  readonly assertion: Assertion | undefined;
  /** The token of a task that was made for this upstream. INVARIANT: never the caller's own. */
  readonly task?: string | undefined;
}

/**
 * Makes the headers of a request to an upstream, name by name: what a client sent under any other name, in whatever
 * spelling, has no way here. Undefined where the upstream wants an assertion and there is none: then nothing is sent.
 * @throws TypeError where a header for arguments has another name, or isn't visible ASCII
 */
export function upstreamHeaders(sources: HeaderSources): Record<string, string> | undefined {
  const { protocol, params = {}, operation, hasBody, contentType, own, wanted, assertion, task } = sources;
  if (wanted !== undefined && assertion === undefined) return undefined;
  // what is written below stands above it
  const headers: Record<string, string> = operation === undefined ? { ...own } : { ...operation, ...own };
  for (const name of protocolHeaders) {
    const value = protocol?.[name];
    if (value !== undefined) headers[name] = value;
  }
  for (const [name, value] of Object.entries(params)) {
    if (!paramHeader.test(name) || !/^[\x20-\x7e]*$/.test(value))
      throw new TypeError("no header of arguments");
    headers[name] = value;
  }
  if (hasBody) headers["content-type"] = contentType ?? "application/json";
  // what is scanned and filtered must be readable
  headers["accept-encoding"] = "identity";
  if (task !== undefined) headers["x-countersign-task"] = task;
  if (wanted !== undefined && assertion !== undefined) headers[wanted.header] = assertion.token;
  return headers;
}
