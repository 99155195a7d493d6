import type { Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";

import type { OperationName, UploadName } from "../models/operations/operations.js";
import type { BatchAction } from "../models/storage/batches.js";
import type { MessageBatchAction } from "../models/storage/message-batches.js";
import type { StoreAction } from "../models/storage/store-operations.js";
import type { FileAction } from "../models/storage/files.js";
import type { StoredAction } from "../models/operations/stored.js";
import { matchStore, storesPath } from "../retrieval/serve/match.js";
import type { TaskAction } from "../tasks/serve.js";
import { matchNamed, routesPath } from "../routes/match.js";

export type Protocol =
  | ("openai" | "anthropic" | "gemini" | "mcp" | "retrieval" | "store" | "http_tool" | "agent" | "route")
  | "task";

export type Route =
  | { readonly kind: "invoke" }
  | { readonly kind: "operation"; readonly operation: OperationName; readonly model: string }
  | { readonly kind: "upload"; readonly operation: UploadName }
  | { readonly kind: "create_file" }
  | { readonly kind: "file"; readonly action: FileAction; readonly id: string }
  | { readonly kind: "create_batch" }
  | { readonly kind: "batch"; readonly action: BatchAction; readonly id: string }
  | { readonly kind: "create_message_batch" }
  | { readonly kind: "message_batch"; readonly action: MessageBatchAction; readonly id: string }
  | { readonly kind: "store"; readonly action: StoreAction; readonly id: string; readonly second: string }
  /** What is known, and refused by name. */
  | { readonly kind: "list" }
  | { readonly kind: "stored"; readonly action: StoredAction; readonly id: string }
  | { readonly kind: "models"; readonly id?: string }
  /** Without a server: those that are configured to be one. */
  | { readonly kind: "tools"; readonly server: string | undefined }
  | { readonly kind: "own_stream"; readonly server: string | undefined }
  | { readonly kind: "end_session"; readonly server: string | undefined }
  | { readonly kind: "query"; readonly collection: string }
  /** `rest` is path and query of the store's own API, as they came. */
  | { readonly kind: "own_store"; readonly name: string; readonly rest: string }
  /** An operation of an API; `rest` is path and query, as they came. */
  | { readonly kind: "http_tool"; readonly server: string; readonly rest: string }
  | { readonly kind: "agent"; readonly agent: string }
  /** `rest` is path and query, as they came. */
  | { readonly kind: "agent_rest"; readonly agent: string; readonly rest: string }
  | { readonly kind: "agent_card"; readonly agent: string }
  /** `rest` is what follows the name, as it came. */
  | { readonly kind: "named"; readonly name: string; readonly rest: string }
  | { readonly kind: "task"; readonly action: TaskAction; readonly id: string }
  /** `path` is the resource's own, "" for the whole gateway. */
  | { readonly kind: "metadata"; readonly path: string }
  | { readonly kind: "keys" }
  | { readonly kind: "health" };

const operation = (one: OperationName, model = ""): Route => ({ kind: "operation", operation: one, model });

const upload = (one: UploadName): Route => ({ kind: "upload", operation: one });

const id = "([A-Za-z0-9_-]{1,1100})";
const kept = (path: string): RegExp => new RegExp(`^/v1/${path}$`);

const messageBatch =
  (action: MessageBatchAction) =>
  (one: string): Route => ({ kind: "message_batch", action, id: one });

const store =
  (action: StoreAction) =>
  (one: string, second: string): Route => ({ kind: "store", action, id: one, second });

type Pattern = readonly [method: string, path: RegExp, make: (name: string, second: string) => Route];

/** INVARIANT: names hold no slash, percent sign or dot segment; what doesn't match to the letter isn't served. */
const name = "((?!\\.{1,2}(?:/|$))[A-Za-z0-9._:-]{1,128})";
const gemini = (verb: string): RegExp =>
  new RegExp(`^/v1beta/models/([A-Za-z0-9][A-Za-z0-9._-]{0,127}):${verb}$`);
const storedId = (behind: string): RegExp => new RegExp(`^/v1/responses/([A-Za-z0-9_-]{1,1100})${behind}$`);
const stored =
  (action: StoredAction) =>
  (id: string): Route => ({ kind: "stored", action, id });
const mcp = new RegExp(`^/mcp(?:/${name})?$`);
/** Any method: the document says which. */
const httpTool = new RegExp(`^/tools/${name}(/[^]{0,8192})$`);
const routes: readonly Pattern[] = [
  ["POST", /^\/v1\/chat\/completions$/, () => ({ kind: "invoke" })],
  ["POST", /^\/v1\/messages$/, () => ({ kind: "invoke" })],
  ["POST", /^\/v1\/messages\/count_tokens$/, () => operation("countTokens")],
  ["POST", /^\/v1\/responses$/, () => operation("responses")],
  ["POST", kept("messages/batches"), () => ({ kind: "create_message_batch" })],
  ["GET", kept(`messages/batches/${id}`), messageBatch("read")],
  ["DELETE", kept(`messages/batches/${id}`), messageBatch("delete")],
  ["POST", kept(`messages/batches/${id}/cancel`), messageBatch("cancel")],
  ["GET", kept(`messages/batches/${id}/results`), messageBatch("results")],
  ["POST", kept("vector_stores"), store("create")],
  ["GET", kept(`vector_stores/${id}`), store("read")],
  ["POST", kept(`vector_stores/${id}`), store("update")],
  ["DELETE", kept(`vector_stores/${id}`), store("delete")],
  ["POST", kept(`vector_stores/${id}/files`), store("attach")],
  ["GET", kept(`vector_stores/${id}/files/${id}`), store("readFile")],
  ["POST", kept(`vector_stores/${id}/files/${id}`), store("alterFile")],
  ["DELETE", kept(`vector_stores/${id}/files/${id}`), store("detach")],
  ["GET", kept(`vector_stores/${id}/files/${id}/content`), store("fileContent")],
  ["POST", kept(`vector_stores/${id}/file_batches`), store("attachAll")],
  ["GET", kept(`vector_stores/${id}/file_batches/${id}`), store("readFiles")],
  ["POST", kept(`vector_stores/${id}/file_batches/${id}/cancel`), store("cancelFiles")],
  ["POST", kept(`vector_stores/${id}/search`), store("search")],
  ["GET", kept(`vector_stores/${id}/files(?:\\?.*)?`), () => ({ kind: "list" })],
  ["GET", kept(`vector_stores/${id}/file_batches/${id}/files(?:\\?.*)?`), () => ({ kind: "list" })],
  ["POST", kept("files"), () => ({ kind: "create_file" })],
  ["GET", kept(`files/${id}`), (one) => ({ kind: "file", action: "read", id: one })],
  ["GET", kept(`files/${id}/content`), (one) => ({ kind: "file", action: "content", id: one })],
  ["DELETE", kept(`files/${id}`), (one) => ({ kind: "file", action: "delete", id: one })],
  ["POST", kept("batches"), () => ({ kind: "create_batch" })],
  ["GET", kept(`batches/${id}`), (one) => ({ kind: "batch", action: "read", id: one })],
  ["POST", kept(`batches/${id}/cancel`), (one) => ({ kind: "batch", action: "cancel", id: one })],
  ["GET", kept("(?:files|batches|vector_stores|messages/batches)(?:\\?.*)?"), () => ({ kind: "list" })],
  ["GET", storedId(""), stored("read")],
  ["DELETE", storedId(""), stored("delete")],
  ["POST", storedId("\\/cancel"), stored("cancel")],
  ["POST", /^\/v1\/completions$/, () => operation("completions")],
  ["POST", /^\/v1\/moderations$/, () => operation("moderations")],
  ["POST", gemini("generateContent"), (model) => operation("geminiGenerate", model)],
  ["POST", gemini("streamGenerateContent\\?alt=sse"), (model) => operation("geminiStream", model)],
  ["POST", gemini("countTokens"), (model) => operation("geminiCount", model)],
  // a client's size of a page: there is one page
  ["GET", /^\/v1beta\/models(?:\?pageSize=[0-9]{1,4})?$/, () => ({ kind: "models" })],
  ["GET", /^\/v1beta\/models\/([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/, (id) => ({ kind: "models", id })],
  ["POST", gemini("embedContent"), (model) => operation("geminiEmbed", model)],
  ["POST", gemini("batchEmbedContents"), (model) => operation("geminiEmbedBatch", model)],
  ["POST", /^\/v1\/images\/generations$/, () => operation("images")],
  ["POST", /^\/v1\/images\/edits$/, () => upload("imageEdit")],
  ["POST", /^\/v1\/images\/variations$/, () => upload("imageVariation")],
  ["POST", /^\/v1\/audio\/speech$/, () => operation("speech")],
  ["POST", /^\/v1\/audio\/transcriptions$/, () => upload("transcription")],
  ["POST", /^\/v1\/audio\/translations$/, () => upload("translation")],
  ["POST", /^\/v1\/embeddings$/, () => operation("embeddings")],
  ["GET", /^\/v1\/models$/, () => ({ kind: "models" })],
  // an id comes percent-encoded; it is compared with the encoded catalogue, never decoded
  ["GET", /^\/v1\/models\/([A-Za-z0-9][A-Za-z0-9._:%-]{0,383})$/, (id) => ({ kind: "models", id })],
  ["POST", mcp, (server) => ({ kind: "tools", server: server === "" ? undefined : server })],
  ["GET", mcp, (server) => ({ kind: "own_stream", server: server === "" ? undefined : server })],
  ["DELETE", mcp, (server) => ({ kind: "end_session", server: server === "" ? undefined : server })],
  ["POST", new RegExp(`^/a2a/${name}$`), (agent) => ({ kind: "agent", agent })],
  [
    "GET",
    new RegExp(`^/a2a/${name}/\\.well-known/agent-card\\.json$`),
    (agent) => ({ kind: "agent_card", agent }),
  ],
  ...["GET", "POST", "DELETE"].map((verb): Pattern => [
    verb,
    new RegExp(`^/a2a/${name}/v1(/[\\x21-\\x7e]{1,8192})$`),
    (agent, rest) => ({ kind: "agent_rest", agent, rest }),
  ]),
  ["POST", /^\/v1\/tasks$/, () => ({ kind: "task", action: "create", id: "" })],
  ["GET", /^\/v1\/tasks\/([\w-]{1,64})$/, (id) => ({ kind: "task", action: "read", id })],
  ["POST", /^\/v1\/tasks\/([\w-]{1,64})\/end$/, (id) => ({ kind: "task", action: "end", id })],
  ["POST", new RegExp(`^/v1/retrieval/${name}/query$`), (collection) => ({ kind: "query", collection })],
  [
    "GET",
    /^\/\.well-known\/oauth-protected-resource((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._:-]{1,128}){0,8})$/,
    (path) => ({ kind: "metadata", path }),
  ],
  // the second is where verifiers of Pomerium's assertion look
  ["GET", /^\/\.well-known\/(?:pomerium\/)?jwks\.json$/, () => ({ kind: "keys" })],
  ["GET", /^\/health$/, () => ({ kind: "health" })],
];

/** Finds the route of a request target, exactly as it came: no decoding, no query string. */
export function matchRoute(method: string, target: string): Route | Refusal {
  if (target.startsWith(routesPath)) {
    const named = matchNamed(target);
    return named === undefined ? refuse("unknown_route") : { kind: "named", ...named };
  }
  if (target.startsWith(storesPath)) {
    const store = matchStore(target);
    return store === undefined ? refuse("unknown_route") : { kind: "own_store", ...store };
  }
  const [, server, rest] = httpTool.exec(target) ?? [];
  if (server !== undefined && rest !== undefined) return { kind: "http_tool", server, rest };
  let known = false;
  for (const [verb, pattern, make] of routes) {
    const match = pattern.exec(target);
    if (match === null) continue;
    known = true;
    if (verb === method) return make(match[1] ?? "", match[2] ?? "");
  }
  return refuse(known ? "method_not_allowed" : "unknown_route");
}

/** Tells whose words a client speaks: by the route, and where protocols share it by the header that one of them has. */
export function protocolOf(target: string, anthropicVersion: unknown): Protocol {
  if (target.startsWith(routesPath)) return "route";
  if (target.startsWith("/mcp")) return "mcp";
  if (target.startsWith("/a2a")) return "agent";
  if (target.startsWith("/tools/")) return "http_tool";
  if (target.startsWith(storesPath)) return "store";
  if (target.startsWith("/v1/retrieval")) return "retrieval";
  if (/^\/v1\/tasks(?:\/|$)/.test(target)) return "task";
  if (target.startsWith("/v1beta")) return "gemini";
  if (target.startsWith("/v1/messages")) return "anthropic";
  return anthropicVersion !== undefined && target.startsWith("/v1/models") ? "anthropic" : "openai";
}
