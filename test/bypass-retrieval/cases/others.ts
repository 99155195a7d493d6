/** Attempts at the APIs of Milvus, Pinecone and Weaviate, at a store by a mapping, and in the gateway's own words. */
import type { Attack } from "../attack.js";
import { known } from "../attack.js";
import { chromaPolicy, milvusPolicy, qdrantPolicy, weaviatePolicy } from "../policies.js";

const milvusPath = "/v2/vectordb/entities/search";
const milvusAsked = { collectionName: "docs", data: [[1, 0]], limit: 20, outputFields: ["note"] };

/** A search whose filter is sent as it was read, with policy's around it. */
function milvus(name: string, filter: string, read: string): Attack {
  return {
    ...{
      name: `Milvus: ${name}`,
      store: "milvus",
      method: "POST",
      path: milvusPath,
      status: 200,
      gives: known,
    },
    body: { ...milvusAsked, filter },
    sent: [
      {
        ...{ method: "POST", path: milvusPath },
        body: {
          ...{ ...milvusAsked, annsField: "vector", dbName: "default" },
          filter: `(${read}) and (${milvusPolicy})`,
          outputFields: ["note", "tenant", "class", "salary", "id"],
        },
      },
    ],
  };
}

const milvusRefused = (
  name: string,
  body: Record<string, unknown>,
  code: string,
  status: number,
  path = milvusPath,
): Attack => ({
  name: `Milvus: ${name}`,
  store: "milvus",
  method: "POST",
  path,
  body,
  code,
  status,
  sent: [],
});

const pineconePolicy = chromaPolicy;
const pinecone = (name: string, filter: unknown): Attack => ({
  ...{
    name: `Pinecone: ${name}`,
    store: "pinecone",
    method: "POST",
    path: "/query",
    status: 200,
    gives: known,
  },
  body: { vector: [1, 0], topK: 20, includeMetadata: true, filter },
  sent: [
    {
      ...{ method: "POST", path: "/query" },
      // lists and missing fields aren't told apart by the store: more is fetched
      body: { vector: [1, 0], topK: 80, includeMetadata: true, filter: { $and: [filter, pineconePolicy] } },
    },
  ],
});
const pineconeRefused = (
  name: string,
  path: string,
  body: unknown,
  code: string,
  status: number,
  method = "POST",
): Attack => ({ name: `Pinecone: ${name}`, store: "pinecone", method, path, body, code, status, sent: [] });

const graphql = "/v1/graphql";
const weaviateSent = (where: string) => ({
  ...{ method: "POST", path: graphql },
  body: {
    query: `{
  Get {
    Docs(
      where: ${where}
      limit: 20
    ) {
      note
      tenant
      class
      salary
      _additional {
        id
      }
    }
  }
}`,
  },
});
const weaviate = (name: string, where: string, read: string = where): Attack => ({
  ...{
    name: `Weaviate: ${name}`,
    store: "weaviate",
    method: "POST",
    path: graphql,
    status: 200,
    gives: known,
  },
  body: { query: `{ Get { Docs(limit: 20, where: ${where}) { note } } }` },
  sent: [weaviateSent(`{operator: And, operands: [${read}, ${weaviatePolicy}]}`)],
});
const weaviateRefused = (name: string, query: string, code: string, status: number): Attack => ({
  ...{ name: `Weaviate: ${name}`, store: "weaviate", method: "POST", path: graphql, code, status, sent: [] },
  body: { query },
});

const neutralPath = "/v1/retrieval/qdrant-docs/query";
const field = (operator: string, name: string, value: unknown): unknown => ({
  type: "field",
  operator,
  field: name,
  value,
});
const neutralRefused = (
  name: string,
  body: unknown,
  code: string,
  status: number,
  path = neutralPath,
): Attack => ({
  ...{
    name: `the gateway's words: ${name}`,
    store: "neutral",
    method: "POST",
    path,
    body,
    code,
    status,
    sent: [],
  },
});

export const otherWidening: readonly Attack[] = [
  milvus("or true", 'tenant == "globex" or true', '(tenant == "globex") or (true)'),
  milvus(
    "or by its sign, in capitals, with blanks",
    'tenant=="globex"||  NOT   (class IN ["public"])',
    '(tenant == "globex") or (not (class in ["public"]))',
  ),
  milvusRefused(
    "a bracket that closes what it didn't open",
    { ...milvusAsked, filter: 'tenant == "globex") or (true' },
    "filter_refused",
    400,
  ),
  milvusRefused(
    "a comment that swallows what follows",
    { ...milvusAsked, filter: 'tenant == "globex" or true -- ' },
    "filter_refused",
    400,
  ),
  milvusRefused(
    "a quote that doesn't end",
    { ...milvusAsked, filter: 'tenant == "globex' },
    "filter_refused",
    400,
  ),
  pinecone("or of everything", { $or: [{ tenant: "globex" }, { tenant: { $ne: "globex" } }] }),
  weaviate(
    "or of everything",
    '{operator: Or, operands: [{path: ["tenant"], operator: Equal, valueText: "globex"}, {path: ["note"], operator: Like, valueText: "*"}]}',
    '{operator: Or, operands: [{operator: Equal, path: ["tenant"], valueText: "globex"}, {operator: Like, path: ["note"], valueText: "*"}]}',
  ),
  {
    ...{
      name: "the gateway's words: or of everything",
      store: "neutral",
      method: "POST",
      path: neutralPath,
      status: 200,
      gives: known,
    },
    body: {
      ...{ vector: [1, 0], top_k: 20 },
      filter: {
        type: "compound",
        operator: "or",
        value: [field("exists", "tenant", true), field("exists", "tenant", false)],
      },
    },
    // what the store can't say is left out of its filter, and looked at here
    sent: [
      {
        ...{ method: "POST", path: "/collections/docs/points/query" },
        body: { query: [1, 0], limit: 80, with_payload: true, filter: { must: [qdrantPolicy] } },
      },
    ],
  },
];

export const otherMissing: readonly Attack[] = [
  milvus("null", "tenant is null", "tenant is null"),
  milvus("neither null nor anything", "not (tenant is not null)", "not (tenant is not null)"),
  pinecone("what isn't there", { tenant: { $exists: false } }),
];

export const otherTypes: readonly Attack[] = [
  pinecone("a tenant that is a number", { tenant: { $gt: 0 } }),
  pineconeRefused(
    "a list where a value stands",
    "/query",
    { vector: [1, 0], topK: 5, filter: { tenant: ["acme"] } },
    "filter_refused",
    400,
  ),
];

export const otherPlaces: readonly Attack[] = [
  milvusRefused("a filter under its former name", { ...milvusAsked, expr: "true" }, "invalid_request", 400),
  milvusRefused(
    "a filter's values elsewhere, unnamed",
    { ...milvusAsked, filter: "tenant == {t}" },
    "filter_refused",
    400,
  ),
  milvusRefused(
    "hints",
    { ...milvusAsked, searchParams: { hints: "iterative_filter", filter: "true" } },
    "invalid_request",
    400,
  ),
  pineconeRefused(
    "two tests in an odd place",
    "/query",
    { vector: [1, 0], topK: 5, filter: { $not: { tenant: "acme" } } },
    "filter_refused",
    400,
  ),
  pineconeRefused(
    "queries of the version before",
    "/query",
    { queries: [{ values: [1, 0], filter: {} }], topK: 5 },
    "invalid_request",
    400,
  ),
  weaviateRefused(
    "a filter by a variable that isn't there",
    "query($w: WhereInpObj) { Get { Docs(limit: 5, where: $w) { note } } }",
    "filter_refused",
    400,
  ),
  weaviateRefused(
    "two filters",
    '{ Get { Docs(limit: 5, where: {path: ["note"], operator: Like, valueText: "*"}, where: {path: ["tenant"], operator: Equal, valueText: "globex"}) { note } } }',
    "filter_refused",
    400,
  ),
  weaviateRefused(
    "a directive",
    "{ Get { Docs(limit: 5) @include(if: true) { note } } }",
    "filter_refused",
    400,
  ),
  neutralRefused(
    "a filter in the store's words",
    { vector: [1, 0], filter: { must: [] } },
    "filter_refused",
    400,
  ),
  neutralRefused(
    "a field that isn't configured",
    { vector: [1, 0], filter: field("eq", "note", "x") },
    "filter_refused",
    400,
  ),
];

export const otherElsewhere: readonly Attack[] = [
  milvusRefused("another collection", { ...milvusAsked, collectionName: "shut" }, "unknown_collection", 404),
  milvusRefused("another database", { ...milvusAsked, dbName: "other" }, "unknown_collection", 404),
  milvusRefused(
    "an alias",
    { collectionName: "shut", aliasName: "docs" },
    "forbidden",
    403,
    "/v2/vectordb/aliases/create",
  ),
  milvusRefused(
    "users",
    { userName: "root", newPassword: "a", password: "b" },
    "unknown_operation",
    403,
    "/v2/vectordb/users/update_password",
  ),
  weaviateRefused("another class", "{ Get { Shut(limit: 5) { note } } }", "forbidden", 403),
  weaviateRefused(
    "one that is open and one that is shut",
    "{ Get { Docs(limit: 5) { note } Shut(limit: 5) { note } } }",
    "forbidden",
    403,
  ),
  weaviateRefused(
    "a class by a reference",
    "{ Get { Docs(limit: 5) { note inShut { ... on Shut { note } } } } }",
    "filter_refused",
    400,
  ),
  weaviateRefused(
    "all classes",
    '{ Explore(nearText: {concepts: ["x"]}) { beacon } }',
    "unknown_operation",
    403,
  ),
  weaviateRefused(
    "a fragment",
    "fragment F on Shut { note } { Get { Docs(limit: 5) { ...F } } }",
    "filter_refused",
    400,
  ),
  neutralRefused(
    "a collection that is shut",
    { vector: [1, 0] },
    "forbidden",
    403,
    "/v1/retrieval/qdrant-shut/query",
  ),
  neutralRefused("one that isn't there", { vector: [1, 0] }, "forbidden", 403, "/v1/retrieval/none/query"),
];

export const otherHidden: readonly Attack[] = [
  milvusRefused(
    "a filter by what policy hides",
    { ...milvusAsked, filter: "salary > 5" },
    "field_hidden",
    403,
  ),
  milvusRefused("groups by it", { ...milvusAsked, groupingField: "salary" }, "field_hidden", 403),
  milvusRefused("vectors, with all columns", { ...milvusAsked, outputFields: ["*"] }, "forbidden", 403),
  pineconeRefused(
    "a filter by it",
    "/query",
    { vector: [1, 0], topK: 5, filter: { $and: [{ salary: { $gt: 5 } }] } },
    "field_hidden",
    403,
  ),
  pineconeRefused("vectors", "/query", { vector: [1, 0], topK: 5, includeValues: true }, "forbidden", 403),
  weaviateRefused(
    "its order",
    '{ Get { Docs(limit: 5, sort: [{path: ["salary"], order: asc}]) { note } } }',
    "field_hidden",
    403,
  ),
  weaviateRefused(
    "a hidden field by another name",
    '{ Get { Docs(limit: 5, where: {path: ["Pin"], operator: Like, valueText: "pin-*"}) { note } } }',
    "filter_refused",
    400,
  ),
  weaviateRefused(
    "a sort by a hidden field's other name",
    '{ Get { Docs(limit: 5, sort: [{path: ["Pin"]}]) { note } } }',
    "filter_refused",
    400,
  ),
  ...["POST /v1/objects", "PUT /v1/objects/Docs/3b241101-e2bb-4255-8caf-4136c566a962"].map((line): Attack => {
    const [method = "", path = ""] = line.split(" ");
    return {
      ...{
        name: `Weaviate: a tenant in capitals over the stamped one, ${method}`,
        store: "weaviate",
        method,
        path,
      },
      // the server stores both as `tenant`, and which of them lasts is chance
      body: { class: "Docs", properties: { tenant: "acme", Tenant: "globex", note: "x" } },
      ...{ code: "invalid_request", status: 400, sent: [] },
    };
  }),
  weaviateRefused("vectors", "{ Get { Docs(limit: 5) { note _additional { vector } } } }", "forbidden", 403),
  weaviateRefused(
    "what a model makes of all",
    '{ Get { Docs(limit: 5) { _additional { generate(groupedResult: {task: "tell"}) { groupedResult } } } } }',
    "filter_refused",
    400,
  ),
  neutralRefused("a filter by it", { vector: [1, 0], filter: field("gt", "salary", 5) }, "field_hidden", 403),
];

export const otherLimits: readonly Attack[] = [
  milvusRefused("more than may be asked for", { ...milvusAsked, limit: 51 }, "retrieval_limit", 400),
  milvusRefused(
    "several that ask for too much together",
    { ...milvusAsked, data: Array(65).fill([1, 0]) },
    "retrieval_limit",
    400,
  ),
  pineconeRefused(
    "more than may be asked for",
    "/query",
    { vector: [1, 0], topK: 10_000 },
    "retrieval_limit",
    400,
  ),
  weaviateRefused(
    "more than may be asked for",
    "{ Get { Docs(limit: 51) { note } } }",
    "retrieval_limit",
    400,
  ),
  neutralRefused("more than may be asked for", { vector: [1, 0], top_k: 51 }, "retrieval_limit", 400),
  neutralRefused("a number as text", { vector: [1, 0], top_k: "5" }, "invalid_request", 400),
];

export const otherWrites: readonly Attack[] = [
  milvusRefused(
    "a document of another tenant",
    { collectionName: "docs", data: [{ id: "n", vector: [1, 0], tenant: "globex" }] },
    "document_refused",
    403,
    "/v2/vectordb/entities/insert",
  ),
  pineconeRefused(
    "a document of another tenant",
    "/vectors/upsert",
    { vectors: [{ id: "n", values: [1, 0], metadata: { tenant: "globex" } }] },
    "document_refused",
    403,
  ),
  pineconeRefused("all that there is", "/vectors/delete", { deleteAll: true }, "filter_not_expressible", 403),
  {
    ...pineconeRefused(
      "an id of somebody else's",
      "/vectors/upsert",
      { vectors: [{ id: "doc-foreign", values: [1, 0], metadata: {} }] },
      "document_refused",
      403,
    ),
    sent: [{ method: "GET", path: "/vectors/fetch?ids=doc-foreign" }],
  },
];

export const otherAnswers: readonly Attack[] = [
  {
    ...{
      name: "by a mapping: all documents",
      store: "http",
      method: "POST",
      path: "/",
      status: 200,
      gives: known,
    },
    body: { query: "x", top_k: 20 },
    sent: [{ method: "POST", path: "", body: { query: "x", top_k: 80 } }],
  },
  {
    ...{
      name: "by a mapping: documents within a document",
      store: "http",
      method: "POST",
      path: "/",
      status: 200,
    },
    body: { query: "x", top_k: 5 },
    answers: [
      { documents: [{ id: "x", document: { tenant: "acme", class: "public", note: "note-foreign" } }] },
    ],
    sent: [{ method: "POST", path: "", body: { query: "x", top_k: 20 } }],
  },
  {
    ...{
      name: "Milvus: an error under the status of success",
      store: "milvus",
      method: "POST",
      path: milvusPath,
    },
    ...{ body: milvusAsked, status: 400, code: "upstream_refused", never: ["note-foreign"] },
    answers: [
      {
        code: 65535,
        message: "cannot parse note-foreign",
        data: [{ id: "doc-foreign", note: "note-foreign" }],
      },
    ],
    sent: [
      {
        ...{ method: "POST", path: milvusPath },
        body: {
          ...{ ...milvusAsked, annsField: "vector", dbName: "default", filter: milvusPolicy },
          outputFields: ["note", "tenant", "class", "salary", "id"],
        },
      },
    ],
  },
];
