import type { Condition, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Narrowing, StoreAsk } from "../adapter.js";
import { isNever, simplify } from "../conditions/simplify.js";
import { constantsOf } from "./describe.js";
import type { RequestDuties } from "./duties.js";
import { stampAll } from "./stamp.js";

/** What may be done of an ask. */
export interface Prepared {
  readonly kind: "prepared";
  readonly ask: StoreAsk;
  readonly narrowing: Narrowing;
  /** The store's paths that the caller filters, sorts, scores or groups by. */
  readonly used: readonly string[];
  /** What policy says of documents that are written. */
  readonly stamps: Pick<RequestDuties, "set" | "atLeast">;
  /** No document can meet the condition: the store isn't asked. */
  readonly nothing: boolean;
}

/**
 * Works out what may be done of an ask that is allowed: the condition, limits, what is stamped.
 * @param caller a neutral query's own condition; it comes on top
 * @param mostFetched by the store's documentation
 */
export function prepare(
  ask: StoreAsk,
  duties: RequestDuties,
  { caller, mostFetched }: { readonly caller?: Condition | undefined; readonly mostFetched: number },
): Prepared | Refusal {
  const { collection, effect, query, namespace } = ask;
  const touches = effect !== "manage" && effect !== "describe";
  if (collection === undefined) {
    // a duty on documents of a collection that isn't known can't be done
    if (duties.conditions.length > 0 || duties.hidden.length > 0) return refuse("obligation_unsatisfiable");
    if (touches || ask.name !== "") return refuse("unknown_collection");
    return nothingToNarrow(ask);
  }
  if (!touches) return nothingToNarrow(ask);
  const { limits } = collection;
  if (collection.namespaceField !== undefined && namespace === undefined) return refuse("namespace_required");
  const over = overLimit(ask);
  if (over !== undefined) return refuse("retrieval_limit", over);
  const known = { fields: collection.fields, absent: collection.absent, constants: constantsOf(ask) };
  const all = caller === undefined ? duties.conditions : [...duties.conditions, caller];
  const condition = simplify({ type: "compound", operator: "and", value: all }, known);
  if (condition === undefined) {
    // the caller may name a field that isn't there; policy may not
    const policy = simplify({ type: "compound", operator: "and", value: duties.conditions }, known);
    return policy === undefined
      ? refuse("obligation_unsatisfiable", `not among the collection's fields: ${missing(ask, duties)}`)
      : refuse("filter_refused", "a field that is not configured, or a value that is not of its type");
  }
  const hidden = hiddenPaths(ask, duties);
  const used = [...(query?.fields ?? []), ...fieldsOf(caller).map((name) => pathOf(ask, name))];
  if (used.some((path) => hidden.some((one) => overlaps(one, path)))) return refuse("field_hidden");
  const documents = stampAll(ask, duties, condition);
  if (documents !== undefined && "kind" in documents) return documents;
  const nothing = isNever(condition);
  if (nothing && (effect === "change" || effect === "write")) return refuse("nothing_allowed");
  return {
    kind: "prepared",
    ask,
    nothing,
    used,
    stamps: duties,
    narrowing: {
      condition,
      hidden,
      topK: Math.min(limits.topK, duties.topK ?? limits.topK),
      most: Math.min(limits.fetched, mostFetched),
      ...(documents === undefined ? {} : { documents }),
    },
  };
}

function nothingToNarrow(ask: StoreAsk): Prepared {
  const narrowing = {
    condition: { type: "compound", operator: "and", value: [] },
    hidden: [],
    topK: 0,
    most: 0,
  } as const;
  return { kind: "prepared", ask, nothing: false, used: [], stamps: { set: {}, atLeast: {} }, narrowing };
}

/** The fields of policy's conditions that aren't configured: names of the policy's, for who configures. */
function missing(ask: StoreAsk, { conditions }: RequestDuties): string {
  const { fields, absent } = ask.collection ?? {};
  const known = constantsOf(ask);
  const names = conditions
    .flatMap(fieldsOf)
    .filter((name) => fields?.has(name) !== true && absent?.has(name) !== true && !(name in known));
  return [...new Set(names)].slice(0, 8).join(", ");
}

function overLimit({ collection, query, documents, ids }: StoreAsk): string | undefined {
  if (collection === undefined) return undefined;
  const { limits } = collection;
  const { top_k = 0, offset = 0, dimensions = 0 } = query ?? {};
  if (top_k > limits.topK) return `top_k: at most ${limits.topK}`;
  if (offset > limits.offset) return `offset: at most ${limits.offset}`;
  if (dimensions > limits.dimensions) return `dimensions: at most ${limits.dimensions}`;
  if ((documents?.length ?? 0) > limits.written) return `documents: at most ${limits.written}`;
  if ((ids?.length ?? 0) > Math.max(limits.written, limits.topK)) return `ids: at most ${limits.written}`;
  return undefined;
}

function hiddenPaths(ask: StoreAsk, { hidden }: RequestDuties): string[] {
  return [...(ask.collection?.hidden ?? []), ...hidden.map((name) => pathOf(ask, name))];
}

/** Where the store keeps a field; a name that isn't configured is taken for the store's own. */
export function pathOf({ collection }: StoreAsk, name: string): string {
  return collection?.fields.get(name)?.path.join(".") ?? name;
}

export function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

function fieldsOf(condition: Condition | undefined): string[] {
  if (condition === undefined) return [];
  return condition.type === "field" ? [condition.field] : condition.value.flatMap(fieldsOf);
}
