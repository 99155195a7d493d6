import type { Decision, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import type { Adapter, Narrowing } from "../adapter.js";
import { holds } from "../conditions/holds.js";
import { isAlways } from "../conditions/simplify.js";
import { askStore } from "./ask.js";
import { describeListed, documentOf } from "./describe.js";
import { requestObligations } from "./duties.js";
import type { Heard } from "./hear.js";
import { hear, send } from "./hear.js";
import { judge } from "./judge.js";
import type { OpenCursors } from "./seal-cursor.js";
import type { Prepared } from "./prepare.js";
import { stampMerged } from "./stamp.js";
import type { Allowed, Ran, Turn } from "./turn.js";
import { refusedBy } from "./turn.js";

/** Runs an operation at a store: decided, narrowed, sent, and each document of the answer looked at. */
export async function runOperation(turn: Turn, adapter: Adapter, cursors: OpenCursors): Promise<Ran> {
  const allowed = await askStore(turn, adapter.mostFetched);
  if (allowed.kind === "refused") return allowed;
  const { decisions, prepared } = allowed;
  const [first] = decisions;
  const refused = (refusal: Refusal): Ran => refusedBy(decisions, refusal);
  if (!cursors.areOf(first?.subject)) return refused(refuse("unknown_cursor"));
  if (first?.subject !== undefined) cursors.giveTo(first.subject);
  if (prepared.some(({ nothing }) => nothing)) return findNothing(turn, allowed, adapter);
  const narrowings: Narrowing[] = [];
  for (const one of prepared) {
    const looked = await lookUp(turn, one, adapter, first);
    if (looked.kind === "aborted") return { kind: "aborted", decisions };
    if (looked.kind === "refusal") return refused(looked);
    narrowings.push(looked.narrowing);
  }
  const heard = await hear(turn, { allowed, narrowings }, adapter, cursors);
  return "kind" in heard ? heard : give(turn, allowed, heard);
}

/** Where no document can meet the condition, the store isn't asked. */
function findNothing({ operation }: Turn, { decisions, prepared }: Allowed, adapter: Adapter): Ran {
  // of several, some could still find something: one answer can't be made of both
  if (!prepared.every(({ nothing }) => nothing)) return refusedBy(decisions, refuse("nothing_allowed"));
  const value = adapter.empty(operation);
  if (typeof value === "object" && value !== null && "kind" in value && value.kind === "refusal")
    return refusedBy(decisions, value as unknown as Refusal);
  const facts = { found: 0, filtered: 0, removed: 0, masked: 0, given: 0, exact: true, asked: false };
  const labels = [...new Set(decisions.flatMap((one) => one.labels))];
  return { kind: "given", decisions, status: 200, value: value as never, items: [], labels, facts };
}

/** Looks up what a write or a change would touch: what isn't the caller's now doesn't become it. */
async function lookUp(
  turn: Turn,
  { ask, narrowing, stamps }: Prepared,
  adapter: Adapter,
  decision: Decision | undefined,
): Promise<
  Refusal | { readonly kind: "aborted" } | { readonly kind: "looked"; readonly narrowing: Narrowing }
> {
  const { collection, ids, namespace } = ask;
  const { condition, documents = [] } = narrowing;
  const asIs = { kind: "looked", narrowing } as const;
  if (collection === undefined || ids === undefined || ids.length === 0) return asIs;
  const stamped = Object.keys(stamps.set).length + Object.keys(stamps.atLeast).length > 0;
  if (isAlways(condition) && !(ask.merged === true && stamped)) return asIs;
  const answer = await send(turn, adapter.lookUp(collection, ids, namespace, turn.store), decision);
  if (answer.kind === "aborted") return answer;
  // what isn't there is in nobody's way
  const none = answer.kind === "failed" && answer.refusal.status === 404;
  if (answer.kind === "failed" && !none) return answer.refusal;
  const found = answer.kind === "failed" ? [] : adapter.lookedUp(answer, collection);
  if ("kind" in found) return found;
  const mine = found.every(({ metadata }) => holds(condition, documentOf(ask, metadata)));
  // what is searched by must be there: else it would tell another's from none
  const all = ask.effect !== "find" || ids.every((id) => found.some((one) => one.id === id));
  if (!mine || !all) return refuse("document_refused");
  if (ask.merged !== true) return asIs;
  const stored = new Map(found.map(({ id, metadata }) => [id, metadata]));
  const merged = stampMerged(ask, condition, stamps, { documents, stored });
  if (merged === undefined) return refuse("document_refused");
  return { kind: "looked", narrowing: { ...narrowing, documents: merged } };
}

/** Gives what may be given of an answer. */
async function give(turn: Turn, allowed: Allowed, { sent, found, status }: Heard): Promise<Ran> {
  const { decisions } = allowed;
  const judged = await judge(turn, allowed, found.items, found.count);
  if (judged.kind === "denied")
    return refusedBy(decisions, judged.refusal, "denied", judged.decision ?? decisions[0]);
  const kept = found.collections === undefined ? undefined : await keepListed(turn, found.collections);
  const { items, labelled, labels } = judged;
  const value = found.rebuild(items, kept);
  const facts: JsonObject = {
    ...judged.facts,
    exact: sent.exact.every((one) => one),
    ...(found.count === undefined ? {} : { count: found.count }),
    ...(kept === undefined
      ? {}
      : { listed: kept.length, shown: kept.reduce((sum, one) => sum + (one ? 1 : 0), 0) }),
  };
  const left = items.flatMap((item, place) =>
    item === undefined ? [] : [{ item, labels: labelled.get(place) ?? [] }],
  );
  const shown = found.status?.(items) ?? status;
  return { kind: "given", decisions, status: shown, value, items: left, labels, facts };
}

/** Of a list, the collections that are configured and that this caller may know of. */
async function keepListed(turn: Turn, names: readonly string[]): Promise<boolean[]> {
  const { parts, exchange, store, operation } = turn;
  const [ask] = operation.asks;
  const known = [...new Set(names)].filter((name) => store.byName(name) !== undefined).slice(0, 512);
  if (ask === undefined || known.length === 0) return names.map(() => false);
  const calls = known.map((name) => describeListed(store, operation.route, ask, name));
  const decisions = await askAbout(parts, exchange, calls, requestObligations);
  const open = new Set(known.filter((_, i) => decisions[i]?.allow === true));
  return names.map((name) => open.has(name));
}
