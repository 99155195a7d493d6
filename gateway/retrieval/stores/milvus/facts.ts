import type { Json } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { QueryFacts } from "../../adapter.js";
import { Facts } from "../strict.js";

type Kind = QueryFacts["kinds"][number];

/** Tells of what is searched for: numbers, digests and names only. */
export function factsOf(
  searched: readonly Json[],
  told: {
    readonly kinds?: readonly Kind[];
    readonly top_k: number;
    readonly offset?: number;
    readonly vectors?: boolean;
    readonly fields?: readonly string[];
  },
): QueryFacts {
  const { kinds = [], top_k, offset = 0, vectors = false, fields = [] } = told;
  const facts = new Facts();
  for (const kind of kinds) facts.kind(kind);
  for (const field of fields) facts.field(field);
  for (const one of searched) {
    const kind = typeof one === "string" ? "text" : isObject(one) ? "sparse" : "vector";
    facts.searched(kind, one, Array.isArray(one) ? one.length : 0);
  }
  return facts.tell(top_k, { offset, vectors });
}
