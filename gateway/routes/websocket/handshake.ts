/** Reads a WebSocket's opening handshake (RFC 6455 section 4.2.1), more strictly than it asks for. */
import type { IncomingMessage } from "node:http";
import type { Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { bringsBody } from "../../http.js";
import type { WebSocketConfig } from "./config.js";

export interface Handshake {
  readonly kind: "handshake";
  /** Offered by the client and allowed by the route, in the client's order. */
  readonly subprotocols: readonly string[];
}

const once = ["upgrade", "sec-websocket-key", "sec-websocket-version", "connection"] as const;

export function readHandshake(
  req: IncomingMessage,
  head: Buffer,
  config: WebSocketConfig | undefined,
): Handshake | Refusal {
  if (config === undefined) return refuse("upgrade_refused");
  const { method, httpVersion, headers, headersDistinct } = req;
  if (method !== "GET" || httpVersion !== "1.1") return refuse("upgrade_refused", "not a GET of HTTP/1.1");
  if (once.some((name) => headersDistinct[name]?.length !== 1))
    return refuse("upgrade_refused", "a header of the handshake is missing or stands twice");
  if (headers.upgrade?.toLowerCase() !== "websocket") return refuse("upgrade_refused", "not to WebSocket");
  // what comes before the connection is one could be a request of its own
  if (bringsBody(req) || head.byteLength > 0)
    return refuse("upgrade_refused", "bytes that follow the handshake");
  if (headers["sec-websocket-version"] !== "13") return refuse("upgrade_refused", "another version");
  const key = headers["sec-websocket-key"] ?? "";
  if (!/^[+/0-9A-Za-z]{22}==$/.test(key)) return refuse("upgrade_refused", "the key");
  const lines = headersDistinct["sec-websocket-protocol"] ?? [];
  const offered = lines.flatMap((line) => line.split(",").map((one) => one.trim()));
  if (lines.length > 1 || offered.some((one) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(one)))
    return refuse("upgrade_refused", "the subprotocols");
  const subprotocols = [...new Set(offered)].filter((one) => config.subprotocols.includes(one));
  if (offered.length > 0 && subprotocols.length === 0) return refuse("subprotocol_not_allowed");
  return { kind: "handshake", subprotocols };
}
