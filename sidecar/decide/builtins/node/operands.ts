/** Takes the arguments of a built-in, with OPA's words where one is wrong. Source: OPA, v1/topdown/builtins. */
import { JsonNumber } from "../../../contract.js";
import type { RegoValue } from "../../engine/value.js";
import { RegoObject, RegoSet, typeName } from "../../engine/value.js";
import { BuiltinFault } from "../builtin.js";
import { BuiltinLimit } from "../limit.js";

/** Characters of the longest text that a built-in gives. */
export const longestText = 4 * 2 ** 20;
/** Characters of the longest text that a built-in takes. */
const longestOperand = 2 ** 20;
/** Characters of the longest address, time, version and the like. */
export const longestName = 2 ** 16;

type Operand = RegoValue | undefined;

/** Makes the error for what isn't an argument's type, but another thing that is wrong. */
export function fault(message: string): BuiltinFault {
  return new BuiltinFault("eval_builtin_error", message);
}

export function operandFault(place: number, message: string): BuiltinFault {
  return new BuiltinFault("eval_type_error", `operand ${place} ${message}`);
}

export function typeFault(place: number, value: Operand, ...expected: readonly string[]): BuiltinFault {
  const wanted = expected.length === 1 ? expected.join() : `one of {${expected.join(", ")}}`;
  return operandFault(place, `must be ${wanted} but got ${typeName(value ?? null)}`);
}

/** @throws BuiltinFault where it is no string, BuiltinLimit where it is too long */
export function stringOperand(value: Operand, place: number, longest = longestOperand): string {
  if (typeof value !== "string") throw typeFault(place, value, "string");
  if (value.length > longest) throw new BuiltinLimit("a string that is too long");
  return value;
}

export function arrayOperand(value: Operand, place: number): readonly RegoValue[] {
  if (!Array.isArray(value)) throw typeFault(place, value, "array");
  return value as readonly RegoValue[];
}

export function objectOperand(value: Operand, place: number): RegoObject {
  if (!(value instanceof RegoObject)) throw typeFault(place, value, "object");
  return value;
}

/** Gives the items of an array or a set; undefined for others. */
export function itemsOf(value: Operand): readonly RegoValue[] | undefined {
  if (value instanceof RegoSet) return value.items;
  return Array.isArray(value) ? (value as readonly RegoValue[]) : undefined;
}

/** Gives the strings of an array or a set. */
export function stringsOperand(value: Operand, place: number): readonly string[] {
  const items = itemsOf(value);
  if (items === undefined) throw typeFault(place, value, "array", "set");
  const other = items.find((item) => typeof item !== "string");
  if (other !== undefined) {
    const type = typeName(value ?? null);
    throw operandFault(place, `must be ${type} of strings but got ${type} containing ${typeName(other)}`);
  }
  return items as readonly string[];
}

/** Gives a number's text; undefined for others. */
export function numberText(value: Operand): string | undefined {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return value instanceof JsonNumber ? value.text : undefined;
}

export function numberOperand(value: Operand, place: number): string {
  const text = numberText(value);
  if (text === undefined) throw typeFault(place, value, "number");
  return text;
}

const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n];

/** Gives the 64-bit integer that Go's OPA reads in a number: `12` and `12.0`, but no `1e3`. */
export function int64Of(text: string): bigint | undefined {
  const match = /^([-+]?)(\d+)(\.0*)?$/.exec(text);
  if (match === null || text.length - (match[1] ?? "").length > 19) return undefined;
  const value = BigInt(`${match[1] === "-" ? "-" : ""}${match[2] ?? ""}`);
  return value < least || value > most ? undefined : value;
}

/** @throws BuiltinFault where it is no 64-bit integer */
export function integerOperand(value: Operand, place: number): bigint {
  const integer = int64Of(numberOperand(value, place));
  if (integer === undefined)
    throw operandFault(place, "must be integer number but got floating-point number");
  return integer;
}

/** Decimal digits of the largest integer that a built-in computes with. */
const mostDigits = 10_000;

/** Gives the integer of any size that a number is, as `1e3` and `2.0` are, too. */
export function bigIntegerOperand(value: Operand, place: number): bigint {
  const text = numberText(value);
  if (text === undefined) throw typeFault(place, value, "integer");
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = (whole + fraction).replace(/0+$/, "");
  const zeros = whole.length + fraction.length - digits.length + Number(exponent) - fraction.length;
  if (digits === "" || digits === "-") return 0n;
  if (zeros < 0) throw operandFault(place, "must be integer number but got floating-point number");
  if (digits.length + zeros > mostDigits) throw new BuiltinLimit("an integer that is too large");
  return BigInt(digits + "0".repeat(zeros));
}
