/** What a client may ask of a tool server, message by message, and how each is decided. What isn't here is denied. */
import type { Era } from "../links/link.js";

export type MethodKind =
  /** Decided as `tool.list` on each server: may this caller speak to it at all? Answered here. */
  | "initialize"
  | "discover"
  | "ping"
  /** Decided like those, then passed on. */
  | "level"
  /** Decided like those; then each item in the answer is decided. */
  | "list"
  /** Decided by what it names. */
  | "call"
  | "read"
  | "get"
  | "complete"
  | "subscribe"
  | "unsubscribe"
  /** Decided like `initialize`, and by each resource that it names. */
  | "listen";

export interface Method {
  readonly how: MethodKind;
  /** The fields of `params`, beside `_meta`; what isn't here would travel undecided. */
  readonly params: readonly string[];
  readonly eras: readonly Era[];
  /** The field that the header `Mcp-Name` repeats. */
  readonly named?: "name" | "uri";
  /** Whether a server may ask for input instead of answering. */
  readonly mayNeedInput?: true;
  /** What the server must be able to do. */
  readonly needs?: "tools" | "resources" | "prompts" | "completions" | "logging";
}

const both: readonly Era[] = ["session", "stateless"];
const session: readonly Era[] = ["session"];
const stateless: readonly Era[] = ["stateless"];

/** Source: MCP specification, revisions 2025-03-26 to 2026-07-28. */
export const methods: Readonly<Record<string, Method>> = {
  initialize: { how: "initialize", params: ["protocolVersion", "capabilities", "clientInfo"], eras: session },
  "server/discover": { how: "discover", params: [], eras: stateless },
  ping: { how: "ping", params: [], eras: session },
  "logging/setLevel": { how: "level", params: ["level"], eras: session, needs: "logging" },
  "tools/list": { how: "list", params: ["cursor"], eras: both, needs: "tools" },
  "tools/call": {
    ...{ how: "call", params: ["name", "arguments"], eras: both, named: "name" },
    ...{ mayNeedInput: true, needs: "tools" },
  },
  "resources/list": { how: "list", params: ["cursor"], eras: both, needs: "resources" },
  "resources/templates/list": { how: "list", params: ["cursor"], eras: both, needs: "resources" },
  "resources/read": {
    ...{ how: "read", params: ["uri"], eras: both, named: "uri" },
    ...{ mayNeedInput: true, needs: "resources" },
  },
  "resources/subscribe": { how: "subscribe", params: ["uri"], eras: session, needs: "resources" },
  "resources/unsubscribe": { how: "unsubscribe", params: ["uri"], eras: session, needs: "resources" },
  "prompts/list": { how: "list", params: ["cursor"], eras: both, needs: "prompts" },
  "prompts/get": {
    ...{ how: "get", params: ["name", "arguments"], eras: both, named: "name" },
    ...{ mayNeedInput: true, needs: "prompts" },
  },
  "completion/complete": {
    ...{ how: "complete", params: ["ref", "argument", "context"], eras: both, needs: "completions" },
  },
  "subscriptions/listen": { how: "listen", params: ["notifications"], eras: stateless },
};

/** Methods that are known and carried for nobody, and why. */
export const deniedMethods: Readonly<Record<string, string>> = {
  "tasks/get": "tasks run on where nobody decides any more; they are not offered",
  "tasks/result": "tasks run on where nobody decides any more; they are not offered",
  "tasks/list": "tasks run on where nobody decides any more; they are not offered",
  "tasks/cancel": "tasks run on where nobody decides any more; they are not offered",
  "tasks/update": "tasks run on where nobody decides any more; they are not offered",
};

/** What a client may say without asking, and what becomes of it. */
export const clientNotifications: Readonly<
  Record<string, { readonly does: "nothing" | "cancels" | "tells"; readonly params: readonly string[] }>
> = {
  /** The gateway's links shake hands for themselves. */
  "notifications/initialized": { does: "nothing", params: [] },
  /** Of the same session's requests only. */
  "notifications/cancelled": { does: "cancels", params: ["requestId", "reason"] },
  /** Of requests of the server's to the client; nobody needs it to go on. */
  "notifications/progress": { does: "nothing", params: ["progressToken", "progress", "total", "message"] },
  "notifications/roots/list_changed": { does: "tells", params: [] },
};

/** What a server may say while it works on a request, or of its own accord. What isn't here is dropped. */
export const serverNotifications: Readonly<
  Record<string, { readonly when: "request" | "any"; readonly params: readonly string[] }>
> = {
  /** Only of the request that it comes with, under the client's own token. */
  "notifications/progress": { when: "request", params: ["progressToken", "progress", "total", "message"] },
  /** No lower than the level that the client asked for. */
  "notifications/message": { when: "any", params: ["level", "logger", "data"] },
  "notifications/tools/list_changed": { when: "any", params: [] },
  "notifications/resources/list_changed": { when: "any", params: [] },
  "notifications/prompts/list_changed": { when: "any", params: [] },
  /** Only of resources that this client subscribed to. */
  "notifications/resources/updated": { when: "any", params: ["uri", "title"] },
  /** Only of what this client was asked. */
  "notifications/elicitation/complete": { when: "any", params: ["elicitationId"] },
};

/** What a server may ask of a client; each is decided. `ping` is answered here, anything else is refused. */
export const serverRequests: Readonly<
  Record<
    string,
    {
      readonly action: "sampling.create" | "elicitation.create" | "roots.list";
      /** What the client must have said that it can do. */
      readonly capability: "sampling" | "elicitation" | "roots";
      readonly params: readonly string[];
    }
  >
> = {
  "sampling/createMessage": {
    ...{ action: "sampling.create", capability: "sampling" },
    params: [
      ...["messages", "modelPreferences", "systemPrompt", "includeContext", "temperature", "maxTokens"],
      ...["stopSequences", "metadata", "tools", "toolChoice"],
    ],
  },
  "elicitation/create": {
    ...{ action: "elicitation.create", capability: "elicitation" },
    params: ["mode", "message", "requestedSchema", "url", "elicitationId"],
  },
  "roots/list": { action: "roots.list", capability: "roots", params: [] },
};

/** Newest first. */
export const sessionVersions: readonly string[] = ["2025-11-25", "2025-06-18", "2025-03-26"];
export const statelessVersion = "2026-07-28";
export const supportedVersions: readonly string[] = [statelessVersion, ...sessionVersions];

/** Keys of `_meta` of the stateless era. */
export const metaKeys = {
  version: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  capabilities: "io.modelcontextprotocol/clientCapabilities",
  logLevel: "io.modelcontextprotocol/logLevel",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscription: "io.modelcontextprotocol/subscriptionId",
} as const;

export const logLevels: readonly string[] = [
  ...["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"],
];
