/** Attempts at Qdrant's API. */
import type { Attack } from "../attack.js";
import { known } from "../attack.js";
import { qdrantPolicy } from "../policies.js";

const points = "/collections/docs/points";
const visible = { with_payload: true } as const;

/** A search that is narrowed: the caller's filter and policy's, side by side. */
export function qdrantNarrowed(name: string, filter: unknown, more: Record<string, unknown> = {}): Attack {
  return {
    ...{
      name: `Qdrant: ${name}`,
      store: "qdrant",
      method: "POST",
      path: `${points}/query`,
      status: 200,
      gives: known,
    },
    body: { query: [1, 0], limit: 20, ...visible, filter, ...more },
    sent: [
      {
        method: "POST",
        path: `${points}/query`,
        body: { query: [1, 0], limit: 20, ...visible, filter: { must: [filter, qdrantPolicy] }, ...more },
      },
    ],
  };
}

/** A request of which nothing reaches the store. */
export function qdrantRefused(
  name: string,
  path: string,
  body: unknown,
  code: string,
  status: number,
  method = "POST",
): Attack {
  return { name: `Qdrant: ${name}`, store: "qdrant", method, path, body, code, status, sent: [] };
}

const query = (more: Record<string, unknown>): Record<string, unknown> => ({
  query: [1, 0],
  limit: 5,
  ...more,
});
const foreign = { key: "tenant", match: { value: "globex" } };

export const qdrantWidening: readonly Attack[] = [
  qdrantNarrowed("should of another tenant, and of nothing", { should: [foreign, { must: [] }] }),
  qdrantNarrowed("must_not of what policy asks for", {
    must_not: [{ key: "class", match: { value: "internal" } }],
  }),
  qdrantNarrowed("another tenant", { must: [foreign] }),
  qdrantNarrowed("min_should of one of two", {
    min_should: { conditions: [foreign, { is_null: { key: "tenant" } }], min_count: 1 },
  }),
];

export const qdrantMissing: readonly Attack[] = [
  qdrantNarrowed("is_null of the tenant", { must: [{ is_null: { key: "tenant" } }] }),
  qdrantNarrowed("is_empty of the tenant", { should: [{ is_empty: { key: "tenant" } }] }),
  qdrantNarrowed("must_not of all tenants that there are", {
    must_not: [{ key: "tenant", match: { any: ["acme", "globex", "*"] } }],
  }),
];

export const qdrantTypes: readonly Attack[] = [
  qdrantNarrowed("a tenant that is a number", { must: [{ key: "tenant", match: { value: 5 } }] }),
  qdrantNarrowed("a tenant in a range", { must: [{ key: "tenant", range: { gte: 0 } }] }),
  qdrantNarrowed("a list's elements", { must: [{ key: "tenant[]", match: { value: "acme" } }] }),
  qdrantNarrowed("a nested object", {
    must: [{ nested: { key: "tenant", filter: { must: [{ key: "is", match: { value: "acme" } }] } } }],
  }),
  qdrantNarrowed("a nested key", { must: [{ key: "tenant.is", match: { value: "acme" } }] }),
];

const narrowedPrefetch = (filter?: unknown): unknown => ({
  must: filter === undefined ? [qdrantPolicy] : [filter, qdrantPolicy],
});

export const qdrantPlaces: readonly Attack[] = [
  {
    ...qdrantNarrowed("x", undefined),
    name: "Qdrant: a prefetch without a filter, beneath another",
    body: query({
      prefetch: {
        query: [1, 0],
        limit: 30,
        prefetch: [{ query: [0, 1], limit: 40, filter: { must: [foreign] } }],
      },
      ...visible,
    }),
    sent: [
      {
        method: "POST",
        path: `${points}/query`,
        body: {
          ...query({ ...visible, filter: narrowedPrefetch() }),
          prefetch: [
            {
              ...{ query: [1, 0], limit: 30, filter: narrowedPrefetch() },
              prefetch: [{ query: [0, 1], limit: 40, filter: narrowedPrefetch({ must: [foreign] }) }],
            },
          ],
        },
      },
    ],
  },
  qdrantRefused(
    "a filter among the parameters of the search",
    `${points}/query`,
    query({ params: { filter: { must: [foreign] } } }),
    "invalid_request",
    400,
  ),
  qdrantRefused(
    "a filter under another name",
    `${points}/query`,
    query({ filters: { must: [foreign] } }),
    "invalid_request",
    400,
  ),
  qdrantRefused(
    "a filter in the query string",
    `${points}/query?filter=x`,
    query({}),
    "invalid_request",
    400,
  ),
  qdrantRefused(
    "an operator that isn't known",
    `${points}/query`,
    query({ filter: { any: [foreign] } }),
    "filter_refused",
    400,
  ),
  qdrantRefused(
    "a test that isn't known",
    `${points}/query`,
    query({ filter: { must: [{ key: "tenant", script: "true" }] } }),
    "filter_refused",
    400,
  ),
];

export const qdrantElsewhere: readonly Attack[] = [
  qdrantRefused("a collection that is shut", "/collections/shut/points/query", query({}), "forbidden", 403),
  qdrantRefused(
    "a collection that isn't configured",
    "/collections/other/points/query",
    query({}),
    "forbidden",
    403,
  ),
  qdrantRefused(
    "an alias of one that is",
    "/collections/docs-alias/points/query",
    query({}),
    "forbidden",
    403,
  ),
  qdrantRefused("all collections", "/collections/*/points/query", query({}), "forbidden", 403),
  qdrantRefused("two by a comma", "/collections/docs,shut/points/query", query({}), "forbidden", 403),
  qdrantRefused("a name in capitals", "/collections/DOCS/points/query", query({}), "forbidden", 403),
  qdrantRefused(
    "an alias that is made",
    "/collections/aliases",
    { actions: [{ create_alias: { collection_name: "shut", alias_name: "docs" } }] },
    "unknown_operation",
    403,
  ),
  qdrantRefused(
    "a lookup in another collection",
    `${points}/query`,
    { query: 1, limit: 5, lookup_from: { collection: "shut" } },
    "invalid_request",
    400,
  ),
  qdrantRefused(
    "groups with another collection's points",
    `${points}/query/groups`,
    { query: [1, 0], group_by: "class", limit: 5, with_lookup: "shut" },
    "invalid_request",
    400,
  ),
  {
    name: "Qdrant: the list of collections",
    ...{ store: "qdrant", method: "GET", path: "/collections", status: 200, never: ["shut", "other"] },
    sent: [{ method: "GET", path: "/collections" }],
  },
];

export const qdrantHidden: readonly Attack[] = [
  qdrantRefused(
    "a filter by the hidden pin",
    `${points}/query`,
    query({ filter: { must: [{ key: "pin", match: { value: "pin-0000" } }] } }),
    "field_hidden",
    403,
  ),
  qdrantRefused(
    "a filter by what policy hides",
    `${points}/query`,
    query({ filter: { must: [{ key: "salary", range: { gt: 60_000 } }] } }),
    "field_hidden",
    403,
  ),
  qdrantRefused(
    "a filter by it, three levels down",
    `${points}/query`,
    query({ filter: { should: [{ must_not: [{ must: [{ key: "salary", range: { gt: 1 } }] }] }] } }),
    "field_hidden",
    403,
  ),
  qdrantRefused(
    "a filter by it in a prefetch",
    `${points}/query`,
    query({ prefetch: { query: [1, 0], filter: { must: [{ key: "salary", range: { gt: 1 } }] } } }),
    "field_hidden",
    403,
  ),
  qdrantRefused(
    "a scroll in its order",
    `${points}/scroll`,
    { limit: 5, order_by: { key: "salary", direction: "desc" } },
    "field_hidden",
    403,
  ),
  qdrantRefused(
    "groups by it",
    `${points}/query/groups`,
    { query: [1, 0], group_by: "salary", limit: 5 },
    "field_hidden",
    403,
  ),
  qdrantRefused("a facet of it", "/collections/docs/facet", { key: "salary" }, "field_hidden", 403),
  {
    ...qdrantNarrowed("x", { must: [] }),
    name: "Qdrant: the hidden pin by name",
    body: query({ filter: { must: [] }, with_payload: { include: ["pin", "salary", "note"] } }),
    sent: [
      {
        method: "POST",
        path: `${points}/query`,
        body: query({ filter: { must: [{ must: [] }, qdrantPolicy] }, with_payload: true }),
      },
    ],
  },
  {
    ...qdrantNarrowed("x", undefined),
    name: "Qdrant: without the fields that policy goes by",
    body: query({ with_payload: { exclude: ["tenant", "class"] } }),
    never: ["acme", "internal"],
    sent: [
      {
        method: "POST",
        path: `${points}/query`,
        body: query({ with_payload: true, filter: { must: [qdrantPolicy] } }),
      },
    ],
  },
  qdrantRefused("vectors", `${points}/query`, query({ with_vector: true }), "forbidden", 403),
  qdrantRefused(
    "vectors of a scroll",
    `${points}/scroll`,
    { limit: 5, with_vector: ["a"] },
    "forbidden",
    403,
  ),
];

export const qdrantLimits: readonly Attack[] = [
  qdrantRefused(
    "more than may be asked for",
    `${points}/query`,
    { query: [1, 0], limit: 51 },
    "retrieval_limit",
    400,
  ),
  qdrantRefused(
    "2^53 and more",
    `${points}/query`,
    '{"query":[1,0],"limit":9007199254740993}',
    "invalid_request",
    400,
  ),
  qdrantRefused("a negative number", `${points}/query`, { query: [1, 0], limit: -1 }, "invalid_request", 400),
  qdrantRefused("a fraction", `${points}/query`, { query: [1, 0], limit: 1.5 }, "invalid_request", 400),
  qdrantRefused("a number as text", `${points}/query`, { query: [1, 0], limit: "5" }, "invalid_request", 400),
  qdrantRefused(
    "further than may be passed over",
    `${points}/query`,
    query({ offset: 101 }),
    "retrieval_limit",
    400,
  ),
  qdrantRefused(
    "a vector of too many numbers",
    `${points}/query`,
    { query: Array(9).fill(0.5), limit: 5 },
    "retrieval_limit",
    400,
  ),
  qdrantRefused(
    "a filter that is too deep",
    `${points}/query`,
    query({ filter: deep(40) }),
    "filter_refused",
    400,
  ),
  qdrantRefused(
    "a batch of too many searches",
    `${points}/query/batch`,
    { searches: Array(65).fill(query({})) },
    "retrieval_limit",
    400,
  ),
  qdrantRefused(
    "one of a batch that asks for too much",
    `${points}/query/batch`,
    { searches: [query({}), { query: [1, 0], limit: 51 }] },
    "retrieval_limit",
    400,
  ),
];

function deep(levels: number): unknown {
  return levels === 0 ? { must: [foreign] } : { must: [deep(levels - 1)] };
}

const point = (id: number, payload: unknown): unknown => ({ id, vector: [1, 0], payload });
const lookUp = (ids: readonly number[]) =>
  ({
    method: "POST",
    path: points,
    body: { ids, with_payload: { include: ["tenant", "class", "salary"] }, with_vector: false },
  }) as const;

export const qdrantWrites: readonly Attack[] = [
  qdrantRefused(
    "a document for everyone",
    points,
    { points: [point(99, { tenant: "*", class: "internal" })] },
    "document_refused",
    403,
    "PUT",
  ),
  qdrantRefused(
    "a document of another tenant",
    points,
    { points: [point(99, { tenant: "globex", class: "internal" })] },
    "document_refused",
    403,
    "PUT",
  ),
  qdrantRefused(
    "a lower classification",
    points,
    { points: [point(99, { class: "public" })] },
    "document_refused",
    403,
    "PUT",
  ),
  qdrantRefused(
    "a classification that isn't one",
    points,
    { points: [point(99, { class: "none" })] },
    "document_refused",
    403,
    "PUT",
  ),
  qdrantRefused(
    "no classification, by null",
    points,
    { points: [point(99, { class: null })] },
    "document_refused",
    403,
    "PUT",
  ),
  qdrantRefused(
    "two tenants by a list",
    points,
    { points: [point(99, { tenant: ["acme", "globex"], class: "internal" })] },
    "document_refused",
    403,
    "PUT",
  ),
  qdrantRefused(
    "one of several that may not be",
    points,
    { points: [point(98, {}), point(99, { tenant: "globex" })] },
    "document_refused",
    403,
    "PUT",
  ),
  qdrantRefused(
    "more documents than may be written",
    points,
    { points: [1, 2, 3, 4, 5].map((id) => point(id, {})) },
    "retrieval_limit",
    400,
    "PUT",
  ),
  {
    ...qdrantRefused(
      "an id of somebody else's",
      points,
      { points: [point(3, { tenant: "acme", class: "internal" })] },
      "document_refused",
      403,
      "PUT",
    ),
    answers: [{ result: [{ id: 3, payload: { tenant: "globex", class: "public" } }], status: "ok", time: 0 }],
    sent: [lookUp([3])],
  },
  {
    ...qdrantRefused(
      "a delete of somebody else's by its id",
      `${points}/delete`,
      { points: [3] },
      "document_refused",
      403,
    ),
    answers: [{ result: [{ id: 3, payload: { tenant: "globex", class: "public" } }], status: "ok", time: 0 }],
    sent: [lookUp([3])],
  },
  {
    name: "Qdrant: a delete of all that are of another tenant",
    ...{
      store: "qdrant",
      method: "POST",
      path: `${points}/delete`,
      body: { filter: { must: [foreign] } },
      status: 200,
    },
    answers: [{ result: { operation_id: 1, status: "completed" }, status: "ok", time: 0 }],
    sent: [
      {
        method: "POST",
        path: `${points}/delete`,
        body: { filter: { must: [{ must: [foreign] }, qdrantPolicy] } },
      },
    ],
  },
  qdrantRefused("a collection that is deleted", "/collections/docs", undefined, "forbidden", 403, "DELETE"),
  qdrantRefused("a snapshot", "/collections/docs/snapshots", undefined, "forbidden", 403),
];

export const qdrantForeign: readonly Attack[] = [
  {
    ...qdrantRefused(
      "points like somebody else's",
      `${points}/recommend`,
      { positive: [3], limit: 5 },
      "document_refused",
      403,
    ),
    answers: [{ result: [{ id: 3, payload: { tenant: "globex", class: "public" } }], status: "ok", time: 0 }],
    sent: [lookUp([3])],
  },
  {
    ...qdrantRefused(
      "points like one that isn't there",
      `${points}/query`,
      query({ query: 77 }),
      "document_refused",
      403,
    ),
    answers: [{ result: [], status: "ok", time: 0 }],
    sent: [lookUp([77])],
  },
  qdrantRefused(
    "the store's own place in a scroll",
    `${points}/scroll`,
    { limit: 5, offset: 3 },
    "unknown_cursor",
    400,
  ),
  qdrantRefused(
    "a place that was made up",
    `${points}/scroll`,
    { limit: 5, offset: "A".repeat(60) },
    "unknown_cursor",
    400,
  ),
];

export const qdrantAnswers: readonly Attack[] = [
  {
    ...qdrantNarrowed("x", undefined),
    name: "Qdrant: an answer without what policy goes by",
    body: query(visible),
    gives: [],
    answers: [
      {
        result: {
          points: [
            { id: 1, score: 1, version: 1, payload: { name: "doc-own" } },
            { id: 2, score: 1, version: 1 },
          ],
        },
        status: "ok",
        time: 0,
      },
    ],
    sent: [
      {
        method: "POST",
        path: `${points}/query`,
        body: query({ ...visible, filter: { must: [qdrantPolicy] } }),
      },
    ],
  },
  {
    ...qdrantNarrowed("x", undefined),
    name: "Qdrant: an answer of another form",
    body: query(visible),
    status: 502,
    code: "upstream_invalid",
    gives: [],
    answers: [
      {
        result: [{ hits: [{ id: 1, payload: { name: "doc-own", tenant: "acme", class: "internal" } }] }],
        status: "ok",
        time: 0,
      },
    ],
    sent: [
      {
        method: "POST",
        path: `${points}/query`,
        body: query({ ...visible, filter: { must: [qdrantPolicy] } }),
      },
    ],
  },
  {
    ...qdrantNarrowed("x", undefined),
    name: "Qdrant: more than was asked for",
    body: { query: [1, 0], limit: 1, ...visible },
    gives: ["doc-own"],
    sent: [
      {
        method: "POST",
        path: `${points}/query`,
        body: { query: [1, 0], limit: 1, ...visible, filter: { must: [qdrantPolicy] } },
      },
    ],
  },
];
