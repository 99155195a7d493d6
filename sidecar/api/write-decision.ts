import type { Decision, DecisionRequest, Json } from "../contract.js";
import { stringifyJson } from "../contract.js";

/** What is frozen comes again: who calls, what a decision out of the cache came to. */
const texts = new WeakMap<object, string>();

/** Writes what `POST /v1/decisions` answers: one decision for `call`, a list for `calls`. */
export function writeAnswer({ call }: DecisionRequest, decisions: readonly Decision[]): string {
  const [only] = decisions;
  if (call !== undefined && only !== undefined) return writeDecision(only);
  return `{"decisions":[${decisions.map(writeDecision).join(",")}]}`;
}

/**
 * Writes a decision as {@link stringifyJson} does; what is frozen is put in words once. INVARIANT: who freezes a part of a
 * decision has frozen all that is in it, or lets nobody change it.
 */
export function writeDecision(decision: Decision): string {
  let out = "";
  for (const [name, value] of Object.entries(decision) as [string, Json | undefined][]) {
    if (value === undefined) continue;
    out += `${out === "" ? "{" : ","}"${name}":${textOf(value)}`;
  }
  return out === "" ? "{}" : `${out}}`;
}

function textOf(value: Json): string {
  if (typeof value !== "object" || value === null || !Object.isFrozen(value)) return stringifyJson(value);
  let text = texts.get(value);
  if (text === undefined) texts.set(value, (text = stringifyJson(value)));
  return text;
}
