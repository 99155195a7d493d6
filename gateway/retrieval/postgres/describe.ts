/** Says what a statement does to collections. INVARIANT: sizes, digests and names of columns; no text, vector or value. */
import { createHash } from "node:crypto";
import type { QueryFacts, StoreAsk } from "../adapter.js";
import type { Amount, Select } from "./sql/select.js";
import type { Reading } from "./sql/read.js";
import { NotAllowed } from "./sql/refuse.js";
import type { Value } from "./sql/values.js";

/** What the gateway calls kinds of statements. */
export const routeOf = { rows: "sql.select", count: "sql.count", derived: "sql.derived" } as const;

/**
 * Gives an ask for each table that a query names.
 * @param values absent while they aren't bound yet
 */
export function asksOf(select: Select, values: readonly Value[] | undefined): StoreAsk[] {
  const { reading, shape } = select;
  if (reading.uses.length === 0) return [{ action: "store.describe", effect: "describe", name: "" }];
  const offset = amount(select.offset, values) ?? 0;
  const limit = amount(select.limit, values);
  return reading.uses.map(({ name, collection, top }): StoreAsk => {
    const most = collection?.limits.topK ?? 1;
    const query = { ...factsOf(reading, values), top_k: Math.min(limit ?? most, most), offset };
    const looked = shape === "rows" && top;
    return {
      action: shape === "count" ? "retrieval.count" : "retrieval.query",
      effect: looked ? "find" : "count",
      ...{ name, collection, query },
    };
  });
}

function factsOf(
  { operands, fields, vectors, sorts, matches, filters }: Reading,
  values: readonly Value[] | undefined,
): Omit<QueryFacts, "top_k"> {
  const given = operands.flatMap((one): (Buffer | null)[] =>
    "text" in one
      ? [Buffer.from(one.text)]
      : values === undefined
        ? []
        : [values[one.param - 1]?.bytes ?? null],
  );
  const known = given.filter((one) => one !== null);
  const digest = createHash("sha256");
  for (const one of known) digest.update(one);
  const dimensions = known.map(dimensionsOf).reduce((most, one) => Math.max(most, one), 0);
  const measured = operands.length > 0 || (sorts && known.length > 0);
  return {
    kinds: [
      ...(measured ? (["vector"] as const) : []),
      ...(matches ? (["text"] as const) : []),
      ...(filters || !measured ? (["filter"] as const) : []),
    ],
    fields: fields.slice(0, 64),
    vectors,
    ...(known.length === 0
      ? {}
      : {
          ...{ dimensions, sha256: digest.digest("hex") },
          bytes: known.reduce((sum, { length }) => sum + length, 0),
        }),
  };
}

/** Of a vector in its text form, `[1,2]` or `{1:2}/3`, or as the extension sends it. */
function dimensionsOf(bytes: Buffer): number {
  const first = bytes[0];
  if (first === 0x5b) return bytes.reduce((sum, byte) => sum + (byte === 0x2c ? 1 : 0), 1);
  if (first === 0x7b) return Number(/\/(\d{1,9})\s*$/.exec(bytes.subarray(-16).toString("latin1"))?.[1] ?? 0);
  return bytes.length >= 4 ? bytes.readUInt16BE(0) : 0;
}

/** @throws NotAllowed where a parameter is no number */
export function amount(one: Amount, values: readonly Value[] | undefined): number | undefined {
  if (one.kind === "number") return one.value;
  if (one.kind === "none" || values === undefined) return undefined;
  const value = values[one.number - 1];
  if (value?.bytes === null || value === undefined) return undefined;
  const { bytes, binary } = value;
  const number = binary
    ? bytes.length === 8
      ? Number(bytes.readBigInt64BE())
      : bytes.length === 4
        ? bytes.readInt32BE()
        : NaN
    : Number(bytes.toString("latin1"));
  if (!Number.isSafeInteger(number) || number < 0)
    throw new NotAllowed("22023", "LIMIT and OFFSET must be whole numbers that aren't negative");
  return number;
}
