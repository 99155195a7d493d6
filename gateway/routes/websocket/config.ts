import type { Fields, Problems } from "../../../sidecar/contract.js";

/** How a route takes WebSocket connections. */
export interface WebSocketConfig {
  /** Those that may be spoken; a client that offers some must offer one of these. */
  readonly subprotocols: readonly string[];
  /** Largest message, bytes, either way. */
  readonly maxMessage: number;
  /** Longest time without a message, milliseconds. */
  readonly idleMs: number;
  /** Between pings; a peer that doesn't answer one until the next is gone. */
  readonly pingMs: number;
  /** Whether each message of the client, and of the upstream, is decided. */
  readonly messages: "pass" | "decide";
  readonly answers: "pass" | "decide";
  /** How often the connection is decided anew, milliseconds. */
  readonly recheckMs: number;
  /** Most connections open at once. */
  readonly most: number;
}

const ways = ["pass", "decide"] as const;

/** Reads a route's `websocket` section. */
export function readWebSocketConfig(fields: Fields, problems: Problems): WebSocketConfig {
  const subprotocols = fields.strings("subprotocols") ?? [];
  for (const one of subprotocols)
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(one))
      problems.add(fields.at("subprotocols"), `${one.slice(0, 64)} is no subprotocol`);
  const config: WebSocketConfig = {
    subprotocols,
    maxMessage: fields.integer("max_message_bytes", 1, 2 ** 28) ?? 2 ** 20,
    idleMs: fields.integer("idle_ms", 100, 86_400_000) ?? 300_000,
    pingMs: fields.integer("ping_ms", 50, 3_600_000) ?? 30_000,
    messages: fields.oneOf("messages", ways) ?? "pass",
    answers: fields.oneOf("answers", ways) ?? "pass",
    recheckMs: fields.integer("recheck_ms", 100, 86_400_000) ?? 60_000,
    most: fields.integer("max_connections", 1, 1_000_000) ?? 1_000,
  };
  fields.end();
  return config;
}
