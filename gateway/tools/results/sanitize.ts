/**
 * Keeps an upstream's inside out of what clients are told of errors.
 *
 * How to call it: `sanitizeError(answer)` with a `LinkAnswer` of kind `error`, before it is sent on; the id is the caller's own
 * matter. `scrubError(result)` is for results with `isError`, after {@link createResults}' `inspect`.
 */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { findInternals } from "./internals.js";
import { CantMask, maskResult } from "./mask.js";

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
  [-32021]: "the tool server needs what the client did not say that it can do",
};
/** What -32021 may name. */
const clientCapabilities = ["sampling", "elicitation", "roots"];
const unknown = { code: -32603, message: "the tool server refused the request" } as const;
const longest = 512;
/** Without the server's own words: they tell nothing but of its inside. */
const silent: ReadonlySet<number> = new Set([-32700, -32603]);

/**
 * Gives what a client is told of a JSON-RPC error of an upstream: a code that both know, our own message, and the server's where
 * nothing of its inside is in it. `data` never passes, but for names of
 * capabilities: it has no form, and traces are what servers put there.
 */
export function sanitizeError(error: {
  readonly code: number;
  readonly message: string;
  readonly data?: Json;
}): ClientError {
  const own = codes[error.code];
  if (own === undefined) return { ...unknown };
  const said = silent.has(error.code) ? undefined : harmless(error.message);
  const data = error.code === -32021 ? requiredOf(error.data) : undefined;
  return {
    ...{ code: error.code, message: said === undefined ? own : `${own}: ${said}` },
    ...(data === undefined ? {} : { data }),
  };
}

function requiredOf(data: Json | undefined): JsonObject {
  const named = isObject(data) ? data["requiredCapabilities"] : undefined;
  const known = clientCapabilities.filter((name) => isObject(named) && Object.hasOwn(named, name));
  return { requiredCapabilities: Object.fromEntries(known.map((name) => [name, {}])) };
}

/** A server's words, cut, on one line; undefined where they tell of its inside. */
function harmless(message: string): string | undefined {
  if (message.length > 4 * longest || findInternals(message).length > 0) return undefined;
  const plain = message.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return plain === "" ? undefined : plain.slice(0, longest).toWellFormed();
}

/** Replaces what tells of the server's inside in a result that is an error; where that can't be done, all of it. */
export function scrubError(result: JsonObject): JsonObject {
  try {
    return maskResult(result, { find: findInternals });
  } catch (error) {
    if (!(error instanceof CantMask)) throw error;
    const resultType = result["resultType"] === undefined ? {} : { resultType: "complete" };
    return {
      ...resultType,
      content: [{ type: "text", text: codes[-32603] ?? unknown.message }],
      isError: true,
    };
  }
}
