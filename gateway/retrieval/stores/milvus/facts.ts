import { createHash } from "node:crypto";
import type { Json } from "../../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../../sidecar/contract.js";
import type { QueryFacts } from "../../adapter.js";

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
  const hash = createHash("sha256");
  const all = new Set<Kind>(kinds);
  let bytes = 0;
  let dimensions = 0;
  for (const one of searched) {
    const written = stringifyJson(one);
    bytes += Buffer.byteLength(written);
    hash.update(written).update("\n");
    all.add(typeof one === "string" ? "text" : isObject(one) ? "sparse" : "vector");
    if (Array.isArray(one)) dimensions = Math.max(dimensions, one.length);
  }
  return {
    ...{ kinds: [...all].sort(), top_k },
    ...(offset > 0 ? { offset } : {}),
    ...(dimensions > 0 ? { dimensions } : {}),
    ...(searched.length > 0 ? { bytes, sha256: hash.digest("hex") } : {}),
    ...(vectors ? { vectors } : {}),
    ...(fields.length > 0 ? { fields: [...new Set(fields)].sort() } : {}),
  };
}
