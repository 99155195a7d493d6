/** A small search service of no known make: what it takes and gives is for a mapping to say. */
import type { Condition } from "../../../../../sidecar/contract.js";
import { parseCondition } from "../../../../../sidecar/contract.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import type { Served } from "../../../world.js";
import { json, startUpstream } from "../../../world.js";

export interface SearchDocument {
  readonly id: string;
  readonly text: string;
  readonly [field: string]: unknown;
}

/**
 * Starts the service. It takes `{query, top_k}` at `/` and gives `{documents}`, and, for other mappings,
 * `{search: {text, where}, size, index}` at `/v2/{index}/find` and gives `{took, result: {hits: [{key, weight, doc}]}}`.
 * All documents match; `where` is a condition, or values that must be equal.
 */
export function startSearch(documents: readonly SearchDocument[]): Promise<Served> {
  return startUpstream((req, res, body) => {
    const asked = JSON.parse(body) as Record<string, unknown>;
    if (req.url === "/" || req.url === "") {
      return json(res, {
        documents: documents.slice(0, Number(asked["top_k"] ?? 10)),
        secret: "of the service",
      });
    }
    const { search, size } = asked as { search: { where?: unknown }; size?: number };
    const found = documents.filter((one) => fits(one, search.where)).slice(0, size ?? 10);
    return json(res, {
      took: 7,
      result: {
        hits: found.map(({ id, text, ...meta }, i) => ({
          key: id,
          weight: 1 - i / 10,
          doc: { meta, says: { text } },
        })),
      },
    });
  });
}

function fits(document: SearchDocument, where: unknown): boolean {
  if (where === undefined) return true;
  const condition: Condition | undefined = parseCondition(where as never);
  if (condition !== undefined) return holds(condition, document as never);
  return Object.entries(where as object).every(([name, value]) => document[name] === value);
}
