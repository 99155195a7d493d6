/** Some documents, their index and the configuration of both, for the tests of OpenSearch and Elasticsearch. */
import type { Index, Mapping, Source } from "./server.js";

const keyword = { type: "keyword", ignore_above: 256 } as const;

export const mapping: Mapping = {
  tenant: { type: "text", fields: { keyword } },
  "meta.classification": keyword,
  level: { type: "long" },
  tags: keyword,
  owner: keyword,
  secret: keyword,
  text: { type: "text" },
  at: { type: "date" },
};

function source(
  tenant: string,
  classification: string,
  level: number,
  text: string,
  more: Source = {},
): Source {
  return {
    ...{ tenant, meta: { classification }, level, text, secret: `key-${tenant}`, tags: ["hr"], owner: "ann" },
    ...{ embedding: [level, 1], at: "2026-01-02T03:04:05Z" },
    ...more,
  };
}

export const documents: Readonly<Record<string, Source>> = {
  a1: source("acme", "public", 1, "Holidays are taken in summer"),
  a2: source("acme", "internal", 2, "Holidays need the approval of a manager", { tags: ["hr", "rules"] }),
  a3: source("acme", "restricted", 3, "Holidays of the board"),
  b1: source("bolt", "public", 1, "Holidays at Bolt"),
  b2: source("bolt", "public", 4, "Salaries at Bolt", { tags: ["pay"] }),
  // shared by a list: to the index it is of both, to policy of none
  x1: source("acme", "public", 1, "Holidays of two", { tenant: ["acme", "bolt"] }),
};

export const indices: Readonly<Record<string, Index>> = {
  handbook: { mapping, documents },
  notes: {
    mapping,
    documents: {
      n1: source("acme", "public", 1, "Notes on holidays"),
      n2: source("bolt", "public", 1, "Notes of Bolt"),
    },
  },
  "real-1": { mapping, documents: {} },
  current: {
    mapping,
    documents: {
      c1: source("acme", "public", 1, "Current holidays"),
      c2: source("bolt", "public", 1, "Current at Bolt"),
    },
    alias: "real-1",
  },
  other: { mapping, documents: { o1: source("acme", "public", 1, "Not configured") } },
};

const collection = {
  fields: {
    tenant: "tenant",
    classification: { path: "meta.classification" },
    level: { path: "level", type: "number" },
    tags: { path: "tags", type: "strings" },
    owner: "owner",
    at: { path: "at", type: "time" },
  },
  hidden: ["secret"],
  text: "text",
  vector: "embedding",
  mapping: {
    tenant: { type: "keyword", field: "tenant.keyword" },
    classification: { type: "keyword", uniform: true },
    level: { type: "long", uniform: true },
    tags: "keyword",
    owner: { type: "keyword", uniform: true },
    at: { type: "date", uniform: true },
  },
};

export const collections = {
  "lib.handbook": { ...collection, name: "handbook" },
  "lib.notes": { ...collection, name: "notes" },
  "lib.current": { ...collection, name: "current", indices: ["real-*"] },
};

const eq = (field: string, value: string) => ({ type: "field", operator: "eq", field, value }) as const;
/** What the store can't tell for certain: a list of tenants isn't one. */
export const ofAcme = eq("tenant", "acme");
/** What it can. */
export const ofPublic = eq("classification", "public");
