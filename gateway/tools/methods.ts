/** The MCP methods that are known, and how each is decided; any other is denied. */

export type MethodKind =
  /** Decided as `tool.list` on the server: may this caller speak to it at all? */
  | "plumbing"
  /** Decided like plumbing; of the capabilities in the answer, what is carried here is left. */
  | "greeting"
  /** Decided like plumbing; then each tool in the answer is decided. */
  | "list"
  /** Decided as `tool.call` on name and arguments. */
  | "call";

export interface Method {
  readonly how: MethodKind;
  readonly notification?: true;
  /** The fields of `params`, beside `_meta`; what isn't here would travel undecided. */
  readonly params: readonly string[];
}

/** Source: MCP specification, revisions 2025-03-26 to 2026-07-28. */
export const methods: Readonly<Record<string, Method>> = {
  initialize: { how: "greeting", params: ["protocolVersion", "capabilities", "clientInfo"] },
  "server/discover": { how: "greeting", params: [] },
  ping: { how: "plumbing", params: [] },
  "notifications/initialized": { how: "plumbing", notification: true, params: [] },
  "notifications/cancelled": { how: "plumbing", notification: true, params: ["requestId", "reason"] },
  "tools/list": { how: "list", params: ["cursor"] },
  "tools/call": { how: "call", params: ["name", "arguments"] },
};

/** What a server may say of its own accord while a call runs; other notifications are dropped. */
export const serverNotifications: ReadonlySet<string> = new Set([
  "notifications/progress",
  "notifications/message",
  "notifications/tools/list_changed",
]);

export const protocolVersions: ReadonlySet<string> = new Set([
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
  "2026-07-28",
]);

/** Revisions whose requests must carry method and name in headers, too. */
export const headersRequired: ReadonlySet<string> = new Set(["2026-07-28"]);
