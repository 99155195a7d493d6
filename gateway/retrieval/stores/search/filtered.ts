/** What is done to all documents that a query finds without giving them: `_count`, `_delete_by_query`. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Narrowing, StoreAsk } from "../../adapter.js";
import type { Context, Planned } from "./context.js";
import { isRefusal, objectBody, withoutItems } from "./context.js";
import { pick, tellShards } from "./hits.js";
import type { Named } from "./names.js";
import { readNames } from "./names.js";
import { filterOfAll } from "./narrow-search.js";
import { allowedOnly, pathOf, readParameters } from "./parameters.js";
import { narrowQuery } from "./push.js";
import { readQuery } from "./query.js";
import { Reading, isWhole } from "./reading.js";

export const planCount = (context: Context): Planned | Refusal =>
  plan(context, {
    ...{ set: "count", last: "_count", needed: false, own: [] },
    ask: { action: "retrieval.count", effect: "count" },
    empty: { count: 0, _shards: { total: 0, successful: 0, skipped: 0, failed: 0 } },
    read(value) {
      const { count } = value;
      return typeof count === "number"
        ? { count, answer: tellShards(value, pick(value, ["count"])) }
        : undefined;
    },
  });

const ofErase = [
  ...["took", "timed_out", "total", "deleted", "batches", "version_conflicts", "noops", "retries"],
  ...["throttled_millis", "requests_per_second", "throttled_until_millis"],
];

export const planErase = (context: Context): Planned | Refusal =>
  plan(context, {
    ...{ set: "erase", last: "_delete_by_query", needed: true, own: ["max_docs"] },
    ask: { action: "retrieval.delete", effect: "change" },
    empty: { took: 0, timed_out: false, total: 0, deleted: 0, failures: [] },
    read: (value) => ({
      answer: {
        ...pick(value, ofErase),
        // of what failed, how much
        failures: Array.isArray(value["failures"]) ? value["failures"].map(() => ({ status: 500 })) : [],
      },
    }),
  });

interface Kind {
  readonly set: "count" | "erase";
  readonly last: string;
  /** Whether a query must be there. */
  readonly needed: boolean;
  readonly own: readonly string[];
  readonly ask: Pick<StoreAsk, "action" | "effect">;
  readonly empty: JsonObject;
  read(value: JsonObject): { readonly answer: Json; readonly count?: number } | undefined;
}

function plan({ request, store, dialect, path }: Context, kind: Kind): Planned | Refusal {
  const parameters = readParameters(request, kind.set, ["routing"]);
  if (isRefusal(parameters)) return parameters;
  const body = objectBody(request);
  if (isRefusal(body)) return body;
  const index = path["index"];
  if (index === undefined) return refuse("filter_refused", "an index must be named");
  const named: readonly Named[] | Refusal = readNames(index, store);
  if (isRefusal(named)) return named;
  const operator = allowedOnly(
    request.query,
    named.map(({ collection }) => collection),
  );
  if (isRefusal(operator)) return operator;
  const { query, max_docs: most, ...others } = body;
  if (Object.keys(others).length > 0) return refuse("filter_refused", kind.last);
  if (most !== undefined && (!kind.own.includes("max_docs") || !isWhole(most, 1, 2 ** 31)))
    return refuse("filter_refused", "max_docs");
  if (query === undefined && kind.needed) return refuse("filter_refused", "a query must be there");
  const reading = new Reading();
  if (query !== undefined && !readQuery(query, reading, dialect))
    return reading.problem ?? refuse("filter_refused");
  const facts = { ...reading.facts(), top_k: 0 };
  return {
    kind: "operation",
    asks: named.map(({ name, collection }) => ({ ...kind.ask, name, collection, query: facts })),
    plan: {
      narrow(narrowings: readonly Narrowing[]) {
        const { filter, each } = filterOfAll(named, narrowings);
        const narrowed = filter === undefined ? query : narrowQuery(query, filter, dialect);
        const sent: JsonObject = {
          ...(narrowed === undefined ? {} : { query: narrowed }),
          ...(most === undefined ? {} : { max_docs: most }),
        };
        const to = pathOf([index, kind.last], { ...parameters, ...operator });
        return { kind: "narrowed", request: { method: "POST", path: to, body: sent }, exact: each };
      },
      empty: () => kind.empty,
      results({ value }) {
        const read = isObject(value) ? kind.read(value) : undefined;
        return read === undefined ? refuse("upstream_invalid") : withoutItems(read.answer, read.count);
      },
    },
  };
}
