/** What the core of retrieval does, whatever the store is. */
import { describe, expect, test } from "@jest/globals";
import type { StoreAsk } from "../../../../gateway/retrieval/adapter.js";
import { openCursors } from "../../../../gateway/retrieval/serve/seal-cursor.js";
import type { Given, Ran, Refused } from "../../../../gateway/retrieval/serve/turn.js";
import type { Condition, JsonObject } from "../../../../sidecar/contract.js";
import type { Fake, Stored } from "./fake-store.js";
import { createFake, obliging, readConfig, subject } from "./fake-store.js";

const collections = {
  docs: {
    fields: {
      tenant: "tenant",
      classification: "class",
      salary: { path: "pay.salary", type: "number" },
      created: { type: "time" },
      part: "$namespace",
    },
    hidden: ["secret.note"],
    limits: { top_k: 20, offset: 10, dimensions: 4, written: 3 },
  },
  plain: { fields: { tenant: "tenant" }, constants: { classification: "internal" } },
};
const stored: Stored[] = [
  {
    id: "a",
    metadata: { tenant: "acme", class: "internal", pay: { salary: 5 }, secret: { note: "x", ok: 1 } },
    text: "A",
  },
  { id: "b", metadata: { tenant: "globex", class: "public" }, text: "B" },
  { id: "c", metadata: { class: "public" }, text: "C" },
  { id: "d", metadata: { tenant: "acme", class: "restricted" }, text: "D" },
  { id: "e", metadata: { tenant: ["acme"], class: "public" }, text: "E" },
  { id: "f", metadata: { tenant: "acme", class: "internal" }, text: "F" },
];
const eq = (field: string, value: string): Condition => ({ type: "field", operator: "eq", field, value });
const acme = eq("tenant", "acme");
const query = { kinds: ["vector"], top_k: 5 } as const;
const find: Partial<StoreAsk> & Pick<StoreAsk, "effect"> = { effect: "find", query, namespace: "p1" };
const begin = (): Fake => createFake(collections, stored);
const given = (ran: Ran): Given => {
  if (ran.kind !== "given") throw new Error(JSON.stringify(ran));
  return ran;
};
const code = (ran: Ran): string => (ran as Partial<Refused>).refusal?.code ?? ran.kind;
const idsOf = (ran: Ran): string[] => given(ran).items.map(({ item }) => item.id);

test("each document is measured by the condition, whatever the store found", async () => {
  const fake = begin();
  fake.decide = obliging(["filter", { condition: acme }]);
  const ran = given(await fake.run([find]));
  expect(idsOf(ran)).toEqual(["a", "d", "f"]);
  expect(ran.facts).toMatchObject({ found: 6, filtered: 3, removed: 0, given: 3, exact: true });
  // the second question is about what is left, and about nothing else
  expect(fake.asked[1]?.resource.properties["documents"]).toEqual([
    { tenant: "acme", classification: "internal", salary: 5, part: "p1" },
    { tenant: "acme", classification: "restricted", part: "p1" },
    { tenant: "acme", classification: "internal", part: "p1" },
  ]);
  expect(fake.asked.map(({ action }) => action.properties["phase"])).toEqual(["request", "response"]);
});

describe("where the store's filter is wider", () => {
  const many = (mine: (i: number) => boolean, count = 60): Stored[] =>
    Array.from({ length: count }, (_, i) => ({
      id: `d${i}`,
      metadata: { tenant: mine(i) ? "acme" : "globex", class: "public" },
    }));
  const cases: readonly (readonly [string, Stored[], number[], Partial<Fake>])[] = [
    ["few are fetched where enough of them stay", many((i) => i % 3 === 0), [20], {}],
    ["as many as may be, where too few stay", many((i) => i > 18 && i % 3 === 0), [20, 50], {}],
    ["no more where there are no more", many((i) => i === 3, 12), [20], {}],
    [
      "as many as may be at once, where what comes first depends on it",
      many((i) => i % 3 === 0),
      [],
      { inOrder: false },
    ],
    [
      "few where it is exact, which is what the first request finds out",
      many((i) => i > 40),
      [20],
      { exact: true },
    ],
  ];
  test.each(cases)("%s", async (_name, documents, most, flags) => {
    const fake = Object.assign(createFake(collections, documents), { exact: false, inOrder: true, ...flags });
    fake.decide = obliging(["filter", { condition: acme }]);
    const ran = await fake.run([find]);
    expect(fake.narrowings.map((one) => one.most)).toEqual(most.length === 0 ? [50] : most);
    // what is given is what all of them would have given
    const all = documents.slice(0, most.at(-1) ?? 60).filter(({ metadata }) => metadata["tenant"] === "acme");
    expect(idsOf(ran)).toEqual(all.slice(0, 5).map(({ id }) => id));
  });

  test("several searches in one request are fetched at once", async () => {
    const fake = Object.assign(
      createFake(
        collections,
        many(() => true),
      ),
      { exact: false, inOrder: true },
    );
    fake.decide = obliging(["filter", { condition: acme }]);
    await fake.run([find, find]);
    expect(fake.narrowings.map((one) => one.most)).toEqual([50, 50]);
  });
});

test("policy keeps, masks and labels by place; scores and order stay", async () => {
  const fake = begin();
  fake.decide = obliging(
    ["filter", { condition: acme }],
    ["keep_documents", { documents: [0, 2] }],
    ["mask_documents", { documents: [0], fields: ["salary", "text", "tenant"] }],
    ["label_documents", { documents: [2], labels: ["hr"] }],
  );
  const ran = given(await fake.run([find]));
  expect(ran.items).toEqual([
    {
      item: expect.objectContaining({
        id: "a",
        text: "***",
        metadata: { tenant: "***", class: "internal", pay: {}, secret: { ok: 1 } },
      }),
      labels: [],
    },
    { item: expect.objectContaining({ id: "f", text: "F" }), labels: ["hr"] },
  ]);
  expect(ran.labels).toEqual(["hr"]);
  expect(ran.facts).toMatchObject({
    removed: 1,
    masked: 1,
    given: 2,
    ids: [expect.stringMatching(/^[0-9a-f]{16}$/), expect.anything()],
  });
  expect(JSON.stringify(ran.facts)).not.toMatch(/"a"|"f"/);
});

test("what was found by a field that is masked in it isn't given", async () => {
  const fake = begin();
  fake.decide = obliging(["mask_documents", { documents: [0, 1], fields: ["salary"] }]);
  const by = (fields: string[]) => fake.run([{ ...find, query: { ...query, fields } }]);
  expect(idsOf(await by(["tenant"]))).toEqual(["a", "b", "c", "d", "e"]);
  expect(idsOf(await by(["pay.salary"]))).toEqual(["c", "d", "e"]);
  expect(idsOf(await by(["pay"]))).toEqual(["c", "d", "e"]);
  fake.decide = obliging(["mask_documents", { documents: [0], fields: ["salary"] }]);
  const above: Condition = { type: "field", operator: "exists", field: "salary", value: true };
  expect(idsOf(await fake.run([find], above))).toEqual([]);
});

test("an answer that policy denies isn't given", async () => {
  const fake = begin();
  fake.decide = ({ action }) => ({
    allow: action.properties["phase"] === "request",
    reasons: [{ code: "too_many", message: "m" }],
  });
  const ran = await fake.run([find]);
  expect([code(ran), (ran as Refused).decision?.reasons[0]?.code]).toEqual(["denied", "too_many"]);
});

test("what is hidden is in no answer, also without a duty", async () => {
  const ran = given(await begin().run([find]));
  expect(JSON.stringify(ran.value)).not.toContain('"note"');
});

describe("what can't be done, or may not, is refused before anything is sent", () => {
  const sayings: readonly (readonly [string, Fake["decide"], Partial<StoreAsk>, string])[] = [
    ["a duty that isn't known", obliging(["filter_rows", {}]), {}, "obligation_unsatisfiable"],
    [
      "a filter that the sidecar didn't resolve",
      obliging(["filter", { include: "a/b" }]),
      {},
      "obligation_unsatisfiable",
    ],
    [
      "a condition on a field that isn't configured",
      obliging(["filter", { condition: eq("owner", "x") }]),
      {},
      "obligation_unsatisfiable",
    ],
    ["a collection that isn't configured", obliging(), { name: "other" }, "unknown_collection"],
    [
      "a filter on one that isn't configured",
      obliging(["filter", { condition: acme }]),
      { name: "other" },
      "obligation_unsatisfiable",
    ],
    ["no namespace where it is a field", obliging(), { namespace: undefined as never }, "namespace_required"],
    [
      "a filter by what is hidden",
      obliging(),
      { query: { ...query, fields: ["secret.note"] } },
      "field_hidden",
    ],
    [
      "a filter by what holds what is hidden",
      obliging(),
      { query: { ...query, fields: ["secret"] } },
      "field_hidden",
    ],
    [
      "a filter within what is hidden",
      obliging(),
      { query: { ...query, fields: ["secret.note.a"] } },
      "field_hidden",
    ],
    [
      "a filter by what policy hides",
      obliging(["hide_fields", { fields: ["salary"] }]),
      { query: { ...query, fields: ["pay.salary"] } },
      "field_hidden",
    ],
    ["more than the limit", obliging(), { query: { ...query, top_k: 21 } }, "retrieval_limit"],
    ["further than the limit", obliging(), { query: { ...query, offset: 11 } }, "retrieval_limit"],
    ["longer vectors than the limit", obliging(), { query: { ...query, dimensions: 5 } }, "retrieval_limit"],
    [
      "more documents than the limit",
      obliging(),
      { effect: "write", documents: [{}, {}, {}, {}] },
      "retrieval_limit",
    ],
    [
      "a change of nothing",
      obliging(["filter", { condition: eq("part", "p2") }]),
      { effect: "change" },
      "nothing_allowed",
    ],
    [
      "a stamp on what can't be seen into",
      obliging(["stamp_documents", { set: { tenant: "acme" } }]),
      { effect: "write" },
      "obligation_unsatisfiable",
    ],
  ];
  test.each(sayings)("%s", async (_name, decide, ask, expected) => {
    const fake = begin();
    fake.decide = decide;
    expect(code(await fake.run([{ ...find, ...ask }]))).toBe(expected);
    expect(fake.sent).toEqual([]);
  });

  test("one of several things that is denied", async () => {
    const fake = begin();
    fake.decide = ({ resource }) => ({ allow: resource.id === "docs" });
    expect(code(await fake.run([find, { ...find, name: "plain" }]))).toBe("denied");
    expect(fake.sent).toEqual([]);
  });

  test.each(["count", "change"] as const)("a %s that the store can't filter exactly", async (effect) => {
    const fake = begin();
    fake.exact = false;
    expect(code(await fake.run([{ ...find, effect }]))).toBe("filter_not_expressible");
    expect(fake.sent).toEqual([]);
  });
});

test("who configures is told which fields policy asks for", async () => {
  const fake = begin();
  fake.decide = obliging([
    "filter",
    { condition: { type: "compound", operator: "and", value: [acme, eq("owner", "x")] } },
  ]);
  const ran = (await fake.run([find])) as Refused;
  expect(ran.refusal.message).toMatch(/: not among the collection's fields: owner$/);
});

test("a namespace stands for its field: of another, nothing is found and nothing asked", async () => {
  const fake = begin();
  fake.decide = obliging(["filter", { condition: eq("part", "p2") }]);
  expect(given(await fake.run([find])).value).toEqual({ documents: [] });
  expect(fake.sent).toEqual([]);
  fake.decide = obliging(["filter", { condition: eq("part", "p1") }]);
  expect(idsOf(await fake.run([find]))).toHaveLength(5);
});

test("no more than was asked for, and than policy allows", async () => {
  const fake = begin();
  expect(idsOf(await fake.run([{ ...find, query: { ...query, top_k: 2 } }]))).toEqual(["a", "b"]);
  fake.decide = obliging(["limit_results", { top_k: 1 }]);
  expect(idsOf(await fake.run([find]))).toEqual(["a"]);
  expect(fake.narrowings.at(-1)).toMatchObject({ topK: 1, most: 50 });
});

test("a caller's own condition only narrows", async () => {
  const fake = begin();
  fake.decide = obliging(["filter", { condition: acme }]);
  const everything: Condition = {
    type: "compound",
    operator: "or",
    value: [acme, { type: "compound", operator: "not", value: [acme] }],
  };
  expect(idsOf(await fake.run([find], everything))).toEqual(["a", "d", "f"]);
  expect(idsOf(await fake.run([find], eq("classification", "restricted")))).toEqual(["d"]);
  expect(code(await fake.run([find], eq("unknown", "x")))).toBe("filter_refused");
});

describe("writes", () => {
  const write = (documents: JsonObject[], ids?: string[]): Partial<StoreAsk> & Pick<StoreAsk, "effect"> => ({
    effect: "write",
    action: "retrieval.write",
    namespace: "p1",
    documents,
    ...(ids === undefined ? {} : { ids }),
  });
  const duties: [string, unknown][] = [
    ["filter", { condition: acme }],
    [
      "stamp_documents",
      {
        set: { tenant: "acme" },
        at_least: { classification: { value: "internal", order: ["public", "internal", "restricted"] } },
      },
    ],
  ];
  test.each<[string, JsonObject, unknown]>([
    ["says nothing", {}, { tenant: "acme", class: "internal" }],
    [
      "says the same",
      { tenant: "acme", class: "internal", x: 1 },
      { tenant: "acme", class: "internal", x: 1 },
    ],
    ["says more", { class: "restricted" }, { tenant: "acme", class: "restricted" }],
    ["says less", { class: "public" }, "document_refused"],
    ["says what isn't in the order", { class: "topmost" }, "document_refused"],
    ["says another tenant", { tenant: "globex" }, "document_refused"],
    ["says null", { tenant: null }, "document_refused"],
    ["says a list", { tenant: ["acme"] }, "document_refused"],
    ["says another type", { class: 5 }, "document_refused"],
  ])("a document that %s", async (_name, document, expected) => {
    const fake = begin();
    fake.decide = obliging(...duties);
    const ran = await fake.run([write([document])]);
    expect(ran.kind === "refused" ? code(ran) : fake.narrowings[0]?.documents?.[0]).toEqual(expected);
    expect(fake.sent).toHaveLength(ran.kind === "refused" ? 0 : 1);
  });

  test("a document must meet the condition as it will be", async () => {
    const fake = begin();
    fake.decide = obliging(["filter", { condition: acme }]);
    expect(code(await fake.run([write([{ tenant: "globex" }])]))).toBe("document_refused");
    expect(code(await fake.run([write([{}])]))).toBe("document_refused");
  });

  test("what stands under an id already must be the caller's", async () => {
    const fake = begin();
    fake.decide = obliging(["filter", { condition: acme }]);
    for (const [ids, expected] of [
      [["a"], "given"],
      [["z"], "given"],
      [["a", "b"], "document_refused"],
      [["c"], "document_refused"],
    ] as const) {
      fake.sent.length = 0;
      expect([ids, code(await fake.run([write([{ tenant: "acme" }], [...ids])]))]).toEqual([ids, expected]);
      expect(fake.sent.filter((one) => one.startsWith("/query"))).toHaveLength(expected === "given" ? 1 : 0);
    }
  });

  test.each<[string, JsonObject, string]>([
    ["leaves all that policy looks at", { x: 1 }, "given"],
    ["raises the rank", { class: "restricted" }, "given"],
    ["lowers it below what policy asks", { class: "public" }, "document_refused"],
    ["takes it away", { class: null }, "document_refused"],
    ["gives it to somebody else", { tenant: "globex" }, "document_refused"],
    ["gives it to nobody", { tenant: null }, "document_refused"],
  ])("a change that %s", async (_name, document, expected) => {
    const fake = begin();
    fake.decide = obliging(...duties);
    const ask = { ...write([document], ["a"]), action: "retrieval.update", merged: true } as const;
    expect(code(await fake.run([ask]))).toBe(expected);
  });

  test("a change can't lower what is stored, though policy would take it of a new document", async () => {
    const fake = begin();
    fake.decide = obliging(...duties);
    const ask = { action: "retrieval.update", merged: true } as const;
    expect(code(await fake.run([{ ...write([{ class: "internal" }], ["d"]), ...ask }]))).toBe(
      "document_refused",
    );
    expect(code(await fake.run([{ ...write([{ x: 1 }], ["d"]), ...ask }]))).toBe("given");
    expect(code(await fake.run([{ ...write([{ x: 1 }], ["b"]), ...ask }]))).toBe("document_refused");
  });

  test("what holds of the whole collection can't be said otherwise", async () => {
    const fake = begin();
    fake.decide = obliging(["stamp_documents", { set: { classification: "public" } }]);
    expect(code(await fake.run([{ ...write([{}]), name: "plain" }]))).toBe("document_refused");
    fake.decide = obliging(["stamp_documents", { set: { classification: "internal" } }]);
    expect(code(await fake.run([{ ...write([{}]), name: "plain" }]))).toBe("given");
  });
});

test("a list shows what is configured and open", async () => {
  const fake = createFake({ docs: {}, secret: {} }, []);
  fake.decide = ({ action, resource }) => ({
    allow: action.name === "collection.list" || resource.id === "docs",
  });
  const ran = given(await fake.run([{ effect: "describe", action: "collection.list", name: "" }]));
  expect(ran.value).toEqual(["docs"]);
  expect(ran.facts).toMatchObject({ listed: 3, shown: 1 });
  expect(fake.asked[0]?.resource).toMatchObject({ type: "store", id: "lab" });
});

describe("cursors", () => {
  const secret = Buffer.alloc(32, 7);
  const sealFor = (owner: typeof subject, store = "lab"): string => {
    const cursors = openCursors(secret, store);
    cursors.giveTo(owner);
    return cursors.give("own-cursor", "docs");
  };
  // of the last one not all bits count
  const changed = (text: string): string => `${text.startsWith("A") ? "B" : "A"}${text.slice(1)}`;
  test.each<[string, string, string, boolean]>([
    ["one's own", sealFor(subject), "docs", true],
    ["another's", sealFor({ ...subject, id: "agent-2" }), "docs", false],
    ["of the same agent for somebody else", sealFor({ ...subject, chain: "c2" }), "docs", false],
    ["of another tenant", sealFor({ ...subject, tenant: "globex" }), "docs", false],
    ["of another collection", sealFor(subject), "plain", false],
    ["of another store", sealFor(subject, "other"), "docs", false],
    ["changed", changed(sealFor(subject)), "docs", false],
    ["the store's own", "own-cursor", "docs", false],
    ["nothing", "", "docs", false],
  ])("%s", async (_name, sealed, collection, mine) => {
    const fake = begin();
    const cursor = fake.cursors.take(sealed, collection);
    const ran = cursor === undefined ? "unknown" : code(await fake.run([find]));
    expect(ran === "given").toBe(mine);
    if (!mine) expect(fake.sent).toEqual([]);
  });
});

test("policy sees how often this caller asked, and how narrowly", async () => {
  const fake = begin();
  fake.decide = obliging(["filter", { condition: eq("classification", "restricted") }]);
  for (let i = 0; i < 3; i++) await fake.run([find]);
  fake.decide = obliging();
  await fake.run([find]);
  expect(fake.asked.at(-1)?.resource.properties["recent"]).toEqual({ queries: 4, narrow: 3, window_s: 600 });
});

describe("a configuration that can't be meant is refused by its place", () => {
  test.each<[string, JsonObject, string]>([
    ["a type", { docs: { fields: { a: { type: "int" } } } }, "collections.docs.fields.a.type"],
    [
      "a form",
      { docs: { fields: { a: { type: "string", form: "epoch_s" } } } },
      "collections.docs.fields.a.form",
    ],
    ["a path", { docs: { fields: { a: 5 } } }, "collections.docs.fields.a"],
    ["a name", { docs: { fields: { "a.b": "a" } } }, "collections.docs.fields.a.b"],
    [
      "a name of a field that isn't there",
      { docs: { fields: { "a.b": null } } },
      "collections.docs.fields.a.b",
    ],
    ["an unknown field", { docs: { field: {} } }, "collections.docs.field"],
    ["a constant", { docs: { constants: { a: null } } }, "collections.docs.constants.a"],
    ["two namespaces", { docs: { fields: { a: "$namespace", b: "$namespace" } } }, "collections.docs.fields"],
    ["two of one name", { docs: {}, more: { name: "docs" } }, "collections"],
  ])("%s", (_name, value, place) => {
    expect(() => readConfig(value)).toThrow(`${place}: `);
  });
});
