/**
 * Queries of the demo's store: the part of OpenSearch's query DSL that the demo needs (OpenSearch documentation, "Query DSL").
 * As there, a term matches any element of a list, and what isn't there matches nothing.
 */
import type { DemoDocument, Shelf } from "./documents.js";
import { rank } from "./rank.js";
import { isRecord } from "./receive.js";

/** Gives a document's score; undefined where it isn't found. */
export type Match = (id: string, document: DemoDocument) => number | undefined;

/** Reads a query over a shelf. @throws BadQuery where it isn't understood */
export function readQuery(query: unknown, shelf: Shelf): Match {
  if (query === undefined) return () => 1;
  const [entry, ...others] = isRecord(query) ? Object.entries(query) : [];
  if (entry === undefined || others.length > 0) throw new BadQuery("a query has one name");
  const [name, body] = entry;
  const read = queries[name];
  if (read === undefined || !isRecord(body)) throw new BadQuery(`there is no query ${name} here`);
  return read(body, shelf);
}

export class BadQuery extends Error {
  override readonly name = "BadQuery";
}

const queries: Readonly<Record<string, (body: Record<string, unknown>, shelf: Shelf) => Match>> = {
  match_all: () => () => 1,
  match_none: () => () => undefined,
  ids: ({ values }) => sure((id) => listOf(values).includes(id)),
  exists: ({ field }) => sure((_id, document) => valuesOf(document, field).length > 0),
  term: (body) => {
    const [field, value] = only(body);
    const wanted = isRecord(value) ? value["value"] : value;
    return sure((_id, document) => valuesOf(document, field).includes(wanted));
  },
  terms: (body) => {
    const [field, values] = only(body);
    return sure((_id, document) => valuesOf(document, field).some((one) => listOf(values).includes(one)));
  },
  range: (body) => {
    const [field, bounds] = only(body);
    if (!isRecord(bounds)) throw new BadQuery("a range has bounds");
    return sure((_id, document) => valuesOf(document, field).some((one) => isWithin(one, bounds)));
  },
  match: (body, shelf) => {
    const [field, value] = only(body);
    const words = isRecord(value) ? value["query"] : value;
    if (field !== "text" || typeof words !== "string") throw new BadQuery("only the text is matched");
    const documents = Object.entries(shelf).map(([id, { text }]) => ({ id, text }));
    const scores = new Map(rank(documents, words, documents.length).map(({ id, score }) => [id, score]));
    return (id) => {
      const score = scores.get(id) ?? 0;
      return score > 0 ? score : undefined;
    };
  },
  bool: ({ must, filter, should, must_not, minimum_should_match }, shelf) => {
    const read = (value: unknown): Match[] =>
      value === undefined ? [] : [value].flat().map((one) => readQuery(one, shelf));
    const [all, filters, some, none] = [read(must), read(filter), read(should), read(must_not)];
    const least = minimum_should_match ?? (all.length + filters.length > 0 || some.length === 0 ? 0 : 1);
    if (typeof least !== "number") throw new BadQuery("minimum_should_match is a number");
    return (id, document) => {
      const needed = all.map((one) => one(id, document));
      const found = some.map((one) => one(id, document)).filter((score) => score !== undefined);
      const fits =
        !needed.includes(undefined) &&
        filters.every((one) => one(id, document) !== undefined) &&
        none.every((one) => one(id, document) === undefined) &&
        found.length >= least;
      return fits ? [...needed, ...found].reduce<number>((sum, score) => sum + (score ?? 0), 0) : undefined;
    };
  },
};

function sure(test: (id: string, document: DemoDocument) => boolean): Match {
  return (id, document) => (test(id, document) ? 1 : undefined);
}

function only(body: Record<string, unknown>): [string, unknown] {
  const [entry, ...others] = Object.entries(body);
  if (entry === undefined || others.length > 0) throw new BadQuery("one field at a time");
  return entry;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new BadQuery("a list is needed");
  return value;
}

function valuesOf(document: DemoDocument, field: unknown): readonly unknown[] {
  const value = (document as unknown as Record<string, unknown>)[String(field)];
  return value === undefined || value === null ? [] : [value].flat();
}

/** Dates are texts in the documents, and milliseconds or texts in queries. */
function isWithin(value: unknown, { format: _format, ...bounds }: Record<string, unknown>): boolean {
  const at = timeOf(value);
  return Object.entries(bounds).every(([bound, given]) => {
    const than = timeOf(given);
    switch (bound) {
      case "gt":
        return at > than;
      case "gte":
        return at >= than;
      case "lt":
        return at < than;
      case "lte":
        return at <= than;
      default:
        throw new BadQuery(`there is no bound ${bound} here`);
    }
  });
}

function timeOf(value: unknown): number {
  return typeof value === "number" ? value : Date.parse(String(value));
}
