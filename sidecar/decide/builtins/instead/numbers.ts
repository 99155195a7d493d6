/** Arithmetic as OPA's Go code does it: OPA's C code computes in decimals, and loses digits beyond 64 bits. */
import { JsonNumber } from "../../../contract.js";
import type { RegoValue } from "../../engine/value.js";
import { RegoSet, typeName } from "../../engine/value.js";
import { numberOf } from "../../engine/read-value.js";
import type { Builtin } from "../builtin.js";
import { BuiltinFault } from "../builtin.js";
import { BuiltinLimit } from "../limit.js";
import type { BigFloat } from "../big-float.js";
import {
  addFloats,
  decimalOf,
  divideFloats,
  floatOf,
  floatText,
  multiplyFloats,
  negateFloat,
  truncateFloat,
} from "../big-float.js";
import type { Instead } from "./instead.js";
import { moduleIsRight } from "./instead.js";

type Number_ = number | JsonNumber;

const textOf = (value: Number_): string => (typeof value === "number" ? String(value) : value.text);
const isSmall = (value: Number_): value is number =>
  typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= 2 ** 31 - 1;
const fromInteger = (value: bigint): RegoValue => numberOf(value.toString());
const fromFloat = (value: BigFloat, precision?: number): RegoValue => numberOf(floatText(value, precision));
const tooLarge = 1_000_000n;

/** Gives the integer that a number is, as `1e3` and `2.0` are, too; undefined for others. */
export function integerOf(value: Number_): bigint | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  const { negative, digits, exponent } = decimalOf(textOf(value));
  const size = exponent >= 0 ? digits * 10n ** BigInt(exponent) : digits / 10n ** BigInt(-exponent);
  if (exponent < 0 && size * 10n ** BigInt(-exponent) !== digits) return undefined;
  return negative ? -size : size;
}

const isNumber = (value: RegoValue | undefined): value is Number_ =>
  typeof value === "number" || value instanceof JsonNumber;

function numberOperand(value: RegoValue | undefined, place: number, ...types: string[]): Number_ {
  if (isNumber(value)) return value;
  const wanted = types.length === 0 ? "number" : types.join(", ");
  throw new BuiltinFault(
    "eval_type_error",
    `operand ${place} must be ${types.length > 1 ? `one of {${wanted}}` : wanted} but got ${typeName(value ?? null)}`,
  );
}

interface Operation {
  /** Undefined where the result isn't exact. */
  readonly small: (x: number, y: number) => number | undefined;
  readonly exact?: (x: bigint, y: bigint) => bigint;
  readonly float: (x: BigFloat, y: BigFloat) => BigFloat;
}

function compute({ small, exact, float }: Operation, a: Number_, b: Number_): RegoValue {
  if (isSmall(a) && isSmall(b)) {
    const value = small(a, b);
    if (value !== undefined)
      return Object.is(value, -0)
        ? 0
        : Number.isSafeInteger(value)
          ? value
          : fromInteger((exact ?? noExact)(BigInt(a), BigInt(b)));
  }
  if (exact !== undefined) {
    const x = integerOf(a);
    const y = x === undefined ? undefined : integerOf(b);
    if (x !== undefined && y !== undefined) return fromInteger(exact(x, y));
  }
  return fromFloat(float(floatOf(textOf(a)), floatOf(textOf(b))));
}

function noExact(): bigint {
  throw new BuiltinFault("eval_builtin_error", "illegal value");
}

const plus: Operation = { small: (x, y) => x + y, exact: (x, y) => x + y, float: addFloats };
const minus: Operation = {
  small: (x, y) => x - y,
  exact: (x, y) => x - y,
  float: (x, y) => addFloats(x, negateFloat(y)),
};
const multiply: Operation = { small: (x, y) => x * y, exact: (x, y) => x * y, float: multiplyFloats };
const divide: Operation = {
  small: (x, y) => {
    if (y === 0) throw new BuiltinFault("eval_builtin_error", "divide by zero");
    return x !== 0 && x % y === 0 ? x / y : undefined;
  },
  float: divideFloats,
};
const remainder: Operation = {
  small: (x, y) => {
    if (y === 0) throw new BuiltinFault("eval_builtin_error", "modulo by zero");
    return x % y;
  },
  exact: (x, y) => {
    if (y === 0n) throw new BuiltinFault("eval_builtin_error", "modulo by zero");
    return x % y;
  },
  float: () => {
    throw new BuiltinFault("eval_builtin_error", "modulo on floating-point number");
  },
};

const binary =
  (operation: Operation): Builtin =>
  (_context, a, b) =>
    compute(operation, numberOperand(a, 1), numberOperand(b, 2));

/** Sums and products: exact where all are integers, else floats from the first on. */
const accumulate =
  (
    start: bigint,
    exact: (x: bigint, y: bigint) => bigint,
    floats: (all: readonly BigFloat[]) => RegoValue,
  ): Builtin =>
  (_context, collection) => {
    const items =
      collection instanceof RegoSet
        ? collection.items
        : Array.isArray(collection)
          ? (collection as readonly RegoValue[])
          : undefined;
    if (items === undefined) {
      throw new BuiltinFault(
        "eval_type_error",
        `operand 1 must be one of {set, array} but got ${typeName(collection ?? null)}`,
      );
    }
    const numbers = items.map((item) => {
      if (isNumber(item)) return item;
      throw new BuiltinFault(
        "eval_type_error",
        `operand 1 must be ${typeName(collection ?? null)} of numbers but got ${typeName(collection ?? null)} containing ${typeName(item)}`,
      );
    });
    let total: bigint | undefined = start;
    for (const number of numbers) {
      const value: bigint | undefined = total === undefined ? undefined : integerOf(number);
      total = value === undefined || total === undefined ? undefined : exact(total, value);
    }
    return total === undefined
      ? floats(numbers.map((number) => floatOf(textOf(number))))
      : fromInteger(total);
  };

const zero: BigFloat = { negative: false, mantissa: 0n, exponent: 0 };
const one: BigFloat = { negative: false, mantissa: 1n, exponent: 0 };
/** OPA begins a product with `big.NewFloat(1)`, whose 53 bits it keeps. */
const productBits = 53;

const formats: Readonly<Record<string, number>> = { "2": 2, "8": 8, "10": 10, "16": 16 };

function bigOperand(value: RegoValue | undefined, place: number): bigint {
  if (!isNumber(value)) {
    throw new BuiltinFault(
      "eval_type_error",
      `operand ${place} must be integer but got ${typeName(value ?? null)}`,
    );
  }
  const found = integerOf(value);
  if (found === undefined) {
    throw new BuiltinFault(
      "eval_type_error",
      `operand ${place} must be integer number but got floating-point number`,
    );
  }
  return found;
}

const bitwise =
  (operation: (a: bigint, b: bigint) => bigint): Builtin =>
  (_context, a, b) =>
    fromInteger(operation(bigOperand(a, 1), bigOperand(b, 2)));

function shiftOf(value: bigint): bigint {
  if (value < 0n) {
    throw new BuiltinFault(
      "eval_type_error",
      "operand 2 must be an unsigned integer number but got a negative integer",
    );
  }
  return value;
}

export const numbers: ReadonlyMap<string, Instead> = new Map<string, Instead>([
  ["plus", binary(plus)],
  ["mul", binary(multiply)],
  ["div", binary(divide)],
  ["rem", binary(remainder)],
  [
    "minus",
    (context, a, b) => (a instanceof RegoSet ? moduleIsRight : binary(minus)(context, a ?? null, b ?? null)),
  ],
  [
    "abs",
    (_context, a) => {
      const value = numberOperand(a, 1);
      return isSmall(value) ? Math.abs(value) : fromFloat({ ...floatOf(textOf(value)), negative: false });
    },
  ],
  [
    "sum",
    accumulate(
      0n,
      (x, y) => x + y,
      (all) => fromFloat(all.reduce(addFloats, zero)),
    ),
  ],
  [
    "product",
    accumulate(
      1n,
      (x, y) => {
        const value = x * y;
        if (value > 1n << tooLarge || -value > 1n << tooLarge) throw new BuiltinLimit("a huge product");
        return value;
      },
      (all) =>
        fromFloat(
          all.reduce((x, y) => multiplyFloats(x, y, productBits), one),
          productBits,
        ),
    ),
  ],
  [
    "format_int",
    (_context, a, b) => {
      const value = numberOperand(a, 1);
      const radix = formats[textOf(numberOperand(b, 2))];
      if (radix === undefined)
        throw new BuiltinFault("eval_type_error", "operand 2 must be one of {2, 8, 10, 16}");
      const text = textOf(value);
      return (
        /^[-+]?\d+$/.test(text) ? BigInt(text.replace("+", "")) : truncateFloat(floatOf(text))
      ).toString(radix);
    },
  ],
  ["bits.and", bitwise((a, b) => a & b)],
  ["bits.or", bitwise((a, b) => a | b)],
  ["bits.xor", bitwise((a, b) => a ^ b)],
  ["bits.negate", (_context, a) => fromInteger(~bigOperand(a, 1))],
  [
    "bits.lsh",
    bitwise((a, b) => {
      if (shiftOf(b) > tooLarge) throw new BuiltinLimit("a huge shift");
      return a << b;
    }),
  ],
  ["bits.rsh", bitwise((a, b) => a >> (shiftOf(b) > tooLarge ? tooLarge : b))],
]);
