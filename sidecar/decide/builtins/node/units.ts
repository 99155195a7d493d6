/** Amounts with units. Source: OPA, v1/topdown/parse_units.go, parse_bytes.go. */
import { numberOf } from "../../engine/read-value.js";
import { floatOf, multiplyFloats, truncateFloat } from "../big-float.js";
import { BuiltinLimit } from "../limit.js";
import { fault, longestName, stringOperand } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

/** Decimal digits of the largest amount, and of the smallest. */
const mostDigits = 10_000;

/** Powers of 1,000 and, with an `i`, of 1,024. */
const powers = ["", "k", "m", "g", "t", "p", "e"] as const;
const sizes: ReadonlyMap<string, bigint> = new Map(
  powers.flatMap((letter, power): (readonly [string, bigint])[] =>
    power === 0
      ? [["", 1n]]
      : [
          [letter, 1000n ** BigInt(power)],
          [`${letter}i`, 1024n ** BigInt(power)],
        ],
  ),
);

/** Parts the number from its unit; undefined where the exponent is too large. */
function numberAndUnit(text: string): readonly [string, string] | undefined {
  for (let i = 0; i < text.length; i++) {
    const sign = text.charAt(i);
    if (sign === "e" || sign === "E") {
      if (!/^[0-9+-]/.test(text.slice(i + 1, i + 2))) return [text.slice(0, i), text.slice(i)];
      if (/^[+-]/.test(text.slice(i + 1, i + 2))) i++;
      if (/^[0-9]{7}/.test(text.slice(i + 1, i + 8))) return undefined;
    } else if (!/[0-9.+-]/.test(sign)) return [text.slice(0, i), text.slice(i)];
  }
  return [text, ""];
}

/** Digits and the power of ten; undefined where it is no number. @throws BuiltinLimit */
function decimalOf(text: string): { readonly digits: bigint; readonly power: number } | undefined {
  const match = /^([-+]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([-+]?[0-9]+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const power = Number(exponent) - fraction.length;
  if (text.length > mostDigits || Math.abs(power) > mostDigits) {
    throw new BuiltinLimit("an amount that is too large");
  }
  const digits = BigInt(`0${whole}${fraction}`);
  return { digits: sign === "-" ? -digits : digits, power };
}

/** Go's 0.001 is a double: this, over 2^60. */
const milli = { above: 1152921504606847n, below: 2n ** 60n };

const parse: NodeBuiltin = (_context, value) => {
  const text = stringOperand(value, 1, longestName).replaceAll('"', "");
  if (text.includes(" ")) throw fault("units.parse: spaces not allowed in resource strings");
  const parts = numberAndUnit(text);
  if (parts === undefined) throw fault("units.parse: exponent too large");
  const [number, written] = parts;
  if (number === "") throw fault("units.parse: no amount provided");
  // the first letter keeps its case: m is a thousandth, M a million
  const [first = "", ...others] = written;
  const unit = firstByte(first) + lower(others.join(""));
  const scale =
    unit === "m"
      ? milli
      : { above: sizes.get(/^[KMGTPE]i?$/.test(unit) ? unit.toLowerCase() : unit), below: 1n };
  if (scale.above === undefined) throw fault(`units.parse: unit ${unit} not recognized`);
  const amount = decimalOf(number);
  if (amount === undefined) throw fault("units.parse: could not parse amount to a number");
  const ten = 10n ** BigInt(Math.abs(amount.power));
  const above = amount.digits * scale.above * (amount.power > 0 ? ten : 1n);
  return numberOf(quotientText(above, scale.below * (amount.power < 0 ? ten : 1n)));
};

/** Go cuts a unit behind its first byte, whatever that leaves of a character. */
function firstByte(sign: string): string {
  return sign > "\x7f" ? "\ufffd".repeat(Buffer.byteLength(sign)) : sign;
}

/** An integer, or ten digits behind the point; half and more rounds away from zero. */
function quotientText(above: bigint, below: bigint): string {
  if (above % below === 0n) return (above / below).toString();
  const size = above < 0n ? -above : above;
  const scaled = size * 10n ** 10n;
  const whole = scaled / below + ((scaled % below) * 2n >= below ? 1n : 0n);
  const digits = whole.toString().padStart(11, "0");
  return `${above < 0n ? "-" : ""}${digits.slice(0, -10)}.${digits.slice(-10)}`;
}

const parseBytes: NodeBuiltin = (_context, value) => {
  const text = lower(stringOperand(value, 1, longestName)).replaceAll('"', "");
  if (text.includes(" ")) throw fault("units.parse_bytes: spaces not allowed in resource strings");
  const parts = numberAndUnit(text);
  if (parts === undefined) throw fault("units.parse_bytes: exponent too large");
  const [number, unit] = parts;
  if (number === "") throw fault("units.parse_bytes: no byte amount provided");
  const size = sizes.get(unit === "b" ? unit : unit.replace(/b$/, ""));
  if (size === undefined) throw fault(`units.parse_bytes: byte unit ${unit} not recognized`);
  if (decimalOf(number) === undefined) {
    throw fault("units.parse_bytes: could not parse byte amount to a number");
  }
  const amount = multiplyFloats(floatOf(number), { negative: false, mantissa: size, exponent: 0 });
  return numberOf(truncateFloat(amount).toString());
};

/** Go lowers each character by itself. */
function lower(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase();
  return [...text].map((sign) => (sign === "\u0130" ? "i" : sign.toLowerCase())).join("");
}

export const units: readonly (readonly [string, NodeBuiltin])[] = [
  ["units.parse", parse],
  ["units.parse_bytes", parseBytes],
];
