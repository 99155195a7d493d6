/** Filters of callers that would find more than policy's. */
import type { Attack, Topic } from "../attack.js";
import { known } from "../attack.js";
import { qdrantPolicy, searchPolicy } from "../policies.js";

const search = (name: string, filter: unknown): Attack => ({
  name,
  store: "qdrant",
  method: "POST",
  path: "/collections/docs/points/query",
  body: { query: [1, 0], limit: 20, with_payload: true, filter },
  status: 200,
  gives: known,
  sent: [
    {
      method: "POST",
      path: "/collections/docs/points/query",
      body: { query: [1, 0], limit: 20, with_payload: true, filter: { must: [filter, qdrantPolicy] } },
    },
  ],
});
const foreign = { key: "tenant", match: { value: "globex" } };

export const widening: readonly Topic[] = [
  {
    title: "filters that widen by or",
    then: "the caller's filter and policy's must both hold: neither stands within the other",
    attacks: [
      search("Qdrant: should of another tenant", { should: [foreign, { must: [] }] }),
      search("Qdrant: must_not of what policy asks for", {
        must_not: [{ key: "class", match: { value: "internal" } }],
      }),
      search("Qdrant: another tenant", { must: [foreign] }),
      {
        name: "Elasticsearch: should beside a must that is empty",
        store: "elasticsearch",
        method: "POST",
        path: "/docs/_search",
        body: {
          size: 20,
          query: {
            bool: { should: [{ match_all: {} }, { term: { tenant: "globex" } }], minimum_should_match: 0 },
          },
        },
        status: 200,
        gives: known,
        sent: [
          {
            method: "POST",
            path: "/docs/_search",
            body: {
              size: 20,
              query: {
                bool: {
                  must: [
                    {
                      bool: {
                        should: [{ match_all: {} }, { term: { tenant: "globex" } }],
                        minimum_should_match: 0,
                      },
                    },
                  ],
                  filter: [searchPolicy],
                },
              },
              _source: { excludes: ["pin", "embedding"] },
            },
          },
        ],
      },
    ],
  },
];
