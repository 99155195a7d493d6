import type { Json, JsonObject } from "../contract.js";
import type { Activity, Snapshot } from "../state/engine/engine.js";
import type { Reads } from "./reads.js";

/**
 * Says what a task did so far, as policy sees it under `input.context.task`.
 * @param lasting what doesn't change while the task lives; the rest is added to it
 * @param reads what the entrypoint reads: the rest is left out
 * @param now epoch milliseconds
 */
export function describeTask(
  lasting: Record<string, unknown>,
  { labels, activity }: Snapshot,
  reads: Reads,
  now: number,
): JsonObject {
  const facts = lasting as JsonObject;
  if (reads.labels) {
    const names = Object.keys(labels);
    // an order of their own: the same labels are the same question, whichever came first
    facts["labels"] = names.length === 0 ? none : names.sort();
    facts["provenance"] = labels as unknown as Json;
  }
  if (reads.activity) Object.assign(facts, describeActivity(activity, now));
  return facts;
}

const none: Json[] = [];
Object.freeze(none);

function describeActivity(
  { startedAt = undefined, requests, denials, actions, servers, tools, tokens, spend, recent }: Activity,
  now: number,
): JsonObject {
  const began = startedAt ?? now;
  return {
    started_at: Math.floor(began / 1_000),
    age: Math.max(0, Math.floor((now - began) / 1_000)),
    counts: {
      ...{ requests, denials, actions: { ...actions }, servers: { ...servers }, tools: { ...tools } },
      distinct_tools: Object.keys(tools).length,
    },
    tokens: { ...tokens },
    spend: Object.fromEntries(Object.entries(spend).map(([currency, nanos]) => [currency, decimal(nanos)])),
    recent: recent.map(({ action, resource, allow, at, decision_id }) => ({
      ...{ action, resource, allow, decision_id, at: Math.floor(at / 1_000) },
    })),
  };
}

/** Writes billionths as a decimal. */
function decimal(nanos: number): string {
  const digits = String(Math.round(nanos)).padStart(10, "0");
  const text = `${digits.slice(0, -9)}.${digits.slice(-9)}`;
  return text.replace(/\.?0+$/, "");
}
