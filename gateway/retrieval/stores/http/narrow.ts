import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";
import type { Narrowed, Narrowing } from "../../adapter.js";
import type { HttpOperation } from "./classify.js";
import { defaultTopK } from "./classify.js";
import { say } from "./filter.js";
import type { Blank, Mapping } from "./mapping.js";
import { blankOf } from "./mapping.js";
import { within } from "./point.js";

export interface HttpNarrowed extends Narrowed {
  /** The caller may not see what documents say. */
  readonly textHidden: boolean;
}

/** Fills the configured path and body in. */
export function narrow(
  { said, collection, mapping }: HttpOperation,
  narrowings: readonly Narrowing[],
): HttpNarrowed | Refusal {
  const [narrowing] = narrowings;
  if (collection === undefined || narrowing === undefined) return refuse("unknown_collection");
  const { condition, most, topK, hidden } = narrowing;
  const policy = say(mapping.filter, condition, collection);
  // what a filter means to a store is the operator's to know
  const all = policy.exact && (policy.filter === undefined || mapping.exact);
  const asked = plainNumber(said.get("top_k")) ?? defaultTopK;
  const filled = new Map(said).set(
    "top_k",
    all ? Math.min(asked, topK) : Math.max(most, Math.min(asked, topK)),
  );
  const filter = both(mapping, said.get("filter"), policy.filter);
  if (filter === null) return refuse("filter_refused", "a field that policy filters by, with another value");
  if (filter === undefined) filled.delete("filter");
  else filled.set("filter", filter);
  const path = mapping.path.map((part) => {
    const blank = blankOf(part);
    const value = blank === undefined ? part : filled.get(blank);
    return `/${encodeURIComponent(typeof value === "string" ? value : "")}`;
  });
  const body = write(mapping.body, filled);
  const text = within(mapping.text, mapping.metadata)?.join(".");
  return {
    kind: "narrowed",
    request: { method: "POST", path: path.join(""), ...(body === undefined ? {} : { body }) },
    exact: [all],
    textHidden: hidden.includes("text") || (text !== undefined && hidden.includes(text)),
  };
}

/** INVARIANT: the caller's filter stands beside policy's, and takes nothing of it away. Null where the two can't both be said. */
function both(
  { filter }: Mapping,
  caller: Json | undefined,
  policy: JsonObject | undefined,
): Json | undefined | null {
  if (caller === undefined || policy === undefined) return caller ?? policy;
  if (filter === "ucast") return { type: "compound", operator: "and", value: [caller, policy] };
  if (!isObject(caller)) return null;
  const differs = Object.keys(policy).some(
    (key) => Object.hasOwn(caller, key) && caller[key] !== policy[key],
  );
  return differs ? null : { ...caller, ...policy };
}

/** Fills a body in; members whose blank is empty are left out. */
export function write(template: Json, filled: ReadonlyMap<Blank, Json>): Json | undefined {
  const blank = blankOf(template);
  if (blank !== undefined) return filled.get(blank);
  if (Array.isArray(template))
    return template.map((one) => write(one, filled)).filter((one) => one !== undefined);
  if (!isObject(template)) return template;
  const out: JsonObject = Object.create(null) as JsonObject;
  for (const [key, part] of Object.entries(template)) {
    const value = write(part, filled);
    if (value !== undefined) out[key] = value;
  }
  return out;
}
