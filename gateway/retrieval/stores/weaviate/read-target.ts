import type { Json } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import { oneOf, longText as text, unread } from "../strict.js";

/** The parameters of a request: only these, as they are sent on. */
export function queryOf({ query }: StoreRequest, known: readonly string[]): [string, string][] {
  for (const name of query.keys()) {
    if (!known.includes(name))
      return unread(
        "invalid_request",
        `a parameter that isn't known${/^\w{1,40}$/.test(name) ? `, ${name}` : ""}`,
      );
  }
  const level = query.get("consistency_level");
  if (level !== undefined) oneOf(level, ["ONE", "QUORUM", "ALL"], "consistency_level");
  return [...query];
}

export function collectionOf(store: StoreConfig, value: Json | undefined): CollectionConfig {
  return store.byName(className(value)) ?? unread("unknown_collection");
}

/** Weaviate makes the first letter a capital, wherever a class is named: here it must be one. */
export function className(value: Json | undefined): string {
  const name = text(value, "class", 256);
  return /^[A-Z][_0-9A-Za-z]*$/.test(name) ? name : unread("unknown_collection");
}

/**
 * Tells whether a name is a property's as the store keeps it. INVARIANT: `Tenant` isn't: the server stores it as `tenant`
 * (usecases/objects/validation, LowercaseFirstLetter), over what policy stamped there, or beside what it read.
 */
export function isPropertyName(name: string): boolean {
  return /^[_a-z][_0-9A-Za-z]*$/.test(name);
}
