/** The only place where the headers of a request to an upstream come from. */
import type { Assertion } from "../../sidecar/contract.js";
import type { UpstreamAssertion } from "./assertion.js";

/** What protocols need. INVARIANT: no header that an upstream could take for an identity stands here. */
export const protocolHeaders = [
  "accept",
  "anthropic-version",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  "traceparent",
] as const;
export type ProtocolHeaders = Partial<Readonly<Record<(typeof protocolHeaders)[number], string>>>;

export interface HeaderSources {
  readonly protocol: ProtocolHeaders | undefined;
  readonly hasBody: boolean;
  /** Of the body; JSON unless given. */
  readonly contentType?: string | undefined;
  /** What the configuration has for this upstream: its credential among it. Names are lower-case. */
  readonly own: Readonly<Record<string, string>>;
  /** What the upstream's configuration wants, and what the sidecar signed. */
  readonly wanted: UpstreamAssertion | undefined;
  readonly assertion: Assertion | undefined;
}

/**
 * Makes the headers of a request to an upstream, name by name: what a client sent under any other name, in whatever
 * spelling, has no way here. Undefined where the upstream wants an assertion and there is none: then nothing is sent.
 */
export function upstreamHeaders(sources: HeaderSources): Record<string, string> | undefined {
  const { protocol, hasBody, contentType, own, wanted, assertion } = sources;
  if (wanted !== undefined && assertion === undefined) return undefined;
  // what is written below stands above it
  const headers: Record<string, string> = { ...own };
  for (const name of protocolHeaders) {
    const value = protocol?.[name];
    if (value !== undefined) headers[name] = value;
  }
  if (hasBody) headers["content-type"] = contentType ?? "application/json";
  // what is scanned and filtered must be readable
  headers["accept-encoding"] = "identity";
  if (wanted !== undefined && assertion !== undefined) headers[wanted.header] = assertion.token;
  return headers;
}
