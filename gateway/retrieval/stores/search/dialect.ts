/** Where OpenSearch and Elasticsearch differ. INVARIANT: what one doesn't know is refused by name. */
export interface Dialect {
  readonly kind: "opensearch" | "elasticsearch";
  /**
   * How a search for neighbours is written in a query. `flat`: `{field, query_vector, k, filter}` (Elasticsearch,
   * "kNN query"); `keyed`: `{FIELD: {vector, k, filter}}` (OpenSearch, "k-NN query").
   */
  readonly knn: "flat" | "keyed";
  /** The sections of a search's body beside those that both have. */
  readonly sections: readonly ("knn" | "retriever")[];
  /** The kinds of query beside those that both have. */
  readonly queries: readonly ("sparse_vector" | "semantic" | "neural" | "neural_sparse" | "hybrid")[];
  /** Where points in time are opened and closed, and what their id is called there. */
  readonly pit: { readonly open: string; readonly close: string; readonly id: "id" | "pit_id" };
  readonly headers: Readonly<Record<string, string>>;
}

export const dialects = {
  elasticsearch: {
    kind: "elasticsearch",
    knn: "flat",
    sections: ["knn", "retriever"],
    queries: ["sparse_vector", "semantic"],
    pit: { open: "/{index}/_pit", close: "/_pit", id: "id" },
    // its clients speak to nothing that doesn't say so
    headers: { "x-elastic-product": "Elasticsearch" },
  },
  opensearch: {
    kind: "opensearch",
    knn: "keyed",
    sections: [],
    queries: ["neural", "neural_sparse", "hybrid"],
    pit: { open: "/{index}/_search/point_in_time", close: "/_search/point_in_time", id: "pit_id" },
    headers: {},
  },
} as const satisfies Record<string, Dialect>;
