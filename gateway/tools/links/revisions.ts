/** The revisions of MCP that upstreams are spoken to in. */

/** Each request for itself. */
export const stateless = "2026-07-28";

/** With a handshake, the newest first: what a server may answer `initialize` with. */
export const withSessions: readonly string[] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/** What `_meta` and headers of the stateless era are called. */
export const metaNames = {
  version: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
} as const;

/** Errors that only a server of the stateless era gives. Source: 2026-07-28, basic, "Error Codes". */
export const modernErrors = { headerMismatch: -32020, capability: -32021, version: -32022 } as const;
