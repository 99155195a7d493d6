/** Fields in all the ways that an index can have them, what may be stored in them, and conditions on them. */
import { fc } from "../../../../properties.js";
import type { Condition, Scalar } from "../../../../../sidecar/contract.js";
import type { FieldConfig } from "../../../../../gateway/retrieval/document.js";
import type { FieldMapping } from "../../../../../gateway/retrieval/stores/search/settings.js";
import type { Mapped, Source } from "./matches.js";

/** A field, how the index has it, and how the configuration says that it has it. */
export interface Case {
  readonly field: FieldConfig;
  readonly mapped: Mapped;
  readonly stated: Omit<FieldMapping, "uniform">;
}

const plain = { ignoreAbove: 256, normalizer: false, ignoreMalformed: false };

function oneCase(
  name: string,
  type: FieldConfig["type"],
  mapped: Mapped,
  more: Partial<FieldMapping & Pick<FieldConfig, "form">> = {},
): Case {
  const { form, ...stated } = more;
  return {
    field: { name, path: [name], type, ...(form === undefined ? {} : { form }) },
    mapped,
    stated: { type: mapped.type, field: name, ...plain, ...stated },
  };
}

export const cases: readonly Case[] = [
  oneCase("word", "string", { type: "keyword" }),
  oneCase("short", "string", { type: "keyword", ignore_above: 3 }, { ignoreAbove: 3 }),
  oneCase("lower", "string", { type: "keyword", normalizer: "lowercase" }, { normalizer: true }),
  oneCase("filled", "string", { type: "keyword", null_value: "a" }),
  oneCase("listed", "strings", { type: "keyword" }),
  oneCase("flag", "boolean", { type: "boolean" }),
  oneCase("loose_flag", "boolean", { type: "boolean", ignore_malformed: true }, { ignoreMalformed: true }),
  oneCase("whole", "number", { type: "long" }),
  oneCase("strict_whole", "number", { type: "integer", coerce: false }),
  oneCase("small", "number", { type: "byte", ignore_malformed: true }, { ignoreMalformed: true }),
  oneCase("real", "number", { type: "double" }),
  oneCase("rough", "number", { type: "float" }),
  oneCase("time", "time", { type: "date" }),
  oneCase("fine_time", "time", { type: "date_nanos" }),
  oneCase("loose_time", "time", { type: "date", ignore_malformed: true }, { ignoreMalformed: true }),
  oneCase("epoch", "time", { type: "long" }, { form: "epoch_s" }),
  oneCase("epoch_ms", "time", { type: "long" }, { form: "epoch_ms" }),
  oneCase("real_epoch_ms", "time", { type: "double" }, { form: "epoch_ms" }),
  oneCase("dated_ms", "time", { type: "date" }, { form: "epoch_ms" }),
];

export const texts = ["a", "A", "b", "ab", "abcd", "", "5", "true", "*", "a*b", "é", "\u{1F600}", "\uffff"];
export const numbers = [
  0,
  -0,
  1,
  -1,
  5,
  5.5,
  5.7,
  6,
  -5.5,
  0.1,
  0.10000000149011612,
  1e-60,
  127,
  300,
  2 ** 31,
];
export const times = [
  ...[
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00.0005Z",
    "1970-01-01T00:00:00.001Z",
    "1970-01-01t00:00:01z",
  ],
  ...[
    "1970-01-01T00:00:01Z",
    "1970-01-01 00:00:01Z",
    "1970-01-01T01:00:01+01:00",
    "2026-02-03T04:05:06.789Z",
  ],
];
const seconds = [0, 0.001, 0.0005, 1, 1.5, 1.001, 1770091506.789, -1];
const scalar = fc.oneof(
  fc.constantFrom<Source[string]>(...texts, ...numbers, ...times, true, false, null),
  fc.constantFrom<Source[string]>(...seconds.map((one) => one * 1_000)),
);
export const stored = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }));

function valuesOf({ field }: Case): readonly Scalar[] {
  const byType: Record<FieldConfig["type"], readonly Scalar[]> = {
    ...{ string: texts, strings: texts, number: numbers, time: seconds, boolean: [true, false] },
  };
  return byType[field.type];
}

const leaf = (one: Case): fc.Arbitrary<Condition> => {
  const value = fc.constantFrom(...valuesOf(one));
  const { name } = one.field;
  const make = (operator: string, given: unknown): Condition =>
    ({ type: "field", operator, field: name, value: given }) as Condition;
  return fc.oneof(
    fc
      .tuple(fc.constantFrom("eq", "ne", "lt", "le", "gt", "ge"), value)
      .map(([operator, given]) => make(operator, given)),
    fc
      .tuple(fc.constantFrom("in", "nin"), fc.array(value, { maxLength: 3 }))
      .map(([operator, given]) => make(operator, given)),
    fc
      .tuple(fc.constantFrom("contains", "startswith", "endswith"), fc.constantFrom(...texts))
      .map(([operator, given]) => make(operator, given)),
    fc.boolean().map((given) => make("exists", given)),
  );
};

export const condition = (one: Case): fc.Arbitrary<Condition> =>
  fc.letrec<{ any: Condition }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      leaf(one),
      fc
        .tuple(fc.constantFrom("and", "or"), fc.array(tie("any"), { minLength: 1, maxLength: 3 }))
        .map(([operator, value]): Condition => ({ type: "compound", operator: operator as "and", value })),
      tie("any").map((value): Condition => ({ type: "compound", operator: "not", value: [value] })),
    ),
  })).any;
