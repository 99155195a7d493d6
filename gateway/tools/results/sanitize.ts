/**
 * Keeps an upstream's inside out of what clients are told of errors.
 *
 * How to call it: `sanitizeError(answer)` with a `LinkAnswer` of kind `error`, before it is sent on; the id is the caller's own
 * matter. `scrubError(result)` is for results with `isError`, after {@link createResults}' `inspect`.
 */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { findInternals, scrub } from "./internals.js";

export interface ClientError {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonObject;
}

/** Codes that mean something to clients, and what is said for each. Source: JSON-RPC 2.0, MCP of both revisions. */
const codes: Readonly<Record<number, string>> = {
  [-32700]: "the tool server could not parse the request",
  [-32600]: "the tool server takes the request for invalid",
  [-32601]: "the tool server does not have this method",
  [-32602]: "the tool server does not take these parameters",
  [-32603]: "the tool server failed",
  [-32002]: "the tool server does not have this resource",
};
const unknown = { code: -32603, message: "the tool server refused the request" } as const;
const longest = 512;
/** Without the server's own words: they tell nothing but of its inside. */
const silent: ReadonlySet<number> = new Set([-32700, -32603]);

/**
 * Gives what a client is told of a JSON-RPC error of an upstream: a code that both know, our own message, and the server's where
 * nothing of its inside is in it. `data` never passes: it has no form, and traces are what servers put there.
 */
export function sanitizeError(error: {
  readonly code: number;
  readonly message: string;
  readonly data?: Json;
}): ClientError {
  const own = codes[error.code];
  if (own === undefined) return { ...unknown };
  const said = silent.has(error.code) ? undefined : harmless(error.message);
  return { code: error.code, message: said === undefined ? own : `${own}: ${said}` };
}

/** A server's words, cut, on one line; undefined where they tell of its inside. */
function harmless(message: string): string | undefined {
  if (message.length > 4 * longest || findInternals(message).length > 0) return undefined;
  const plain = message.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return plain === "" ? undefined : plain.slice(0, longest).toWellFormed();
}

/** Replaces what tells of the server's inside in the texts of a result that is an error; the same result where nothing does. */
export function scrubError(result: JsonObject): JsonObject {
  const { content, structuredContent } = result;
  const out = Object.assign(Object.create(null) as JsonObject, result);
  if (Array.isArray(content)) out["content"] = content.map(scrubBlock);
  if (structuredContent !== undefined) out["structuredContent"] = scrubValue(structuredContent);
  return out;
}

function scrubBlock(block: Json): Json {
  if (!isObject(block)) return block;
  if (block["type"] === "text" && typeof block["text"] === "string")
    return { ...block, text: scrub(block["text"]) };
  const { resource } = block;
  if (block["type"] === "resource" && isObject(resource) && typeof resource["text"] === "string") {
    return { ...block, resource: { ...resource, text: scrub(resource["text"]) } };
  }
  return block;
}

function scrubValue(value: Json): Json {
  if (typeof value === "string") return scrub(value);
  if (Array.isArray(value)) return value.map(scrubValue);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, scrubValue(inner)]));
}
