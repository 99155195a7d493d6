/** Trees of retrievers (Elasticsearch, "Retrievers"): their leaves find documents, what is above puts them together. */
import type { Json } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { Dialect } from "./dialect.js";
import { readFlatKnn, readQuery } from "./query.js";
import type { Reading } from "./reading.js";
import { isNumber, isScalar, isText, isWhole, oneOrMore } from "./reading.js";

/**
 * Tells whether a tree is understood. Not taken: `rule` and `pinned` (they bring documents by their ids), those that ask a
 * model (`text_similarity_reranker`), and forms without named retrievers.
 */
export function readRetriever(value: Json, reading: Reading, dialect: Dialect, depth = 0): boolean {
  if (!isObject(value)) return reading.fail("retriever: an object");
  const [[name, body] = ["", null], more] = Object.entries(value);
  if (more !== undefined || !reading.clause(depth)) return reading.fail("retriever: one kind");
  const filter = (one: Json): boolean =>
    reading.besides(() => oneOrMore(one).every((each) => readQuery(each, reading, dialect, 1)));
  const beside = { min_score: isNumber, _name: isText, filter };
  const inner = (one: Json): boolean => readRetriever(one, reading, dialect, depth + 1);
  const window = { rank_window_size: (one: Json) => isWhole(one, 1, 10_000) };
  switch (name) {
    case "standard":
      return reading.members(body, name, { ...beside, query: (one) => readQuery(one, reading, dialect, 1) });
    case "knn": {
      if (!isObject(body)) return reading.fail("knn: an object");
      const { min_score = 0, _name = "", ...section } = body;
      return isNumber(min_score) && isText(_name) && readFlatKnn(section, reading, 0, dialect);
    }
    case "rrf":
      return reading.members(body, name, {
        ...{ ...beside, ...window },
        rank_constant: (one) => isWhole(one, 1, 2 ** 31 - 1),
        retrievers: (one) =>
          Array.isArray(one) &&
          one.length <= 16 &&
          one.every((each) =>
            // weighted (since 9.2): {retriever, weight}
            isObject(each) && each["retriever"] !== undefined
              ? reading.members(each, name, { retriever: inner, weight: isNumber })
              : inner(each),
          ),
      });
    case "linear":
      return reading.members(body, name, {
        ...{ ...beside, ...window },
        retrievers: (one) =>
          Array.isArray(one) &&
          one.length <= 16 &&
          one.every((each) =>
            reading.members(each, name, { retriever: inner, weight: isNumber, normalizer: isScalar }),
          ),
      });
    case "rescorer":
      return reading.members(body, name, {
        ...beside,
        retriever: inner,
        rescore: (one) =>
          oneOrMore(one).every((each) =>
            reading.members(each, name, {
              window_size: (size) => isWhole(size, 1, 10_000),
              query: (query) =>
                reading.members(query, name, {
                  ...{ query_weight: isNumber, rescore_query_weight: isNumber, score_mode: isText },
                  rescore_query: (one) => reading.besides(() => readQuery(one, reading, dialect, 1)),
                }),
            }),
          ),
      });
    default:
      return reading.unknown(name, "retriever");
  }
}
