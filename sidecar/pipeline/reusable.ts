/** Says which decisions an enforcement point may give again to the same question of the same caller. */
import type { Decision, DecisionRequest } from "../contract.js";
import { readsOf } from "../describe/reads.js";
import type { EntrypointFacts } from "../rego/bundle.js";
import type { Drafted, One, Run } from "./finish.js";

/**
 * Tells whether a decision is the same for whoever asks the same again: an allow out of the cache, so that it ends when the
 * cache's does; of a question without one-time proofs, that rests on nothing that another request changes, has no effect
 * of its own, and belongs to no task that counts its steps.
 */
export function isReusable(
  { parts, identity, bundle, task }: Run,
  one: One,
  drafted: Drafted,
  { limits, allowance, task_facts }: Decision,
): boolean {
  if (parts.reusable !== true || drafted.policy?.allow !== true || drafted.cache === "none") return false;
  if (drafted.expiresAt === undefined || drafted.own.length > 0 || drafted.labels.length > 0) return false;
  if (identity.method !== "jwt" && identity.method !== "api_key") return false;
  // what a filter's rule reads is not what the entrypoint reads
  if (drafted.policy.obligations.some(({ type }) => type === "filter")) return false;
  // how limits stand, and what is known of the task, is of the moment
  if (limits !== undefined || allowance !== undefined || task_facts !== undefined) return false;
  const { request } = one.question;
  if (!isPlain(request) || task?.proven === true) return false;
  const { change } = one;
  if (change !== undefined && (change.kind !== "change" || change.change.reserve.length > 0)) return false;
  const facts = bundle.entrypoints.get(parts.entrypoint)?.facts;
  return facts !== undefined && isSteady(facts);
}

/** Tells whether a request proves nothing that may be proved once only, and is about no task and no assertion. */
function isPlain({ credentials, task, assertion }: DecisionRequest): boolean {
  const { dpop, workload, transaction, xfcc } = credentials;
  if (assertion !== undefined || dpop !== undefined || workload !== undefined) return false;
  if (transaction !== undefined || xfcc !== undefined) return false;
  if (task === undefined) return true;
  const { token, hints, create, exchange, end } = task;
  return (
    [token, create, exchange, end].every((said) => said === undefined || said === false) && !hints?.length
  );
}

const steady = new WeakMap<Pick<EntrypointFacts, "input">, boolean>();

/** What differs with each request, or with time, whatever is asked. */
const varying = [
  ["context", "request", "id"],
  ["context", "time"],
];

/** Tells whether an entrypoint reads nothing that differs between two requests with the same question. */
function isSteady(facts: Pick<EntrypointFacts, "input">): boolean {
  let known = steady.get(facts);
  if (known !== undefined) return known;
  const { labels, activity, task, limits } = readsOf(facts.input);
  known =
    !labels &&
    !activity &&
    !task &&
    !limits &&
    !facts.input.some((path) => varying.some((one) => meets(path, one)));
  steady.set(facts, known);
  return known;
}

/** Tells whether one path leads to the other, or from it. */
function meets(path: readonly string[], other: readonly string[]): boolean {
  return path.slice(0, other.length).every((name, n) => name === other[n]);
}
