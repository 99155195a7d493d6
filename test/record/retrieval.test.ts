/** What the record says of stores: counts, digests, names of the configuration. */
import { describe, expect, test } from "@jest/globals";
import { retrievalCall } from "../../sidecar/record/retrieval-call.js";
import { retrievalFacts } from "../../sidecar/record/retrieval-facts.js";
import type { Call, JsonObject } from "../../sidecar/contract.js";

const call = (properties: JsonObject, kind: Call["kind"] = "retrieval"): Call => ({
  kind,
  action: { name: "retrieval.query", properties: { phase: "request" } },
  resource: { type: "collection", id: "docs", properties },
});
const sha256 = "a".repeat(64);

describe("of a call", () => {
  test("what was searched, and how", () => {
    const query = {
      kinds: ["vector", "filter"],
      top_k: 5,
      dimensions: 3,
      bytes: 20,
      sha256,
      vectors: false,
      fields: ["salary"],
    };
    const documents = [{ tenant: "acme" }, { tenant: "globex" }];
    const recent = { queries: 4, narrow: 1, window_s: 600 };
    const said = retrievalCall(
      call({
        store: "kb",
        collection: "docs-1",
        operation: "points.search",
        namespace: "n",
        query,
        documents,
        recent,
      }),
    );
    expect(said).toEqual({
      ...{ store: "kb", collection: "docs-1", operation: "points.search", documents: 2, recent },
      query: {
        kinds: ["vector", "filter"],
        top_k: 5,
        dimensions: 3,
        bytes: 20,
        sha256,
        vectors: false,
        fields: 1,
      },
    });
  });
  test.each<[string, JsonObject]>([
    ["text in a name", { store: "the secret word", collection: "two words" }],
    ["text among kinds", { query: { kinds: ["the secret word"] } }],
    ["text for a digest", { query: { sha256: "the secret word" } }],
    ["text for a number", { query: { top_k: "the secret word" } }],
    [
      "fields' names and values",
      { query: { fields: ["the secret word"] }, documents: [{ tenant: "the secret word" }] },
    ],
    [
      "what isn't known",
      { note: "the secret word", query: { text: "the secret word" }, recent: { note: "the secret word" } },
    ],
  ])("never %s", (_name, properties) => {
    expect(JSON.stringify(retrievalCall(call(properties))) ?? "").not.toContain("secret");
  });
  test("and of no other kind", () => {
    expect(retrievalCall(call({ store: "kb" }, "model"))).toBeUndefined();
  });
});

test("of an outcome, numbers and digests alone", () => {
  const ids = ["0123456789abcdef", "the secret word"];
  const said = retrievalFacts({
    found: 3,
    exact: true,
    ids,
    ids_sha256: sha256,
    note: "the secret word",
    "a b": 1,
    more: { found: 1 },
  });
  expect(said).toEqual({ found: 3, exact: true, ids: ["0123456789abcdef"], ids_sha256: sha256 });
});

test("and why what was allowed is refused: a code, nothing else", () => {
  expect(retrievalFacts({ refused: "document_refused" })).toEqual({ refused: "document_refused" });
  expect(retrievalFacts({ refused: "the secret word" })).toEqual({});
  expect(retrievalFacts({ reason: "document_refused" })).toEqual({});
});
