import type { IncomingMessage } from "node:http";
import type { Refusal } from "../../sidecar/contract.js";
import { credentialHeaders, refuse } from "../../sidecar/contract.js";
import { bringsBody } from "../http.js";

/** Headers that mean something here: twice is a contradiction, whoever reads the first and whoever the last. */
const once = new Set<string>([
  ...credentialHeaders,
  "anthropic-version",
  "api-key",
  "content-encoding",
  "content-length",
  "content-type",
  "host",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  "origin",
  "transfer-encoding",
  "x-countersign-task",
  "x-request-id",
]);

/** Tells whether others on the way could see another end of the request: HTTP/1.0 knows no chunks (RFC 9112, section 6.1). */
function isFaulty({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === "1.0" ? headers["transfer-encoding"] !== undefined : httpVersion !== "1.1";
}

/** Refuses a head that is ambiguous, a GET with a body, and web pages of origins that aren't allowed. */
export function checkHead(req: IncomingMessage, allowedOrigins: readonly string[]): Refusal | undefined {
  const seen = new Set<string>();
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = (req.rawHeaders[i] ?? "").toLowerCase();
    if (!once.has(name)) continue;
    if (seen.has(name)) return refuse("invalid_request", `the header ${name} stands twice`);
    seen.add(name);
  }
  if (isFaulty(req)) return refuse("invalid_request", "this version of HTTP isn't spoken, or not so");
  if (req.method === "GET" && bringsBody(req)) return refuse("invalid_request", "a GET has no body");
  const { origin } = req.headers;
  // a page in a browser must not get here through its reader's network (DNS rebinding)
  if (origin !== undefined && !allowedOrigins.includes(origin)) return refuse("origin_not_allowed");
  return undefined;
}
