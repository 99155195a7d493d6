/** Attempts at Chroma's API. Its collections are addressed by UUIDs: clients get others than the store's. */
import { clientId } from "../../../gateway/retrieval/stores/chroma/address.js";
import type { Attack, Sent } from "../attack.js";
import { known } from "../attack.js";
import { chromaPolicy } from "../policies.js";

const home = "/api/v2/tenants/default_tenant/databases/default_database/collections";
const docs = `${home}/${clientId({ store: "chroma", name: "docs" })}`;
/** The store's own, as it tells the gateway, which asks for it now and then (lab.ts). */
const own = `${home}/11111111-2222-4333-8444-555555555555`;
const include = ["metadatas", "documents"];
const query = (more: Record<string, unknown>): Record<string, unknown> => ({
  ...{ query_embeddings: [[1, 0]], n_results: 20, include },
  ...more,
});

function narrowed(name: string, where: unknown, more: Record<string, unknown> = {}): Attack {
  return {
    ...{
      name: `Chroma: ${name}`,
      store: "chroma",
      method: "POST",
      path: `${docs}/query`,
      status: 200,
      gives: known,
    },
    body: query({ where, ...more }),
    sent: [
      {
        method: "POST",
        path: `${own}/query`,
        body: query({ where: { $and: [where, chromaPolicy] }, ...more }),
      },
    ],
  };
}

function refused(
  name: string,
  path: string,
  body: unknown,
  code: string,
  status: number,
  method = "POST",
): Attack {
  return { name: `Chroma: ${name}`, store: "chroma", method, path, body, code, status, sent: [] };
}

const found = (id: string, metadata: unknown): unknown => ({
  ...{
    ids: [id],
    metadatas: [metadata],
    documents: null,
    embeddings: null,
    uris: null,
    include: ["metadatas"],
  },
});
const lookUp = (ids: readonly string[]): Sent[] => [
  { method: "POST", path: `${own}/get`, body: { ids, limit: ids.length, include: ["metadatas"] } },
];

export const chromaWidening: readonly Attack[] = [
  narrowed("or of another tenant", { $or: [{ tenant: "globex" }, { tenant: { $ne: "globex" } }] }),
  narrowed("and within or", {
    $or: [{ $and: [{ tenant: "globex" }, { class: "public" }] }, { class: "restricted" }],
  }),
  refused(
    "a logical operator of one member",
    `${docs}/query`,
    query({ where: { $or: { tenant: "globex" } } }),
    "filter_refused",
    400,
  ),
  refused(
    "two tests in one object",
    `${docs}/query`,
    query({ where: { tenant: "acme", class: "restricted" } }),
    "filter_refused",
    400,
  ),
];

export const chromaMissing: readonly Attack[] = [
  narrowed("a tenant that is none of those there are", { tenant: { $nin: ["acme", "globex", "*"] } }),
  narrowed("not equal, where the field is missing", { tenant: { $ne: "acme" } }),
  refused("null", `${docs}/query`, query({ where: { tenant: null } }), "filter_refused", 400),
];

export const chromaTypes: readonly Attack[] = [
  narrowed("a tenant that is a number", { tenant: 5 }),
  narrowed("an element of a list", { tenant: { $contains: "acme" } }),
  refused(
    "an order of texts",
    `${docs}/query`,
    query({ where: { tenant: { $gt: "a" } } }),
    "filter_refused",
    400,
  ),
  refused(
    "a list of several types",
    `${docs}/query`,
    query({ where: { tenant: { $in: ["acme", 5] } } }),
    "filter_refused",
    400,
  ),
];

export const chromaPlaces: readonly Attack[] = [
  refused(
    "a filter under another name",
    `${docs}/query`,
    query({ filter: { tenant: "globex" } }),
    "invalid_request",
    400,
  ),
  refused(
    "the text under another name",
    `${docs}/query`,
    query({ where: { "chroma:document": "x" } }),
    "filter_refused",
    400,
  ),
  refused(
    "a pattern that repeats what repeats",
    `${docs}/query`,
    query({ where_document: { $regex: "(a{1,999}){1,999}" } }),
    "filter_refused",
    400,
  ),
  refused(
    "a filter of the wrong kind",
    `${docs}/query`,
    query({ where: [{ tenant: "globex" }] }),
    "filter_refused",
    400,
  ),
];

export const chromaElsewhere: readonly Attack[] = [
  refused("a collection by the store's own id", `${own}/query`, query({}), "forbidden", 403),
  refused(
    "one that is shut, by its id",
    `${home}/${clientId({ store: "chroma", name: "shut" })}/query`,
    query({}),
    "forbidden",
    403,
  ),
  refused("one that is shut, by its name", `${home}/shut`, undefined, "forbidden", 403, "GET"),
  refused(
    "another database",
    docs.replace("default_database", "other") + "/query",
    query({}),
    "unknown_collection",
    404,
  ),
  refused(
    "another tenant",
    docs.replace("default_tenant", "globex") + "/query",
    query({}),
    "unknown_collection",
    404,
  ),
  refused("a copy of the collection", `${docs}/fork`, { new_name: "mine" }, "unknown_operation", 403),
  refused("the reset of everything", "/api/v2/reset", undefined, "unknown_operation", 403),
  refused("a route of the version before", "/api/v1/collections", undefined, "unknown_operation", 403, "GET"),
];

export const chromaHidden: readonly Attack[] = [
  refused(
    "a filter by the hidden pin",
    `${docs}/query`,
    query({ where: { pin: "pin-0000" } }),
    "field_hidden",
    403,
  ),
  refused(
    "a filter by what policy hides",
    `${docs}/query`,
    query({ where: { $or: [{ class: "public" }, { salary: { $gt: 5 } }] } }),
    "field_hidden",
    403,
  ),
  refused("vectors", `${docs}/query`, query({ include: ["embeddings"] }), "forbidden", 403),
  {
    ...narrowed("x", undefined),
    name: "Chroma: nothing but ids and distances",
    body: { query_embeddings: [[1, 0]], n_results: 20, include: ["distances"] },
    never: ["acme", "internal", "note-own"],
    sent: [
      {
        method: "POST",
        path: `${own}/query`,
        body: {
          query_embeddings: [[1, 0]],
          n_results: 20,
          where: chromaPolicy,
          include: ["distances", "metadatas"],
        },
      },
    ],
  },
];

export const chromaLimits: readonly Attack[] = [
  refused("more than may be asked for", `${docs}/query`, query({ n_results: 51 }), "retrieval_limit", 400),
  refused("a number as text", `${docs}/query`, query({ n_results: "5" }), "invalid_request", 400),
  refused(
    "a vector of too many numbers",
    `${docs}/query`,
    query({ query_embeddings: [Array(9).fill(0.5)] }),
    "retrieval_limit",
    400,
  ),
  refused(
    "further than may be passed over",
    `${docs}/get`,
    { limit: 5, offset: 101 },
    "retrieval_limit",
    400,
  ),
  refused(
    "too many vectors",
    `${docs}/query`,
    query({ query_embeddings: Array(65).fill([1, 0]) }),
    "retrieval_limit",
    400,
  ),
];

const written = (id: string, metadata: unknown): Record<string, unknown> => ({
  ...{ ids: [id], embeddings: [[1, 0]], metadatas: [metadata] },
});

export const chromaWrites: readonly Attack[] = [
  refused(
    "a document of another tenant",
    `${docs}/add`,
    written("n", { tenant: "globex" }),
    "document_refused",
    403,
  ),
  refused(
    "a lower classification",
    `${docs}/upsert`,
    written("n", { class: "public" }),
    "document_refused",
    403,
  ),
  {
    ...refused(
      "an id of somebody else's",
      `${docs}/upsert`,
      written("doc-foreign", {}),
      "document_refused",
      403,
    ),
    answers: [found("doc-foreign", { tenant: "globex", class: "public" })],
    sent: lookUp(["doc-foreign"]),
  },
  {
    ...refused(
      "a change of somebody else's",
      `${docs}/update`,
      { ids: ["doc-foreign"], metadatas: [{ note: "x" }] },
      "document_refused",
      403,
    ),
    answers: [found("doc-foreign", { tenant: "globex", class: "public" })],
    sent: lookUp(["doc-foreign"]),
  },
  {
    ...refused(
      "a change that lowers a classification",
      `${docs}/update`,
      { ids: ["doc-own"], metadatas: [{ class: "public" }] },
      "document_refused",
      403,
    ),
    sent: [],
  },
  {
    ...refused(
      "a deletion of one's own and somebody else's",
      `${docs}/delete`,
      { ids: ["doc-own", "doc-foreign"] },
      "document_refused",
      403,
    ),
    answers: [{ ...(found("doc-foreign", { tenant: "globex", class: "public" }) as object) }],
    sent: lookUp(["doc-own", "doc-foreign"]),
  },
  refused("the collection's deletion", `${home}/docs`, undefined, "forbidden", 403, "DELETE"),
];

export const chromaAnswers: readonly Attack[] = [
  {
    ...narrowed("x", { class: "public" }),
    name: "Chroma: an answer without metadata",
    gives: [],
    answers: [
      {
        ids: [["doc-own", "doc-foreign"]],
        distances: [[0, 1]],
        metadatas: null,
        documents: null,
        embeddings: null,
        uris: null,
        include: [],
      },
    ],
    status: 502,
    code: "upstream_invalid",
  },
  {
    ...narrowed("x", { class: "public" }),
    name: "Chroma: lists of different lengths",
    gives: [],
    answers: [
      {
        ids: [["doc-own", "doc-foreign"]],
        distances: [[0]],
        metadatas: [[{ tenant: "acme", class: "public" }]],
        documents: [["a"]],
        embeddings: null,
        uris: null,
        include: [],
      },
    ],
    status: 502,
    code: "upstream_invalid",
  },
];
