/** Attempts at the search APIs of Elasticsearch and OpenSearch. */
import type { Attack, Sent } from "../attack.js";
import { known } from "../attack.js";
import { searchPolicy } from "../policies.js";

const path = "/docs/_search";
const shown = { _source: { excludes: ["pin", "embedding"] } };

function narrowed(name: string, query: unknown, more: Record<string, unknown> = {}): Attack {
  return {
    ...{
      name: `Elasticsearch: ${name}`,
      store: "elasticsearch",
      method: "POST",
      path,
      status: 200,
      gives: known,
    },
    body: { size: 20, query, ...more },
    sent: [
      {
        ...{ method: "POST", path },
        body: { size: 20, query: { bool: { must: [query], filter: [searchPolicy] } }, ...more, ...shown },
      },
    ],
  };
}

function refused(
  name: string,
  body: unknown,
  code: string,
  status: number,
  at: string = path,
  method = "POST",
): Attack {
  return {
    ...(typeof body === "string" && body.startsWith('{"index"') ? { type: "application/x-ndjson" } : {}),
    name: `Elasticsearch: ${name}`,
    store: "elasticsearch",
    method,
    path: at,
    body,
    code,
    status,
    sent: [],
  };
}

const all = { match_all: {} };
const foreign = { term: { tenant: "globex" } };
const search = (more: Record<string, unknown>): Record<string, unknown> => ({ size: 5, query: all, ...more });

export const searchWidening: readonly Attack[] = [
  narrowed("should of everything", { bool: { should: [all, foreign], minimum_should_match: 0 } }),
  narrowed("must_not of what policy asks for", {
    bool: { must_not: [{ terms: { class: ["public", "internal"] } }] },
  }),
  narrowed("a dis_max of another tenant", { dis_max: { queries: [foreign, all] } }),
  narrowed("a score that is constant", { constant_score: { filter: foreign } }),
];

export const searchMissing: readonly Attack[] = [
  narrowed("what has no tenant", { bool: { must_not: [{ exists: { field: "tenant" } }] } }),
  narrowed("what isn't of any tenant that there is", {
    bool: { must_not: [{ terms: { tenant: ["acme", "globex", "*"] } }] },
  }),
];

export const searchTypes: readonly Attack[] = [
  narrowed("a tenant that is a number", { term: { tenant: 5 } }),
  narrowed("a range of tenants", { range: { tenant: { gte: "a" } } }),
  narrowed("a nested object", { nested: { path: "tenant", query: { term: { "tenant.is": "acme" } } } }),
];

export const searchPlaces: readonly Attack[] = [
  narrowed("a filter after the search", all, { post_filter: foreign }),
  refused("a query in the query string", search({}), "filter_refused", 400, `${path}?q=tenant:globex`),
  refused(
    "a body in the query string",
    undefined,
    "filter_refused",
    400,
    `${path}?source=%7B%7D&source_content_type=application/json`,
  ),
  refused(
    "a query that is a text",
    search({ query: { query_string: { query: "tenant:globex OR *" } } }),
    "filter_refused",
    400,
  ),
  refused("a parameter twice", search({}), "path_refused", 400, `${path}?size=1&size=2`),
  refused(
    "a query in base64",
    search({ query: { wrapper: { query: "eyJtYXRjaF9hbGwiOnt9fQ==" } } }),
    "filter_refused",
    400,
  ),
  refused(
    "two queries in one",
    search({ query: { match_all: {}, term: { tenant: "globex" } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a filter beside bool's clauses",
    search({ query: { bool: { filter: [], also: [foreign] } } }),
    "filter_refused",
    400,
  ),
  {
    ...refused(
      "the query twice",
      '{"size":5,"query":{"term":{"tenant":"acme"}},"query":{"match_all":{}}}',
      "duplicate_key",
      400,
    ),
  },
];

export const searchScripts: readonly Attack[] = [
  refused("a script as a query", search({ query: { script: { script: "true" } } }), "filter_refused", 400),
  refused(
    "a script as a score",
    search({ query: { script_score: { query: all, script: { source: "1" } } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a script in a function's score",
    search({ query: { function_score: { query: all, script_score: { script: "1" } } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a script as an order",
    search({ sort: [{ _script: { type: "number", script: "doc['salary'].value" } }] }),
    "filter_refused",
    400,
  ),
  refused(
    "a field that a script makes",
    search({ script_fields: { a: { script: "doc['salary'].value" } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a field of the run",
    search({ runtime_mappings: { a: { type: "long", script: "emit(doc['salary'].value)" } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a template",
    { source: '{"query":{"match_all":{}}}', params: {} },
    "unknown_operation",
    403,
    "/docs/_search/template",
  ),
  refused("SQL", { query: "SELECT * FROM shut" }, "unknown_operation", 403, "/_sql"),
  refused(
    "a terms lookup in another index",
    search({ query: { terms: { tenant: { index: "shut", id: "1", path: "tenant" } } } }),
    "filter_refused",
    400,
  ),
  refused(
    "documents like one of another index",
    search({ query: { more_like_this: { like: [{ _index: "shut", _id: "1" }] } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a percolation",
    search({ query: { percolate: { field: "query", index: "shut", id: "1" } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a parent's children",
    search({ query: { has_child: { type: "answer", query: all } } }),
    "filter_refused",
    400,
  ),
];

export const searchElsewhere: readonly Attack[] = [
  refused("an index that is shut", search({}), "forbidden", 403, "/shut/_search"),
  refused("one that isn't configured", search({}), "forbidden", 403, "/other/_search"),
  refused("all indices", search({}), "filter_refused", 400, "/_search"),
  refused("all by name", search({}), "unknown_route", 404, "/_all/_search"),
  refused("a pattern", search({}), "filter_refused", 400, "/doc*/_search"),
  refused("all but one", search({}), "filter_refused", 400, "/docs,-notes/_search"),
  refused("one that is open and one that is shut", search({}), "forbidden", 403, "/docs,shut/_search"),
  refused("an index of another cluster", search({}), "filter_refused", 400, "/far:docs/_search"),
  refused("an index by date", search({}), "path_refused", 400, "/%3Cdocs-%7Bnow%2Fd%7D%3E/_search"),
  refused(
    "the index within a search of several",
    '{"index":"shut"}\n{"query":{"match_all":{}},"size":5}\n',
    "forbidden",
    403,
    "/docs/_msearch",
  ),
  refused(
    "documents of another index by their ids",
    { docs: [{ _index: "shut", _id: "1" }] },
    "forbidden",
    403,
    "/docs/_mget",
  ),
  refused(
    "a copy into another index",
    { source: { index: "docs" }, dest: { index: "mine" } },
    "unknown_operation",
    403,
    "/_reindex",
  ),
  refused(
    "aliases",
    { actions: [{ add: { index: "shut", alias: "docs" } }] },
    "unknown_operation",
    403,
    "/_aliases",
  ),
];

export const searchHidden: readonly Attack[] = [
  refused("a query by the hidden pin", search({ query: { term: { pin: "pin-0000" } } }), "field_hidden", 403),
  refused(
    "a range of what policy hides",
    search({ query: { bool: { filter: [{ range: { salary: { gt: 5 } } }] } } }),
    "field_hidden",
    403,
  ),
  refused("its order", search({ sort: [{ salary: "desc" }] }), "field_hidden", 403),
  refused("groups by it", search({ aggs: { a: { terms: { field: "salary" } } } }), "field_hidden", 403),
  refused("one for each of its values", search({ collapse: { field: "salary" } }), "field_hidden", 403),
  refused("marks in it", search({ highlight: { fields: { pin: {} } } }), "field_hidden", 403),
  refused(
    "groups over all documents",
    search({ aggs: { a: { global: {}, aggs: { b: { terms: { field: "tenant" } } } } } }),
    "filter_refused",
    400,
  ),
  refused(
    "suggestions from others' words",
    search({ suggest: { a: { text: "x", term: { field: "note" } } } }),
    "filter_refused",
    400,
  ),
  refused("why a score is what it is", search({ explain: true }), "filter_refused", 400),
  refused("an explanation for one", search({}), "unknown_operation", 403, "/docs/_explain/doc-foreign"),
  refused(
    "the words of a field",
    { field: "pin", string: "p" },
    "unknown_operation",
    403,
    "/docs/_terms_enum",
  ),
  refused(
    "the words of a document",
    undefined,
    "unknown_operation",
    403,
    "/docs/_termvectors/doc-own",
    "GET",
  ),
];

export const searchLimits: readonly Attack[] = [
  refused("more than may be asked for", search({ size: 51 }), "retrieval_limit", 400),
  refused("further than may be passed over", search({ from: 101 }), "retrieval_limit", 400),
  refused("more, by the query string", search({}), "filter_refused", 400, `${path}?size=10000`),
  refused("a negative number", search({ size: -1 }), "filter_refused", 400),
  refused(
    "a long pattern",
    search({ query: { wildcard: { note: "*a".repeat(200) } } }),
    "retrieval_limit",
    400,
  ),
  refused(
    "a long regular expression",
    search({ query: { regexp: { note: "(a|b)".repeat(200) } } }),
    "retrieval_limit",
    400,
  ),
];

const lookUp: Sent = {
  ...{ method: "POST", path: "/_mget" },
  body: { docs: [{ _index: "docs", _id: "doc-foreign" }] },
};
const doc = (tenant: string): Record<string, unknown> => ({ tenant, class: "internal", note: "n" });

export const searchWrites: readonly Attack[] = [
  refused("a document of another tenant", doc("globex"), "document_refused", 403, "/docs/_doc/n", "PUT"),
  refused("a lower classification", { class: "public" }, "document_refused", 403, "/docs/_doc/n", "PUT"),
  refused(
    "one among several",
    '{"index":{"_id":"n"}}\n{"tenant":"acme","class":"internal"}\n{"index":{"_id":"m"}}\n{"tenant":"globex"}\n',
    "document_refused",
    403,
    "/docs/_bulk",
  ),
  refused(
    "one of another index among several",
    '{"index":{"_id":"n"}}\n{"class":"internal"}\n{"index":{"_index":"shut","_id":"m"}}\n{"class":"internal"}\n',
    "forbidden",
    403,
    "/docs/_bulk",
  ),
  refused(
    "a change by a script",
    { script: "ctx._source.tenant = 'acme'" },
    "filter_refused",
    400,
    "/docs/_update/doc-foreign",
  ),
  refused(
    "a change of all by a script",
    { script: "ctx._source.tenant = 'acme'", query: all },
    "unknown_operation",
    403,
    "/docs/_update_by_query",
  ),
  refused(
    "a pipeline of the store's",
    doc("acme"),
    "filter_refused",
    400,
    "/docs/_doc/n?pipeline=mine",
    "PUT",
  ),
  {
    ...refused(
      "an id of somebody else's",
      doc("acme"),
      "document_refused",
      403,
      "/docs/_doc/doc-foreign",
      "PUT",
    ),
    answers: [
      {
        docs: [
          { _index: "docs", _id: "doc-foreign", found: true, _source: { tenant: "globex", class: "public" } },
        ],
      },
    ],
    sent: [lookUp],
  },
];

export const searchForeign: readonly Attack[] = [
  refused(
    "the store's own scroll id",
    { scroll_id: "DXF1ZXJ5QW5kRmV0Y2gBAAAAAAAAAD4WYm9laVYtZndUQlNsdDcwakFMNjU1QQ==" },
    "unknown_cursor",
    400,
    "/_search/scroll",
  ),
  refused(
    "a point in time that was made up",
    { size: 5, pit: { id: "A".repeat(60) } },
    "unknown_cursor",
    400,
    "/_search",
  ),
  {
    name: "Elasticsearch: somebody else's document by its id",
    ...{ store: "elasticsearch", method: "GET", path: "/docs/_doc/doc-foreign", status: 404 },
    answers: [
      {
        docs: [
          {
            ...{ _index: "docs", _id: "doc-foreign", found: true },
            _source: { tenant: "globex", class: "public", note: "note-foreign" },
          },
        ],
      },
    ],
    // its id is the client's own word
    gives: ["doc-foreign"],
    sent: [
      {
        ...{ method: "POST", path: "/_mget" },
        body: {
          docs: [{ _index: "docs", _id: "doc-foreign", _source: { excludes: ["pin", "embedding"] } }],
        },
      },
    ],
  },
];
