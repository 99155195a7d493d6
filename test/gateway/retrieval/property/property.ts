/**
 * The property that retrieval stands on: what comes through the gateway is what the store gives directly, less what policy
 * doesn't allow document by document; in the same order, whatever the caller filters by, whatever is stored.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fc } from "../../../properties.js";
import { holds } from "../../../../gateway/retrieval/conditions/holds.js";
import type { FieldConfig } from "../../../../gateway/retrieval/document.js";
import { readDocument } from "../../../../gateway/retrieval/document.js";
import type { Call, Condition, Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { StoreLab } from "../lab.js";
import { startStoreLab } from "../lab.js";

/** A document as it is put into the store; no two are equally near to {@link nearest}. */
export interface Placed {
  readonly id: string;
  readonly vector: readonly number[];
  readonly metadata: JsonObject;
}

/** What is searched for. */
export const nearest: readonly number[] = [1, 0];

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

export interface Subject {
  readonly name: string;
  /** The documents of the common set that the store takes, as it takes them; those it can't hold are left out. */
  place(documents: readonly Placed[]): readonly Placed[];
  start(documents: readonly Placed[]): Promise<{
    readonly url: string;
    /** `kind`, and what the kind needs; collections are given `collection`. */
    readonly store: Record<string, unknown>;
    /** What the collection needs beside its fields. */
    readonly collection?: Record<string, unknown>;
    close(): Promise<void>;
  }>;
  /** Filters that callers may have, in the store's words; `undefined` is none. */
  readonly filters: fc.Arbitrary<Json | undefined>;
  /** The search for {@link nearest}; `through` the gateway, where that is addressed otherwise. */
  ask(filter: Json | undefined, topK: number, through: boolean): Asked;
  /** The ids of an answer, in its order; undefined where the store says in it that the filter is none. */
  ids(answer: unknown): string[] | undefined;
  /** The fields, where the store can't have the usual ones. */
  readonly fields?: Record<string, unknown>;
}

const field = (name: string, type: FieldConfig["type"], form?: "epoch_s"): [string, FieldConfig] => [
  name,
  { name, path: [name], type, ...(form === undefined ? {} : { form }) },
];
export const fields = new Map([
  field("tenant", "string"),
  field("level", "number"),
  field("open", "boolean"),
  field("groups", "strings"),
  field("created", "time", "epoch_s"),
]);

/** Values that are stored where policy looks: of the field's type, and of all others. */
const stored: readonly (Json | undefined)[] = [
  ...[undefined, null, "a", "b", "ab", "A", "", "5", "true", "a.b", "it's", 'a"b', "ü"],
  ...[5, 6, 0, 1, -1, 5.5, 2 ** 40, true, false],
  ...[["a"], ["a", "b"], [], ["5"], [5], [5, "a"], [true], [null], ["a", null], { a: "a" }],
];

/** Documents that between them have each value in each field. */
export function commonSet(): Placed[] {
  const names = [...fields.keys()];
  return stored.flatMap((_, row) =>
    [0, 1].map((turn): Placed => {
      const metadata: JsonObject = {};
      for (const [column, name] of names.entries()) {
        // neighbours differ, so that fields don't go together
        const value = stored[(row * (turn === 0 ? 1 : 7) + column * (turn === 0 ? 5 : 11)) % stored.length];
        if (value !== undefined) metadata[name] = value;
      }
      const place = row * 2 + turn;
      const angle = (place * 37) % 64;
      return { id: `d${place}`, vector: [Math.cos(angle / 50), Math.sin(angle / 50)], metadata };
    }),
  );
}

const scalars = fc.constantFrom<string | number | boolean>(
  ...["a", "b", "ab", "A", "", "5", "true", "it's", 'a"b', "ü", 5, 6, 0, -1, 5.5, true, false],
);
const operators = [
  ...["eq", "ne", "lt", "le", "gt", "ge", "in", "nin", "contains", "startswith", "endswith", "exists"],
];
const leaf = fc
  .record({
    operator: fc.constantFrom(...operators),
    name: fc.constantFrom(...fields.keys()),
    one: scalars,
    several: fc.array(scalars, { maxLength: 3 }),
    text: fc.constantFrom("a", "b", "ab", "", "5"),
    yes: fc.boolean(),
  })
  .map(({ operator, name, one, several, text, yes }): Condition => {
    const value =
      operator === "in" || operator === "nin"
        ? several
        : operator === "exists"
          ? yes
          : ["contains", "startswith", "endswith"].includes(operator)
            ? text
            : one;
    return { type: "field", operator, field: name, value } as Condition;
  });
const compound = (operator: "and" | "or" | "not", value: readonly Condition[]): Condition => ({
  type: "compound",
  operator,
  value,
});
export const { condition: conditions } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((value) => compound("and", value)),
    fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((value) => compound("or", value)),
    tie("condition").map((one) => compound("not", [one])),
  ),
}));

/** In `make test-all`, more. */
const runs = Number(process.env["RETRIEVAL_RUNS"] ?? 40);

/** Declares the property of a store. */
export function holdProperty(subject: Subject): void {
  let lab: StoreLab;
  let url = "";
  let end: () => Promise<void> = () => Promise.resolve();
  const documents = subject.place(commonSet());
  const byId = new Map(documents.map((one) => [one.id, one]));

  beforeAll(async () => {
    const started = await subject.start(documents);
    url = started.url;
    const collection = {
      fields: subject.fields ?? {
        ...{ tenant: "tenant", level: { type: "number" }, open: { type: "boolean" } },
        ...{ groups: { type: "strings" }, created: { type: "time", form: "epoch_s" } },
      },
      ...started.collection,
    };
    lab = await startStoreLab(started.url, { ...started.store, collections: { docs: collection } });
    end = async () => {
      await lab.close();
      await started.close();
    };
  }, 60_000);
  afterAll(() => end());

  const directly = async (filter: Json | undefined): Promise<string[] | undefined> => {
    const { method, path, body, headers = {} } = subject.ask(filter, documents.length, false);
    const response = await fetch(url.replace(/\/$/, "") + path, {
      method,
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the store said ${response.status}: ${text.slice(0, 300)}`);
    return subject.ids(JSON.parse(text));
  };

  /** Keeps, in the phase `response`, the documents of which a second condition holds. */
  const decide =
    (condition: Condition, second: Condition) =>
    ({ action, resource }: Call) => {
      const { documents: shown } = resource.properties;
      if (action.properties["phase"] === "request") {
        return {
          allow: true,
          obligations: [{ id: "f", type: "filter", properties: { condition: condition as never } }],
        };
      }
      const kept = (Array.isArray(shown) ? shown : []).flatMap((one, i) =>
        isObject(one) && holds(second, one as never) ? [i] : [],
      );
      return {
        allow: true,
        obligations: [{ id: "k", type: "keep_documents", properties: { documents: kept } }],
      };
    };

  test(
    `${subject.name}: through the gateway comes what the store gives and policy allows, and nothing else`,
    async () => {
      // a set in which hardly anything can be stored would prove nothing
      expect(documents.length).toBeGreaterThan(20);
      await fc.assert(
        fc.asyncProperty(
          conditions,
          conditions,
          subject.filters,
          fc.integer({ min: 1, max: 12 }),
          fc.boolean(),
          async (condition, second, filter, few, cut) => {
            lab.sidecar.decide = decide(condition, second);
            const topK = cut ? few : documents.length;
            const { method, path, body, headers } = subject.ask(filter, topK, true);
            const [direct, answer] = await Promise.all([
              directly(filter),
              lab.ask(method, path, body, headers),
            ]);
            // what the store itself doesn't take proves nothing
            fc.pre(direct !== undefined);
            if (answer.status !== 200)
              throw new Error(`${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`);
            const read = (id: string) => readDocument(byId.get(id)?.metadata ?? {}, fields.values());
            // the condition is met in the store, what policy says of each comes after top-k
            const expected = (direct ?? []).filter((id) => holds(condition, read(id))).slice(0, topK);
            expect(subject.ids(answer.body)).toEqual(expected.filter((id) => holds(second, read(id))));
          },
        ),
        { numRuns: runs, endOnFailure: true },
      );
    },
    Math.max(120_000, runs * 200),
  );
}
