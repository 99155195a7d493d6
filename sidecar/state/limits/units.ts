/** What each unit counts: which calls, and how much of one before it is known what it used. */
import type { ActionName, Call, Json, JsonObject, LimitUnit } from "../../contract.js";
import { isObject } from "../../contract.js";

/** Calls that make a model work: those have an estimate. */
const generating: ReadonlySet<ActionName> = new Set<ActionName>([
  ...(["model.invoke", "embedding.create", "moderation.create", "image.create", "image.edit"] as const),
  ...(["speech.create", "transcription.create", "translation.create"] as const),
  ...(["rerank.create", "classification.create"] as const),
]);

const reading: ReadonlySet<ActionName> = new Set<ActionName>([
  "retrieval.query",
  "retrieval.get",
  "retrieval.export",
]);

/**
 * What isn't counted: lists ask about each thing that they would show, a WebSocket counted as it was opened, and whoever is
 * over a limit can still end a task.
 */
const uncounted: ReadonlySet<ActionName> = new Set<ActionName>([
  ...(["model.list", "tool.list", "resource.list", "prompt.list", "roots.list", "collection.list"] as const),
  ...(["collection.describe", "store.describe", "agent.describe", "chain.describe", "model.show"] as const),
  ...(["tool.approve", "websocket.message", "task.read", "task.end"] as const),
]);

/**
 * Tells whether a call counts at all: a request once, as it comes; what is asked about its answer, or while it goes on,
 * doesn't count again.
 */
export function isCounted({ action: { name, properties } }: Call): boolean {
  return properties["phase"] !== "response" && properties["recheck"] !== true && !uncounted.has(name);
}

/** What one call takes of a unit. */
export type Taken =
  | { readonly kind: "taken"; readonly take: number; readonly member?: string }
  /** The unit doesn't count such calls. */
  | { readonly kind: "none" }
  /** It would, but nobody can say how much. */
  | { readonly kind: "unknown" };

const none: Taken = { kind: "none" };
const taken = (take: number): Taken => ({ kind: "taken", take });

/** @param currency of a limit of cost */
export function takeOf(unit: LimitUnit, call: Call, currency: string | undefined): Taken {
  const { name } = call.action;
  const estimate = call.action.properties["estimate"];
  const said: JsonObject = isObject(estimate) ? estimate : {};
  // a batch is as many calls as it holds, where they don't count by themselves
  const generates = generating.has(name) || (name === "batch.create" && isObject(estimate));
  switch (unit) {
    case "requests":
      return taken(requestsIn(said));
    case "concurrent":
      return taken(1);
    // they aren't held before they happen
    case "denials":
      return none;
    case "iterations":
      return generates ? taken(requestsIn(said)) : none;
    case "tool_calls":
      return name === "tool.call" ? taken(1) : none;
    case "distinct_tools":
      return name === "tool.call" ? { kind: "taken", take: 1, member: call.resource.id } : none;
    case "chunks":
      return reading.has(name) ? taken(count(said["chunks"]) ?? 1) : none;
    // INVARIANT: nothing goes in for nothing: what takes nothing is over no limit
    case "input_tokens":
      return generates ? taken(Math.max(1, count(said[unit]) ?? 1)) : none;
    case "output_tokens":
      return generates ? taken(count(said[unit]) ?? 1) : none;
    case "tokens":
      return generates
        ? taken(Math.max(1, count(said["input_tokens"]) ?? 1) + (count(said["output_tokens"]) ?? 0))
        : none;
    case "cost":
      return generates ? costOf(said["cost"], currency) : none;
  }
}

/** One, but of a batch. */
function requestsIn({ requests }: JsonObject): number {
  return Math.max(1, count(requests) ?? 1);
}

/** INVARIANT: what has no price, or one in another currency, is unknown, never free. */
function costOf(value: Json | undefined, currency: string | undefined): Taken {
  if (!isObject(value) || value["currency"] !== currency) return { kind: "unknown" };
  const nanos = count(value["nanos"]);
  return nanos === undefined ? { kind: "unknown" } : taken(nanos);
}

function count(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
