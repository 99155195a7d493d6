import type { Condition, Json, JsonObject, Refusal, Scalar } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { StoreAsk } from "../adapter.js";
import { holds } from "../conditions/holds.js";
import type { FieldConfig } from "../document.js";
import { readValue } from "../document.js";
import { at, put } from "../path.js";
import { documentOf } from "./describe.js";
import type { RequestDuties } from "./duties.js";

/**
 * Gives the documents of a write what policy says of them, and checks that the caller may have them so.
 * INVARIANT: what is set by policy can't be chosen: a document that says otherwise is refused, not corrected.
 */
export function stampAll(
  ask: StoreAsk,
  { set, atLeast }: Pick<RequestDuties, "set" | "atLeast">,
  condition: Condition,
): readonly JsonObject[] | undefined | Refusal {
  const { documents, collection } = ask;
  if (documents === undefined || collection === undefined) {
    // there is nothing to stamp, yet policy asks for it: of a write that can't be seen into, that isn't done
    const asked = Object.keys(set).length + Object.keys(atLeast).length > 0;
    return asked && ask.effect === "write" ? refuse("obligation_unsatisfiable") : undefined;
  }
  const out: JsonObject[] = [];
  for (const document of documents) {
    let stamped = document;
    for (const [name, value] of Object.entries(set)) {
      const done = stamp(ask, stamped, name, (found) =>
        found === undefined || found === value ? value : undefined,
      );
      if (done === undefined) return refuse("document_refused", name);
      stamped = done;
    }
    for (const [name, { value, order }] of Object.entries(atLeast)) {
      const done = stamp(ask, stamped, name, (found) => {
        if (found === undefined) return value;
        const rank = order.findIndex((one) => one === found);
        return rank >= order.indexOf(value) ? found : undefined;
      });
      if (done === undefined) return refuse("document_refused", name);
      stamped = done;
    }
    // what is laid over a stored document is looked at together with it: stampMerged
    if (ask.merged !== true && !holds(condition, documentOf(ask, stamped))) return refuse("document_refused");
    out.push(stamped);
  }
  return out;
}

/** Undefined where the document's own value isn't allowed, or the field can't be stamped. */
function stamp(
  ask: StoreAsk,
  document: JsonObject,
  name: string,
  choose: (found: Scalar | undefined) => Scalar | undefined,
): JsonObject | undefined {
  const { collection } = ask;
  // the namespace, or what holds of the whole collection, is what it is
  const known = documentOf(ask, {})[name];
  if (known !== undefined) return typeof known === "object" || choose(known) !== known ? undefined : document;
  const field = collection?.fields.get(name);
  if (field === undefined) return undefined;
  const given = at(document, field.path);
  // what a change leaves as it is stays so: it must not be lowered to what policy asks of new documents
  if (given === undefined && ask.merged === true) return document;
  const found = readValue(given, field.type, field.form);
  // a value of another type, or null, isn't the caller's to bring
  if (given !== undefined && (found === undefined || typeof found === "object")) return undefined;
  const value = choose(found as Scalar | undefined);
  if (value === undefined) return undefined;
  return value === found ? document : put(document, field.path, written(value, field));
}

/**
 * Gives documents that are laid over stored ones: the whole must meet the condition, and no field that policy ranks may be
 * lowered. One whose id is free is a new one, and stamped as such. Undefined where one may not be.
 */
export function stampMerged(
  ask: StoreAsk,
  condition: Condition,
  stamps: Pick<RequestDuties, "set" | "atLeast">,
  {
    documents,
    stored,
  }: { readonly documents: readonly JsonObject[]; readonly stored: ReadonlyMap<string, JsonObject> },
): readonly JsonObject[] | undefined {
  const out: JsonObject[] = [];
  for (const [i, document] of documents.entries()) {
    const before = stored.get(ask.ids?.[i] ?? "");
    const { merged: _merged, ...alone } = ask;
    const fresh =
      before === undefined ? stampAll({ ...alone, documents: [document] }, stamps, condition) : [document];
    const [done] = fresh === undefined || "kind" in fresh ? [] : fresh;
    if (done === undefined || !mayLieOver(ask, condition, stamps, [before ?? {}, done])) return undefined;
    out.push(done);
  }
  return out;
}

function mayLieOver(
  ask: StoreAsk,
  condition: Condition,
  { atLeast }: Pick<RequestDuties, "atLeast">,
  [before, document]: readonly [before: JsonObject, document: JsonObject],
): boolean {
  const merged = { ...before };
  for (const [key, value] of Object.entries(document)) {
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  const [was, is] = [documentOf(ask, before), documentOf(ask, merged)];
  if (!holds(condition, is)) return false;
  return Object.entries(atLeast).every(([name, { order }]) => {
    const rank = (one: unknown): number => order.findIndex((each) => each === one);
    return rank(is[name]) >= rank(was[name]);
  });
}

function written(value: Scalar, { type, form = "rfc3339" }: FieldConfig): Json {
  if (type !== "time" || typeof value !== "number") return value;
  if (form === "rfc3339") return new Date(value * 1_000).toISOString();
  return form === "epoch_s" ? value : Math.round(value * 1_000);
}
