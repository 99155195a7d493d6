/** Conditions on numbers in Chroma's `where`, see {@link ./filter.ts}: exact for whole numbers and fractions alike. */
import type { JsonObject } from "../../../../sidecar/contract.js";

const most = Number.MAX_SAFE_INTEGER;

/** What can be said of the number under a key. */
interface Sayings {
  /** There is one; a whole number beyond 2^53 counts as none (see `plainNumber`). */
  readonly there: JsonObject;
  oneOf(values: readonly number[]): JsonObject;
  /** Holds also where there is none. */
  noneOf(values: readonly number[]): JsonObject;
  lt(value: number): JsonObject;
  le(value: number): JsonObject;
  gt(value: number): JsonObject;
  ge(value: number): JsonObject;
}

export const numbers = {
  /** Tells whether a number can be asked for. */
  takes: (value: number): boolean =>
    Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value)),

  of(key: string): Sayings {
    const is = (operator: string, value: number): JsonObject => ({
      // minus nothing would be written as a fraction
      [key]: { [operator]: value === 0 ? 0 : value },
    });
    const least = is("$gte", -most);
    const greatest = is("$lte", most);
    const below = (operator: "$lt" | "$lte", value: number): JsonObject =>
      Number.isInteger(value)
        ? { $and: [is(operator, value), least] }
        : {
            $and: [
              { $or: [is(operator, value), is("$lte", Math.floor(value))] },
              is("$lt", Math.ceil(value)),
              least,
            ],
          };
    const above = (operator: "$gt" | "$gte", value: number): JsonObject =>
      Number.isInteger(value)
        ? { $and: [is(operator, value), greatest] }
        : {
            $and: [
              { $or: [is(operator, value), is("$gte", Math.ceil(value))] },
              is("$gt", Math.floor(value)),
              greatest,
            ],
          };
    const split = (values: readonly number[]) => ({
      whole: values.filter((one) => Number.isInteger(one)).map((one) => (one === 0 ? 0 : one)),
      fractions: values.filter((one) => !Number.isInteger(one)),
    });
    return {
      there: { $and: [least, greatest] },
      oneOf(values) {
        const { whole, fractions } = split(values);
        const said: JsonObject[] = whole.length === 0 ? [] : [{ [key]: { $in: whole } }];
        for (const one of fractions)
          said.push({ $and: [is("$eq", one), is("$gt", Math.floor(one)), is("$lt", Math.ceil(one))] });
        return joined("$or", said);
      },
      noneOf(values) {
        const { whole, fractions } = split(values);
        const said: JsonObject[] = whole.length === 0 ? [] : [{ [key]: { $nin: whole } }];
        // what `$ne` leaves out too much is the whole number that the fraction was cut to
        for (const one of fractions) {
          const cut = Math.trunc(one);
          said.push(
            whole.includes(cut === 0 ? 0 : cut) ? is("$ne", one) : { $or: [is("$ne", one), is("$eq", cut)] },
          );
        }
        return joined("$and", said);
      },
      lt: (value) => below("$lt", value),
      le: (value) => below("$lte", value),
      gt: (value) => above("$gt", value),
      ge: (value) => above("$gte", value),
    };
  },
};

function joined(operator: "$and" | "$or", said: readonly JsonObject[]): JsonObject {
  const [first] = said;
  return said.length === 1 && first !== undefined ? first : { [operator]: [...said] };
}
