/** The MCP methods that are known, and how each is decided; any other is denied. */

export type MethodKind =
  /** Decided as `tool.list` on the server: may this caller speak to it at all? */
  | "plumbing"
  /** Decided like plumbing; then each tool in the answer is decided. */
  | "list"
  /** Decided as `tool.call` on name and arguments. */
  | "call";

/** Source: MCP specification, revisions 2025-03-26 to 2026-07-28. */
export const methods: Readonly<Record<string, MethodKind>> = {
  initialize: "plumbing",
  ping: "plumbing",
  "server/discover": "plumbing",
  "notifications/initialized": "plumbing",
  "notifications/cancelled": "plumbing",
  "tools/list": "list",
  "tools/call": "call",
};

export const protocolVersions: ReadonlySet<string> = new Set([
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
  "2026-07-28",
]);
