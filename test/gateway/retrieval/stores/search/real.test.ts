/** The model of an index, the language and the gateway, against a real OpenSearch (`make test-all`). */
import { join } from "node:path";
import { Client } from "@opensearch-project/opensearch";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../../../../properties.js";
import type { JsonObject } from "../../../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../../../sidecar/contract.js";
import { compile } from "../../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../../gateway/retrieval/conditions/simplify.js";
import { readDocument } from "../../../../../gateway/retrieval/document.js";
import { languageOf } from "../../../../../gateway/retrieval/stores/search/language.js";
import type { FieldMapping } from "../../../../../gateway/retrieval/stores/search/settings.js";
import { notUniform } from "../../../../../gateway/retrieval/stores/search/write.js";
import { root } from "../../../../world.js";
import { callerToken } from "../../../world.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import { cases, condition, numbers, texts, times } from "./cases.js";
import { collections, documents, ofAcme, ofPublic } from "./library.js";
import { score, termsOf, Wrong } from "./matches.js";
import type { Source } from "./matches.js";
import type { OpenSearchNode } from "./opensearch.js";
import { startOpenSearch } from "./opensearch.js";

const wanted = process.env["OPENSEARCH"] === "1";

/** As text: what JSON has and JavaScript's writer loses, too. */
const values: readonly string[] = [
  ...[...texts, ...times, true, false, null, ...numbers].map((one) => JSON.stringify(one)),
  ...["-0.0", "[]", "[null]", '["a","b"]', '["a","a"]', '["5"]', "[5]", "[5,6]", "[true,false]", '[["a"]]'],
  ...["1000", "1500", "1770091506789", '["1970-01-01T00:00:01Z"]', "9007199254740993"],
];

(wanted ? describe : describe.skip)("OpenSearch", () => {
  let node: OpenSearchNode;
  beforeAll(async () => {
    node = await startOpenSearch(join(root, ".cache/opensearch"));
  }, 180_000);
  afterAll(async () => {
    await node.close();
  });

  // ignore_malformed of truth values is Elasticsearch's alone
  test.each(
    cases.filter(({ field }) => field.name !== "loose_flag").map((one) => [one.field.name, one] as const),
  )(
    "%s: the index has what the model has, and no condition is narrower",
    async (name, one) => {
      const index = `case-${name}`;
      const { fields: _fields, ...mapped } = one.mapped;
      const settings =
        mapped.normalizer === undefined
          ? {}
          : { analysis: { normalizer: { lowercase: { type: "custom", filter: ["lowercase"] } } } };
      await node.ask("PUT", `/${index}`, {
        settings: { number_of_shards: 1, ...settings },
        mappings: { properties: { [name]: mapped } },
      });
      const lines = values.flatMap((value, i) => [`{"index":{"_id":"${i}"}}`, `{"${name}":${value}}`]);
      const bulk = await node.ask(
        "POST",
        `/${index}/_bulk?refresh=true`,
        `${[...lines, '{"index":{"_id":"none"}}', "{}"].join("\n")}\n`,
      );
      const taken = new Set(
        (bulk["items"] as { index: { _id: string; status: number } }[]).flatMap(
          ({ index: { _id, status } }) => (status < 300 ? [_id] : []),
        ),
      );
      const docs = [
        ...values.map((value, i) => ({ id: String(i), text: `{"${name}":${value}}` })),
        { id: "none", text: "{}" },
      ];
      const mapping = { [name]: one.mapped };
      const modelled = docs.filter(({ text }) => !/9007199254740993|:-0/.test(text) && !text.includes("[["));
      const wrongly = modelled.filter(({ id, text }) => {
        try {
          termsOf({ index, id, source: JSON.parse(text) as Source }, name, mapping);
          return !taken.has(id);
        } catch (error) {
          if (error instanceof Wrong) return taken.has(id);
          throw error;
        }
      });

      const fields = new Map([[name, one.field]]);
      const given = fc.sample(condition(one), { numRuns: 60, seed: 7 });
      const asked = [true, false].flatMap((uniform) =>
        given.flatMap((each) => {
          const simple = simplify(each, { fields, constants: {} });
          if (simple === undefined || isAlways(simple) || isNever(simple)) return [];
          const stated: FieldMapping = { ...one.stated, uniform };
          const { filter, exact } = compile(simple, fields, languageOf({ [name]: stated }));
          return filter === undefined
            ? []
            : [{ simple, filter, exact, uniform, settings: { mapping: { [name]: stated } } }];
        }),
      );
      const body = asked
        .map(
          ({ filter }) =>
            `{"index":"${index}"}\n${stringifyJson({ size: 500, _source: false, query: filter })}\n`,
        )
        .join("");
      const { responses } = (await node.ask("POST", "/_msearch", body)) as {
        responses: { hits?: { hits: { _id: string }[] } }[];
      };
      const wrong = wrongly.map(({ text }) => `the model takes or refuses ${text}, and the index doesn't`);
      for (const [i, { simple, filter, exact, uniform, settings: stated }] of asked.entries()) {
        const hits = responses[i]?.hits?.hits;
        if (hits === undefined) {
          wrong.push(`refused: ${stringifyJson(filter)} ${JSON.stringify(responses[i])}`);
          continue;
        }
        const found = new Set(hits.map(({ _id }) => _id));
        for (const { id, text } of docs) {
          if (!taken.has(id)) continue;
          const metadata = parseJson(text) as JsonObject;
          const about = (what: string): string =>
            `${what}: ${JSON.stringify(simple)} of ${text} by ${stringifyJson(filter)}`;
          if (!uniform || notUniform(metadata, { fields, settings: stated } as never) === undefined) {
            const must = holds(simple, readDocument(metadata, fields.values()));
            if (must && !found.has(id)) wrong.push(about("narrower"));
            if (exact && must !== found.has(id)) wrong.push(about("not exact"));
          }
          if (!modelled.some((each) => each.id === id) || /:-0(?:\.0)?\}/.test(text)) continue;
          const sent: unknown = JSON.parse(stringifyJson(filter).replaceAll("-0.0", "-0"));
          const modelHas =
            score(sent, { index, id, source: JSON.parse(text) as Source }, mapping) !== undefined;
          if (modelHas !== found.has(id)) wrong.push(about(`the model says ${String(modelHas)}`));
        }
      }
      expect(wrong.slice(0, 5)).toEqual([]);
    },
    60_000,
  );

  describe("through the gateway", () => {
    let lab: StoreLab;
    let client: Client;
    beforeAll(async () => {
      const keyword = { type: "keyword", ignore_above: 256 };
      await node.ask("PUT", "/handbook", {
        mappings: {
          properties: {
            tenant: { type: "text", fields: { keyword } },
            meta: { properties: { classification: keyword } },
            ...{
              level: { type: "long" },
              tags: keyword,
              owner: keyword,
              secret: keyword,
              text: { type: "text" },
              at: { type: "date" },
            },
          },
        },
      });
      const lines = Object.entries(documents).flatMap(([id, one]) => [
        JSON.stringify({ index: { _id: id } }),
        JSON.stringify(one),
      ]);
      await node.ask("POST", "/handbook/_bulk?refresh=true", `${lines.join("\n")}\n`);
      lab = await startStoreLab(node.url, { kind: "opensearch", collections });
      client = new Client({
        node: lab.url,
        headers: { authorization: `Bearer ${callerToken}` },
        maxRetries: 0,
      });
    }, 60_000);
    afterAll(async () => {
      await client.close();
      await lab.close();
    });
    const idsOf = (hits: readonly { readonly _id?: string }[]): unknown[] =>
      hits.map(({ _id }) => _id).sort();

    test("finds, highlights, sorts and groups what the caller may see", async () => {
      lab.narrow(ofAcme);
      const { body } = await client.search({
        index: "handbook",
        body: {
          query: { multi_match: { query: "holidays", fields: ["text^2", "owner"] } },
          highlight: { fields: { text: {} } },
          sort: [{ level: "desc" }],
          fields: ["tenant.keyword", "meta.*"],
        },
      });
      expect(body.hits.hits.map(({ _id, sort }: { _id?: string; sort?: unknown }) => [_id, sort])).toEqual([
        ["a3", [3]],
        ["a2", [2]],
        ["a1", [1]],
      ]);
      expect(body.hits.hits[0]).toMatchObject({
        highlight: { text: [expect.stringContaining("<em>")] },
        fields: { "meta.classification": ["restricted"] },
      });
      lab.narrow(ofPublic);
      const grouped = await client.search({
        index: "handbook",
        body: { size: 0, aggs: { levels: { terms: { field: "level" } } } } as object,
      });
      expect(grouped.body.aggregations).toMatchObject({
        levels: {
          buckets: [
            { key: 1, doc_count: 3 },
            { key: 4, doc_count: 1 },
          ],
        },
      });
      expect(grouped.body.hits.total).toEqual({ value: 4, relation: "eq" });
    });

    test("gets, counts, writes, scrolls, reads on at a point in time", async () => {
      lab.narrow(ofPublic);
      expect((await client.count({ index: "handbook" })).body.count).toBe(4);
      expect((await client.get({ index: "handbook", id: "a1" })).body._source).not.toHaveProperty("secret");
      expect((await client.exists({ index: "handbook", id: "a3" })).body).toBe(false);
      const body = { tenant: "acme", meta: { classification: "public" }, text: "new", owner: "zoe" };
      expect((await client.index({ index: "handbook", id: "w1", body, refresh: true })).body.result).toBe(
        "created",
      );
      expect(
        (await client.update({ index: "handbook", id: "w1", body: { doc: { text: "newer" } } })).body.result,
      ).toBe("updated");
      const many = await client.bulk({
        refresh: true,
        body: [
          { index: { _index: "handbook", _id: "w2" } },
          body,
          { delete: { _index: "handbook", _id: "w1" } },
        ],
      });
      expect(many.body.errors).toBe(false);
      const gone = await client.deleteByQuery({
        index: "handbook",
        refresh: true,
        body: { query: { term: { owner: "zoe" } } },
      });
      expect(gone.body).toMatchObject({ deleted: 1 });
      const first = await client.search({ index: "handbook", scroll: "1m", size: 3, body: {} });
      const next = await client.scroll({ body: { scroll_id: first.body._scroll_id ?? "", scroll: "1m" } });
      expect(idsOf([...first.body.hits.hits, ...next.body.hits.hits])).toEqual(["a1", "b1", "b2", "x1"]);
      await client.clearScroll({ body: { scroll_id: [next.body._scroll_id ?? ""] } });
      const pit = await client.createPit({ index: ["handbook"], keep_alive: "1m" });
      const at = await client.search({
        body: { pit: { id: pit.body.pit_id ?? "", keep_alive: "1m" }, sort: [{ owner: "asc" }] },
      });
      expect(idsOf(at.body.hits.hits)).toEqual(["a1", "b1", "b2", "x1"]);
      await client.deletePit({ body: { pit_id: [pit.body.pit_id ?? ""] } });
      const { body: several } = await client.msearch({
        body: [
          { index: "handbook" },
          { query: { match: { text: "holidays" } } },
          { index: "handbook" },
          { query: { range: { level: { gte: "much" } } } },
        ],
      });
      expect(several.responses.map((each) => ("error" in each ? "error" : idsOf(each.hits.hits)))).toEqual([
        ["a1", "b1", "x1"],
        "error",
      ]);
    });
  });
});
