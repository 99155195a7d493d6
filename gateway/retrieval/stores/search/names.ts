import type { Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { matches } from "./view.js";
import { settingsOf } from "./settings.js";

/**
 * One index, alias or data stream, by its name. INVARIANT: no list, pattern, exclusion, date math, remote cluster or
 * component of a stream ("Multi-target syntax", "Date math support"): those mean more than they say.
 */
const nameForm = /^(?!\.{1,2}$)[a-z0-9.][a-z0-9._+@~-]{0,254}$/;
const mostNames = 16;

export interface Named {
  readonly name: string;
  readonly collection: CollectionConfig | undefined;
}

/** Reads an index expression: a name, or several; each is one that is configured or none at all. */
export function readNames(expression: string, store: StoreConfig): readonly Named[] | Refusal {
  const names = expression.split(",");
  if (names.length > mostNames) return refuse("retrieval_limit", "indices");
  if (new Set(names).size < names.length || !names.every((one) => nameForm.test(one)))
    return refuse("filter_refused", "an index is named plainly, and once");
  const named = names.map((name) => ({ name, collection: collectionOf(name, store) }));
  // which of their documents are whose is told by `_index`, which of an alias isn't its name
  if (named.length > 1 && named.some(({ name, collection }) => !isPlain(name, collection)))
    return refuse("filter_refused", "an alias is searched alone");
  return named;
}

export function readName(expression: string, store: StoreConfig): Named | Refusal {
  const named = readNames(expression, store);
  if ("kind" in named) return named;
  const [one, more] = named;
  return one === undefined || more !== undefined ? refuse("filter_refused", "one index") : one;
}

/**
 * The index of a write. INVARIANT: by the name that is configured, for by this name its documents are looked up before.
 */
export function readWritten(expression: string, store: StoreConfig): Named | Refusal {
  const named = readName(expression, store);
  if ("kind" in named || named.collection === undefined || named.collection.name === named.name) return named;
  return refuse("filter_refused", "documents are written by the collection's own name");
}

/** By its configured name, or as one of those that a configured alias stands for. */
export function collectionOf(name: string, store: StoreConfig): CollectionConfig | undefined {
  const configured = store.byName(name);
  if (configured !== undefined) return configured;
  return [...store.collections.values()].find((one) =>
    settingsOf(one).indices.some((pattern) => matches(pattern, name)),
  );
}

function isPlain(name: string, collection: CollectionConfig | undefined): boolean {
  return (
    collection === undefined || (collection.name === name && settingsOf(collection).indices.length === 0)
  );
}

/** Whether a document of an answer is of what was asked: the index itself, or one that the alias stands for. */
export function isOf(index: string, { name, collection }: Named): boolean {
  return index === name || settingsOf(collection).indices.some((pattern) => matches(pattern, index));
}
