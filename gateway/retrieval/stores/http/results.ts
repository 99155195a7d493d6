import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, plainNumber, refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { Found, FoundItem, Narrowed, StoreAnswer } from "../../adapter.js";
import type { HttpOperation } from "./classify.js";
import type { Mapping } from "./mapping.js";
import type { HttpNarrowed } from "./narrow.js";
import { at } from "../../path.js";
import { set, within } from "./point.js";

/** Reads the documents of an answer; nothing else of it is given. */
export function results({ mapping }: HttpOperation, sent: Narrowed, { value }: StoreAnswer): Found | Refusal {
  const documents = at(value, mapping.documents);
  if (!Array.isArray(documents)) return refuse("upstream_invalid");
  const { textHidden } = sent as HttpNarrowed;
  const items: FoundItem[] = [];
  for (const one of documents) {
    const item = isObject(one) ? readItem(one, mapping, textHidden) : undefined;
    if (item === undefined) return refuse("upstream_invalid");
    items.push(item);
  }
  return {
    ...{ kind: "found", items },
    rebuild: (left) => {
      const given = left.flatMap((item) => (item === undefined ? [] : [writeItem(item, mapping)]));
      return set({}, mapping.documents, given);
    },
  };
}

/** What stands at the place of the text isn't metadata, too: it is masked and hidden in one place. */
function readItem(
  document: JsonObject,
  { id, text, score, metadata }: Mapping,
  textHidden: boolean,
): FoundItem | undefined {
  const whole = at(document, metadata) ?? {};
  const inner = within(text, metadata);
  const rest = inner === undefined || inner.length === 0 ? whole : set(whole, inner, undefined);
  const named = at(document, id);
  const said = at(document, text);
  const scored = plainNumber(at(document, score));
  if (!isObject(rest) || (said !== undefined && said !== null && typeof said !== "string")) return undefined;
  return {
    ...{ ask: 0, metadata: rest },
    id: typeof named === "string" ? named : isNumber(named) ? stringifyJson(named) : "",
    ...(typeof said === "string" && !textHidden ? { text: said } : {}),
    ...(scored === undefined ? {} : { score: scored }),
  };
}

function isNumber(value: Json | undefined): value is number | JsonNumber {
  return typeof value === "number" || value instanceof JsonNumber;
}

/** Where metadata is the whole document, id and score are in it: what was taken out of it stays out. */
function writeItem(item: FoundItem, { id, text, score, metadata }: Mapping): Json {
  let out: Json | undefined = set({}, metadata, item.metadata);
  if (within(id, metadata) === undefined && item.id !== "") out = set(out, id, item.id);
  if (within(score, metadata) === undefined && item.score !== undefined) out = set(out, score, item.score);
  if (item.text !== undefined) out = set(out, text, item.text);
  return out ?? {};
}
