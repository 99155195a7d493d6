/** What the gateway is to a tool server: a client of one of MCP's revisions, over one of its transports. */
import type {
  Assertion,
  Credentials,
  Decision,
  ErrorCode,
  Json,
  JsonObject,
} from "../../../sidecar/contract.js";
import type { ServerConfig } from "../server-config.js";

/** MCP's two ways to speak: with a handshake and a session, or each request for itself. */
export type Era = "session" | "stateless";

export type Subject = NonNullable<Decision["subject"]>;

/** Whom a link speaks for. INVARIANT: nobody else's messages go through it. */
export interface Holder {
  readonly subject: Subject;
  /** What the client can do, as far as it is carried: `sampling`, `elicitation`, `roots`; told to the server. */
  readonly capabilities: JsonObject;
  /** `{name, version}` that the server is told; the gateway's own. */
  readonly clientInfo: JsonObject;
  /** Takes what the server says of its own accord, outside any request of the holder's. Must not throw. */
  readonly onMessage: (message: ServerMessage) => void;
  /** Called once, when the link can't be used any more and nobody closed it. */
  readonly onLost: () => void;
}

/** What a server sends beside replies: a notification, or, with an id, a request that {@link Link.respond} answers. */
export interface ServerMessage {
  readonly method: string;
  readonly params: JsonObject;
  /** The link's own id of the request: unguessable to the server's other clients, never the server's text. */
  readonly id?: string;
}

export interface LinkRequest {
  readonly method: string;
  /** Without what is a link's own: the `_meta` of the stateless era, progress tokens are the link's to set. */
  readonly params: JsonObject;
  /** Takes what the server says while it works on this request. Must not throw. */
  readonly onMessage: (message: ServerMessage) => void;
  /** Aborting cancels the request at the server, too. */
  readonly signal: AbortSignal;
  readonly caller: LinkCaller;
  /** Headers of the stateless era that repeat arguments (`mcp-param-*`), checked already. */
  readonly paramHeaders?: Readonly<Record<string, string>>;
}

/** In whose name one request is made. */
export interface LinkCaller {
  /** What the upstream is to be told of the caller, of this request's decision. */
  readonly assertion: Assertion | undefined;
  /** For token exchange only. INVARIANT: never sent to the tool server. */
  readonly credentials: Credentials;
}

/** What became of a request. Messages and data of errors are the server's own words: see `results/`. */
export type LinkAnswer =
  | { readonly kind: "result"; readonly result: JsonObject }
  | { readonly kind: "error"; readonly code: number; readonly message: string; readonly data?: Json }
  | { readonly kind: "aborted" }
  /** `code`: `upstream_unavailable`, `too_many_sessions` (of children), `upstream_timeout`, `upstream_invalid`, `assertion_unavailable`, `unknown_server` (the server forgot the session). */
  | { readonly kind: "failed"; readonly code: ErrorCode };

export interface Hello {
  readonly capabilities: JsonObject;
  readonly serverInfo: JsonObject;
  readonly instructions?: string;
}

export interface Link {
  readonly era: Era;
  readonly hello: Hello;
  /** Sends a request; the link gives it an id of its own. Never rejects. */
  request(request: LinkRequest): Promise<LinkAnswer>;
  /** Sends a notification of the client's; `false` where it couldn't be. */
  notify(method: string, params: JsonObject, caller: LinkCaller): Promise<boolean>;
  /** Answers a request of the server's by its {@link ServerMessage.id}; each once. `false` where there is none such. */
  respond(
    id: string,
    answer:
      | { readonly result: JsonObject }
      | { readonly error: { readonly code: number; readonly message: string } },
    caller: LinkCaller,
  ): Promise<boolean>;
  /** Listens to what the server says of its own accord (GET stream, or `subscriptions/listen`), until closed. */
  listen(filter: ListenFilter, caller: LinkCaller): void;
  /** Ends the session at the server, where there is one, and whatever is under way. */
  close(caller?: LinkCaller): Promise<void>;
}

/** What of itself a server may say (`notifications` of `subscriptions/listen`); a server with sessions says what it likes. */
export interface ListenFilter {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourcesListChanged?: boolean;
  readonly resourceSubscriptions?: readonly string[];
}

export type OpenLink = (
  server: ServerConfig,
  holder: Holder,
  caller: LinkCaller,
  signal: AbortSignal,
) => Promise<Link | { readonly kind: "failed"; readonly code: ErrorCode } | { readonly kind: "aborted" }>;
