import type { Decision } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Adapter, Found, Narrowed, Narrowing, StoreAnswer } from "../adapter.js";
import { holds } from "../conditions/holds.js";
import { documentOf } from "./describe.js";
import { fetchFrom } from "./fetch.js";
import type { OpenCursors } from "./seal-cursor.js";
import type { Prepared } from "./prepare.js";
import type { Allowed, Ran, Turn } from "./turn.js";
import { refusedBy } from "./turn.js";

/** What a store said. */
export interface Heard {
  readonly sent: Narrowed;
  readonly found: Found;
  readonly status: StoreAnswer["status"];
}

export interface Saying {
  readonly allowed: Allowed;
  readonly narrowings: readonly Narrowing[];
}

/** Where the store's filter is wider: so many times what is wanted is fetched at first, and at least so many. */
const [firstTimes, firstLeast] = [4, 16];

/**
 * Asks the store. Where its filter is wider than the condition, few documents are fetched at first, and as many as may be
 * only where too few of those meet it: what is found is the same.
 */
export async function hear(
  turn: Turn,
  { allowed, narrowings }: Saying,
  adapter: Adapter,
  cursors: OpenCursors,
): Promise<Heard | Ran> {
  const fewer = fewerFirst(turn, narrowings, adapter);
  if (fewer !== undefined) {
    const heard = await hearOnce(turn, { allowed, narrowings: [fewer] }, adapter, cursors);
    if ("kind" in heard || isEnough(heard, allowed.prepared[0], fewer)) return heard;
  }
  return hearOnce(turn, { allowed, narrowings }, adapter, cursors);
}

/** A narrowing that fetches less; undefined where that could find something else. */
function fewerFirst(
  { operation }: Turn,
  narrowings: readonly Narrowing[],
  adapter: Adapter,
): Narrowing | undefined {
  const [narrowing] = narrowings;
  const [ask] = operation.asks;
  if (narrowing === undefined || ask?.effect !== "find" || operation.asks.length > 1) return undefined;
  if (adapter.inOrder?.(operation) !== true) return undefined;
  const { top_k = narrowing.topK, offset = 0 } = ask.query ?? {};
  const most = Math.max(firstLeast, firstTimes * (top_k + offset));
  return most < narrowing.most ? { ...narrowing, most } : undefined;
}

/** Whether more would change nothing: it was filtered exactly, as many as are wanted meet the condition, or there are no more. */
function isEnough(
  { sent, found }: Heard,
  prepared: Prepared | undefined,
  { most, topK }: Narrowing,
): boolean {
  if (prepared === undefined || sent.exact[0] === true) return true;
  const { ask, narrowing } = prepared;
  if (found.items.length < most - (ask.query?.offset ?? 0)) return true;
  const wanted = Math.min(ask.query?.top_k ?? topK, topK);
  let met = 0;
  for (const { metadata } of found.items)
    if (holds(narrowing.condition, documentOf(ask, metadata)) && ++met >= wanted) return true;
  return false;
}

async function hearOnce(
  turn: Turn,
  { allowed: { decisions, prepared }, narrowings }: Saying,
  adapter: Adapter,
  cursors: OpenCursors,
): Promise<Heard | Ran> {
  const { operation, store } = turn;
  const sent = adapter.narrow(operation, narrowings, store);
  if (sent.kind === "refusal") return refusedBy(decisions, sent);
  if (prepared.some(({ ask }, i) => mustBeExact(ask.effect) && sent.exact[i] !== true))
    return refusedBy(decisions, refuse("filter_not_expressible"));
  const answer = await send(turn, sent, decisions[0]);
  if (answer.kind === "aborted") return { kind: "aborted", decisions };
  if (answer.kind === "failed")
    return refusedBy(decisions, answer.refusal, answer.timedOut ? "upstream_timeout" : "upstream_error");
  const found = adapter.results(operation, sent, answer, cursors);
  if (found.kind === "refusal") return refusedBy(decisions, found, "upstream_error");
  return { sent, found, status: answer.status };
}

function mustBeExact(effect: Prepared["ask"]["effect"]): boolean {
  return effect === "count" || effect === "change";
}

/** Sends what was written for a store. */
export function send(
  { parts, exchange, store }: Turn,
  { request }: Narrowed,
  decision: Decision | undefined,
): ReturnType<typeof fetchFrom> {
  return fetchFrom(parts, store, request, { assertion: decision?.assertion, signal: exchange.signal });
}
