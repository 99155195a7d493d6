/** The guards that cases rely on: where each is, what is put in its place, and the cases of which one at least must fail then. */
import type { Guard } from "../bypass/guards.js";

const serve = (name: string): string => `gateway/retrieval/serve/${name}.ts`;
const store = (name: string): string => `gateway/retrieval/stores/${name}.ts`;
const guard = (name: string, file: string, code: string, instead: string, ...cases: string[]): Guard => ({
  ...{ guard: name, file, code, instead, cases },
});

const widening = (name: string): string => `filters that widen by or: ${name}`;
const missing = (name: string): string => `fields that are missing or null, and negations: ${name}`;
const types = (name: string): string => `values of another type, lists, objects: ${name}`;
const places = (name: string): string => `filters where they aren't expected: ${name}`;
const elsewhere = (name: string): string => `other collections, aliases, joins: ${name}`;
const hidden = (name: string): string => `hidden fields and vectors: ${name}`;
const sizes = (name: string): string => `numbers and sizes: ${name}`;
const writes = (name: string): string => `writes and deletions: ${name}`;
const others = (name: string): string => `somebody else's documents and places: ${name}`;
const answers = (name: string): string => `answers that aren't what was asked for: ${name}`;

const core: readonly Guard[] = [
  guard(
    "each document is measured, by the condition and by policy",
    serve("judge"),
    '    if (ask.effect !== "find") continue;\n',
    '    if (ask.effect === "find") {\n      for (const [place, item] of found.entries()) items[place] = item;\n      continue;\n    }\n',
    widening("Qdrant: another tenant"),
    missing("Chroma: not equal, where the field is missing"),
  ),
  guard(
    "no more than was asked for",
    serve("judge"),
    "if (item.ask !== index || candidates.length >= most) continue;",
    "if (item.ask !== index) continue;",
    answers("Qdrant: more than was asked for"),
  ),
  guard(
    "what is hidden is taken out",
    serve("judge"),
    "maskItem(withoutHidden(item, narrowing.hidden, ask.collection), names, ask.collection)",
    "maskItem(item, names, ask.collection)",
    hidden("Qdrant: the hidden pin by name"),
  ),
  guard(
    "nothing is filtered by what is hidden",
    serve("prepare"),
    'if (used.some((path) => hidden.some((one) => overlaps(one, path)))) return refuse("field_hidden");',
    "",
    hidden("Qdrant: a filter by the hidden pin"),
    hidden("Chroma: a filter by what policy hides"),
    hidden("Elasticsearch: its order"),
  ),
  guard(
    "limits",
    serve("prepare"),
    'if (over !== undefined) return refuse("retrieval_limit", over);',
    "void over;",
    sizes("Qdrant: more than may be asked for"),
    sizes("Chroma: further than may be passed over"),
  ),
  guard(
    "all that a request does must be allowed",
    serve("ask"),
    "if (denial !== undefined) return refusedBy",
    "if (denial !== undefined && decisions.length === 1) return refusedBy",
    elsewhere("Elasticsearch: one that is open and one that is shut"),
    elsewhere("Elasticsearch: the index within a search of several"),
  ),
  guard(
    "lists show what is open",
    serve("run"),
    "return names.map((name) => open.has(name));",
    'return names.map((name) => open.size >= 0 && name !== "");',
    elsewhere("Qdrant: the list of collections"),
  ),
  guard(
    "what stands under an id is looked up",
    serve("run"),
    'if (!mine || !all) return refuse("document_refused");',
    "",
    writes("Qdrant: an id of somebody else's"),
    others("Qdrant: points like one that isn't there"),
  ),
  guard(
    "what is searched by must be there",
    serve("run"),
    "if (!mine || !all) return",
    "if (!mine) return",
    others("Qdrant: points like one that isn't there"),
  ),
  guard(
    "stamps can't be chosen",
    serve("stamp"),
    "found === undefined || found === value ? value : undefined",
    "found ?? value",
    writes("Qdrant: a document for everyone"),
  ),
  guard(
    "ranks can't be lowered",
    serve("stamp"),
    "return rank >= order.indexOf(value) ? found : undefined;",
    "return rank >= 0 ? found : undefined;",
    writes("Qdrant: a lower classification"),
    writes("Chroma: a lower classification"),
  ),
  guard(
    "cursors are sealed",
    serve("seal-cursor"),
    "if (bytes.length < 29) return undefined;",
    "if (bytes.length < 29) return sealed;",
    others("Qdrant: a place that was made up"),
    others("Elasticsearch: the store's own scroll id"),
  ),
  guard(
    "a parameter stands once",
    serve("read-request"),
    "if (query.size < single.length) return",
    "if (query.size > single.length) return",
    places("Elasticsearch: a parameter twice"),
  ),
  guard(
    "fields have their types",
    "gateway/retrieval/document.ts",
    'return typeof value === "string" ? value : undefined;',
    'return typeof value === "string" ? value : Array.isArray(value) ? String(value[0]) : undefined;',
    types("Qdrant: a list's elements"),
    types("Chroma: an element of a list"),
  ),
];

const adapters: readonly Guard[] = [
  guard(
    "members of bodies are known",
    store("strict"),
    "    if (!known.includes(name))\n",
    "    if (false)\n",
    places("Qdrant: a filter under another name"),
    places("Qdrant: a filter among the parameters of the search"),
  ),
  guard(
    "numbers are whole and not negative",
    store("strict"),
    "Number.isInteger(number) && number >= least && number <= most",
    "number <= most",
    sizes("Qdrant: a negative number"),
    sizes("Qdrant: a fraction"),
  ),
  guard(
    "Weaviate: an argument stands once",
    store("weaviate/classify-graphql"),
    'if (Object.hasOwn(out, name.value)) return unread("filter_refused", "an argument stands twice");',
    "",
    places("Weaviate: two filters"),
  ),
  guard(
    "Weaviate: no directives",
    store("weaviate/classify-graphql"),
    'if ((one.directives?.length ?? 0) > 0) return unread("filter_refused", "directives");',
    "",
    places("Weaviate: a directive"),
  ),
  guard(
    "Elasticsearch: indices are named plainly",
    store("search/names"),
    'return refuse("filter_refused", "an index is named plainly, and once");',
    "void 0;",
    elsewhere("Elasticsearch: a pattern"),
    elsewhere("Elasticsearch: all but one"),
  ),
  guard(
    "Qdrant: policy's filter stands beside the caller's",
    store("qdrant/narrow"),
    "caller === undefined ? [policy] : [caller, policy]",
    "caller === undefined ? [policy] : [caller]",
    widening("Qdrant: another tenant"),
  ),
  guard(
    "Qdrant: at every level",
    store("qdrant/narrow"),
    "...withFilter(prefetching(one, policy, exact, most), policy)",
    "...prefetching(one, policy, exact, most)",
    places("Qdrant: a prefetch without a filter, beneath another"),
  ),
  guard(
    "Qdrant: ids and filter together",
    store("qdrant/narrow"),
    "return filter === undefined ? body : { ...body, filter };",
    "return body;",
    writes("Qdrant: a delete of all that are of another tenant"),
    widening("Qdrant: another tenant"),
  ),
  guard(
    "Chroma: policy's filter stands beside the caller's",
    store("chroma/narrow"),
    "const both = [where, policy.filter].filter",
    "const both = [where ?? policy.filter].filter",
    widening("Chroma: or of another tenant"),
  ),
  guard(
    "Chroma: a filter has one member",
    store("chroma/where"),
    "return others.length === 0 ? member : undefined;",
    "return others.length < 5 ? member : undefined;",
    widening("Chroma: two tests in one object"),
  ),
  guard(
    "Chroma: the store's own names aren't fields",
    store("chroma/where"),
    "/^(?:\\$|#|chroma:)/.test(key)) return false",
    "/^(?:\\$|#)/.test(key)) return false",
    places("Chroma: the text under another name"),
  ),
  guard(
    "Chroma: patterns are bounded",
    store("chroma/where"),
    "++seen.patterns <= limits.patterns && !longRepetition.test(than)",
    "++seen.patterns <= limits.patterns",
    places("Chroma: a pattern that repeats what repeats"),
  ),
  guard(
    "Milvus: policy's filter stands beside the caller's",
    store("milvus/narrow"),
    "const of = [expression, filter].filter",
    "const of = [expression ?? filter].filter",
    widening("Milvus: or true"),
    missing("Milvus: null"),
  ),
  guard(
    "Pinecone: policy's filter stands beside the caller's",
    store("pinecone/narrow"),
    ": { $and: [filter, policy] };",
    ": (filter as JsonObject);",
    widening("Pinecone: or of everything"),
  ),
  guard(
    "Weaviate: policy's filter stands beside the caller's",
    store("weaviate/narrow"),
    "const operands = [where, filter].filter",
    "const operands = [where ?? filter].filter",
    widening("Weaviate: or of everything"),
  ),
  guard(
    "Elasticsearch: policy's filter stands beside the query",
    store("search/push"),
    "return { bool: { must: [query], filter: [filter] } };",
    "return { bool: { must: [query], should: [filter] } };",
    widening("Elasticsearch: should of everything"),
    types("Elasticsearch: a tenant that is a number"),
  ),
];

export const guards: readonly Guard[] = [...core, ...adapters];
