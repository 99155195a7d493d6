/**
 * What Chroma's filters do, tried with the real server: the table of gateway/retrieval/stores/chroma/filter.ts; and that
 * conditions, said in it, hold where they hold.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../../../../properties.js";
import { compile } from "../../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../../gateway/retrieval/conditions/simplify.js";
import type { FieldConfig } from "../../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../../gateway/retrieval/document.js";
import { language } from "../../../../../gateway/retrieval/stores/chroma/filter.js";
import type { Condition, JsonObject } from "../../../../../sidecar/contract.js";
import { fieldOperators, isObject, parseJson, stringifyJson } from "../../../../../sidecar/contract.js";
import type { ChromaServer } from "./server.js";
import { home, installedVersion, startChroma } from "./server.js";

const values: Readonly<Record<string, unknown>> = {
  ...{
    text5: "5",
    int5: 5,
    float5: 5.5,
    int6: 6,
    minus5: -5,
    minusHalf: -5.5,
    yes: true,
    no: false,
    one: 1,
    zero: 0,
  },
  ...{
    empty: "",
    a: "a",
    B: "B",
    accent: "é",
    nul: "a\u0000b",
    sign: "\u{1F600}",
    big: 2 ** 53,
    huge: 1e300,
  },
  ...{ texts: ["a", "b"], text5s: ["5"], ints: [5, 6], yeses: [true], none: [], half: 0.1, sum: 0.1 + 0.2 },
};

let chroma: ChromaServer;
let stored: readonly (readonly [id: string, metadata: JsonObject])[];
let path: string;

beforeAll(async () => {
  chroma = await startChroma();
  const documents = Object.entries(values).map(([id, f], i) => ({
    id,
    embedding: [i, 1],
    metadata: { f, o: 1 },
  }));
  const id = await chroma.fill("semantics", [
    ...documents,
    { id: "missing", embedding: [0, 2], metadata: { o: 1 } },
    { id: "nothing", embedding: [0, 3] },
  ]);
  path = `${home}/collections/${id}`;
  // a value that is updated to one of another type is of the new type only
  const again = { ids: ["text5", "yes"], metadatas: [{ f: 7 }, { f: "true" }] };
  await chroma.ask("POST", `${path}/update`, again);
  await chroma.ask("POST", `${path}/update`, { ids: again.ids, metadatas: [{ f: "5" }, { f: true }] });
  const answer = await fetch(`${chroma.url}${path}/get`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
    body: JSON.stringify({ include: ["metadatas"] }),
  });
  const table = parseJson(await answer.text());
  const { ids, metadatas } = table as { ids: string[]; metadatas: (JsonObject | null)[] };
  stored = ids.map((one, i) => [one, metadatas[i] ?? {}]);
});
afterAll(() => chroma.close());

async function find(where: unknown): Promise<string[] | number> {
  const { status, body } = await chroma.ask("POST", `${path}/get`, {
    ...{ include: [] },
    ...(where === undefined ? {} : { where }),
  });
  return status === 200 ? [...(body as { ids: string[] }).ids].sort() : status;
}

test("the version is the one that the table was made with", async () => {
  expect(await installedVersion()).toBe("1.5.9");
});

const everyone = [...Object.keys(values), "missing", "nothing"];
const but = (...ids: string[]): string[] => everyone.filter((one) => !ids.includes(one)).sort();

describe("what the server's filters do", () => {
  test.each<[string, unknown, string[] | number]>([
    ["a text isn't a number", { f: "5" }, ["text5"]],
    ["a number isn't a text, nor is a list", { f: 5 }, ["int5"]],
    ["a truth value isn't a number", { f: 1 }, ["one"]],
    ["… nor the other way", { f: true }, ["yes"]],
    ["$ne holds of what is missing, and of other types", { f: { $ne: "a" } }, but("a")],
    ["$nin too", { f: { $nin: ["a", "B"] } }, but("a", "B")],
    ["$ne of a key that nobody has", { zzz: { $ne: "a" } }, but()],
    ["$not_contains too", { f: { $not_contains: "a" } }, but("texts")],
    ["$contains looks into lists only", { f: { $contains: "a" } }, ["texts"]],
    ["… of their own type", { f: { $contains: 5 } }, ["ints"]],
    ["an empty list isn't stored", { $and: [{ o: 1 }, { f: { $ne: "a" } }] }, but("a", "nothing")],
    ["null can't be asked for", { f: null }, 400],
    ["texts have no order", { f: { $gt: "a" } }, 400],
    ["lists are of one type", { f: { $in: ["5", 5] } }, 400],
    ["… and not empty", { f: { $in: [] } }, 400],
    ["there is no $not", { $not: { f: "a" } }, 400],
    ["a fraction is cut off for whole numbers", { f: { $eq: 5.5 } }, ["float5", "int5"]],
    [
      "… so that a whole number isn't below",
      { f: { $lt: 5.5 } },
      ["half", "minus5", "minusHalf", "one", "sum", "zero"],
    ],
    ["… nor above", { $and: [{ f: { $gt: -5.5 } }, { f: { $lt: 0 } }] }, []],
    ["metadata is flat", { "f.a": 1 }, []],
    ["the text has a second name", { "chroma:document": "x" }, []],
  ])("%s", async (_name, where, expected) => {
    expect(await find(where)).toEqual(expected);
  });

  test("a collection's UUID is served under any tenant and database", async () => {
    const elsewhere = path.replace("default_tenant", "nobody").replace("default_database", "nothing");
    expect((await chroma.ask("POST", `${elsewhere}/get`, {})).status).toBe(200);
  });

  test("add leaves what is there; upsert and update merge, and null takes a key away", async () => {
    const id = await chroma.fill("merging", [
      { id: "x", embedding: [1], metadata: { a: 1, b: 2 }, text: "first" },
    ]);
    const at = `${home}/collections/${id}`;
    const read = async (): Promise<unknown> => (await chroma.ask("POST", `${at}/get`, {})).body;
    await chroma.ask("POST", `${at}/add`, {
      ids: ["x"],
      embeddings: [[2]],
      metadatas: [{ a: 9 }],
      documents: ["no"],
    });
    expect(await read()).toMatchObject({ metadatas: [{ a: 1, b: 2 }], documents: ["first"] });
    await chroma.ask("POST", `${at}/upsert`, { ids: ["x"], embeddings: [[2]], metadatas: [{ a: 9 }] });
    expect(await read()).toMatchObject({ metadatas: [{ a: 9, b: 2 }], documents: ["first"] });
    await chroma.ask("POST", `${at}/update`, { ids: ["x", "none"], metadatas: [{ a: null }, { a: 1 }] });
    expect(await read()).toMatchObject({ ids: ["x"], metadatas: [{ b: 2 }] });
  });
});

const fields = new Map<string, FieldConfig>(
  (["string", "number", "boolean", "strings"] as const).map((type) => [
    type,
    { name: type, path: ["f"], type },
  ]),
);
fields.set("seconds", { name: "seconds", path: ["f"], type: "time", form: "epoch_s" });
fields.set("milliseconds", { name: "milliseconds", path: ["f"], type: "time", form: "epoch_ms" });
fields.set("date", { name: "date", path: ["f"], type: "time", form: "rfc3339" });
fields.set("nested", { name: "nested", path: ["f", "a"], type: "string" });

const scalar = fc.constantFrom<string | number | boolean>(
  ...[
    "5",
    "a",
    "B",
    "",
    "é",
    "a\u0000b",
    "\u{1F600}",
    5,
    5.5,
    -5,
    -5.5,
    -5.2,
    0,
    -0.5,
    0.1,
    0.3,
    6,
    1e-7,
    true,
    false,
  ],
  0.005,
);
const leaf: fc.Arbitrary<Condition> = fc
  .record({ field: fc.constantFrom(...fields.keys()), operator: fc.constantFrom(...fieldOperators) })
  .chain(({ field, operator }) =>
    (operator === "in" || operator === "nin"
      ? fc.array(scalar, { minLength: 1, maxLength: 4 })
      : operator === "exists"
        ? fc.boolean()
        : operator === "contains" || operator === "startswith" || operator === "endswith"
          ? fc.constantFrom("a", "5", "")
          : scalar
    ).map((value): Condition => ({ type: "field", operator, field, value })),
  );
const condition: fc.Arbitrary<Condition> = fc.letrec<{ one: Condition }>((tie) => ({
  one: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc
      .array(tie("one"), { minLength: 1, maxLength: 3 })
      .map((value): Condition => ({ type: "compound", operator: "and", value })),
    fc
      .array(tie("one"), { minLength: 1, maxLength: 3 })
      .map((value): Condition => ({ type: "compound", operator: "or", value })),
    tie("one").map((one): Condition => ({ type: "compound", operator: "not", value: [one] })),
  ),
})).one;

/** Each leaf alone, plain and negated, then compounds by chance. */
test("what is said of a condition is never narrower, and where it is called exact, nor wider", async () => {
  let exact = 0;
  const check = async (one: Condition): Promise<void> => {
    const simple = simplify(one, { fields, constants: {} });
    if (simple === undefined || isAlways(simple) || isNever(simple)) return;
    const said = compile(simple, fields, language);
    const sent = said.filter === undefined ? undefined : parseJson(stringifyJson(said.filter));
    expect(sent === undefined || isObject(sent)).toBe(true);
    const found = await find(sent);
    const open = stored
      .filter(([, metadata]) => holds(one, readDocument(metadata, fields.values())))
      .map(([id]) => id)
      .sort();
    if (said.exact) expect({ one, found }).toEqual({ one, found: open });
    else
      expect({ one, missed: open.filter((id) => !(found as string[]).includes(id)) }).toEqual({
        one,
        missed: [],
      });
    if (said.exact) exact += 1;
  };
  await fc.assert(
    fc.asyncProperty(fc.tuple(leaf, fc.boolean()), async ([one, negated]) => {
      await check(negated ? { type: "compound", operator: "not", value: [one] } : one);
    }),
    { numRuns: 400 },
  );
  await fc.assert(fc.asyncProperty(condition, check), { numRuns: 300 });
  expect(exact).toBeGreaterThan(50);
}, 60_000);
