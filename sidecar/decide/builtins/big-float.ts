/**
 * Go's `big.Float` as OPA computes with it: binary, rounded to nearest even, 64 bits of mantissa unless told otherwise.
 * What is no integer in Rego is such a number, so that 0.1 * 3 is OPA's to the last digit.
 * Source: Go, math/big (float.go, ftoa.go, floatconv.go); OPA, v1/topdown/arithmetic.go.
 */
import { BuiltinFault } from "./builtin.js";
import { BuiltinLimit } from "./limit.js";

/** `mantissa × 2^exponent`; zero has the mantissa 0 and may be negative. INVARIANT: at most {@link bits} long. */
export interface BigFloat {
  readonly negative: boolean;
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** Precision of a `big.Float` that was read from text. */
export const bits = 64;
/** Decimal exponents beyond this cost more than one evaluation may. */
const mostExponent = 100_000;

/** Bits at which Go multiplies powers of five; the last of them that it has in a table. */
const [powerBits, stepBits, exactPowers] = [128, 192, 27];

const length = (value: bigint): number => {
  const hex = value.toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
};

/** Rounds to nearest, ties to even; `sticky`: there is more below the last bit. */
function rounded(
  negative: boolean,
  mantissa: bigint,
  exponent: number,
  sticky = false,
  precision = bits,
): BigFloat {
  if (mantissa === 0n) return { negative, mantissa: 0n, exponent: 0 };
  const extra = length(mantissa) - precision;
  if (extra <= 0) return { negative, mantissa, exponent };
  const shift = BigInt(extra);
  const half = 1n << (shift - 1n);
  const rest = mantissa & ((1n << shift) - 1n);
  let top = mantissa >> shift;
  if (rest > half || (rest === half && (sticky || (top & 1n) === 1n))) top++;
  return { negative, mantissa: top, exponent: exponent + extra };
}

/** The quotient of two integers, times 2^exponent, rounded. */
function quotient(negative: boolean, above: bigint, below: bigint, exponent: number): BigFloat {
  const shift = Math.max(0, bits + 2 - (length(above) - length(below)));
  const scaled = above << BigInt(shift);
  // one bit more than the mantissa, and whether anything is left below it
  return rounded(
    negative,
    ((scaled / below) << 1n) | (scaled % below === 0n ? 0n : 1n),
    exponent - shift - 1,
  );
}

/** Splits a number's text into integers: `digits × 10^exponent`. @throws BuiltinLimit for a huge exponent */
export function decimalOf(text: string): { negative: boolean; digits: bigint; exponent: number } {
  const match = /^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/.exec(text);
  if (match === null) throw new BuiltinFault("eval_builtin_error", "illegal value");
  const [, sign, whole = "", fraction = "", power = "0"] = match;
  const exponent = Number(power) - fraction.length;
  if (Math.abs(exponent) > mostExponent || text.length > mostExponent)
    throw new BuiltinLimit("a huge number");
  return { negative: sign === "-", digits: BigInt(`0${whole}${fraction}`), exponent };
}

/** Reads a number as `big.Float.SetString` does: with a power of five of which Go keeps 128 bits. */
export function floatOf(text: string): BigFloat {
  const { negative, digits, exponent } = decimalOf(text);
  if (digits === 0n) return { negative, mantissa: 0n, exponent: 0 };
  if (exponent === 0) return rounded(negative, digits, 0);
  const five = powerOfFive(Math.abs(exponent));
  if (exponent > 0) return multiplyFloats({ negative, mantissa: digits, exponent }, five);
  return quotient(negative, digits, five.mantissa, exponent - five.exponent);
}

function powerOfFive(n: number): BigFloat {
  const one = { negative: false, exponent: 0 };
  let power: BigFloat = { ...one, mantissa: 5n ** BigInt(Math.min(n, exactPowers)) };
  let factor: BigFloat = { ...one, mantissa: 5n };
  for (let left = n - exactPowers; left > 0; left >>= 1) {
    if (left % 2 === 1) power = multiplyFloats(power, factor, powerBits);
    factor = multiplyFloats(factor, factor, stepBits);
  }
  return power;
}

const signed = ({ negative, mantissa }: BigFloat): bigint => (negative ? -mantissa : mantissa);

export function addFloats(a: BigFloat, b: BigFloat): BigFloat {
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (signed(a) << BigInt(a.exponent - exponent)) + (signed(b) << BigInt(b.exponent - exponent));
  if (sum === 0n) return { negative: a.negative && b.negative, mantissa: 0n, exponent: 0 };
  return rounded(sum < 0n, sum < 0n ? -sum : sum, exponent);
}

export function multiplyFloats(a: BigFloat, b: BigFloat, precision = bits): BigFloat {
  return rounded(
    a.negative !== b.negative,
    a.mantissa * b.mantissa,
    a.exponent + b.exponent,
    false,
    precision,
  );
}

/** @throws BuiltinFault for a zero divisor */
export function divideFloats(a: BigFloat, b: BigFloat): BigFloat {
  if (b.mantissa === 0n) throw new BuiltinFault("eval_builtin_error", "divide by zero");
  const negative = a.negative !== b.negative;
  return a.mantissa === 0n
    ? { negative, mantissa: 0n, exponent: 0 }
    : quotient(negative, a.mantissa, b.mantissa, a.exponent - b.exponent);
}

export const negateFloat = (a: BigFloat): BigFloat => ({ ...a, negative: !a.negative });

/** The integer part, towards zero. */
export function truncateFloat({ negative, mantissa, exponent }: BigFloat): bigint {
  const whole = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa >> BigInt(-exponent);
  return negative ? -whole : whole;
}

/** The integer that it is; undefined where it is none. */
export function exactInteger(value: BigFloat): bigint | undefined {
  return isInteger(value) ? truncateFloat(value) : undefined;
}

/** Exact decimal digits and the place of the point: 0.DIGITS × 10^point. */
function decimal(mantissa: bigint, exponent: number): { digits: string; point: number } {
  const value = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const text = value.toString();
  return { digits: text.replace(/0+$/, ""), point: text.length - (exponent >= 0 ? 0 : -exponent) };
}

/** The fewest digits that are read back as the same number (Go's `roundShortest`). */
function shortest({ mantissa, exponent }: BigFloat, precision: number): { digits: string; point: number } {
  const spare = BigInt(precision - length(mantissa));
  const full = mantissa << spare;
  const low = exponent - Number(spare);
  const exact = decimal(full, low);
  // half a unit in the last place to both sides; less below a power of two
  const upper = decimal((full << 1n) + 1n, low - 1);
  const power = full === 1n << BigInt(precision - 1);
  const lower = power ? decimal((full << 2n) - 1n, low - 2) : decimal((full << 1n) - 1n, low - 1);
  const inclusive = (full & 1n) === 0n;
  for (let i = 0; i < exact.digits.length; i++) {
    const digit = exact.digits.charCodeAt(i);
    const below = i < lower.digits.length ? lower.digits.charCodeAt(i) : 48;
    const above = i < upper.digits.length ? upper.digits.charCodeAt(i) : 48;
    const down = below !== digit || (inclusive && i + 1 === lower.digits.length);
    const up = digit !== above && (inclusive || digit + 1 < above || i + 1 < upper.digits.length);
    if (!down && !up) continue;
    const roundUp = down && up ? roundsUp(exact.digits, i + 1) : up;
    return roundUp ? upTo(exact, i + 1) : trimmed(exact.digits.slice(0, i + 1), exact.point);
  }
  return exact;
}

/** Half and more rounds up; exactly half to even. */
function roundsUp(digits: string, at: number): boolean {
  const rest = digits.slice(at);
  if (rest === "5") return at > 0 && (digits.charCodeAt(at - 1) - 48) % 2 !== 0;
  return rest !== "" && rest.charCodeAt(0) >= 53;
}

function upTo({ digits, point }: { digits: string; point: number }, size: number) {
  let kept = digits.slice(0, size);
  while (kept.endsWith("9")) kept = kept.slice(0, -1);
  if (kept === "") return { digits: "1", point: point + 1 };
  const last = String.fromCharCode(kept.charCodeAt(kept.length - 1) + 1);
  return { digits: kept.slice(0, -1) + last, point };
}

function trimmed(digits: string, point: number) {
  const kept = digits.replace(/0+$/, "");
  return { digits: kept, point: kept === "" ? 0 : point };
}

/** Writes as OPA does: an integer in full, else in Go's `%g` with the fewest digits. */
export function floatText(value: BigFloat, precision = bits): string {
  const sign = value.negative ? "-" : "";
  if (value.mantissa === 0n) return `${sign}0`;
  const { digits, point } = shortest(value, precision);
  const fixed = (): string => {
    if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
    if (point >= digits.length) return `${sign}${digits}${"0".repeat(point - digits.length)}`;
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  };
  if (isInteger(value)) return fixed();
  const power = point - 1;
  if (power >= -4 && power < 6) return fixed();
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const size = String(Math.abs(power)).padStart(2, "0");
  return `${sign}${digits.charAt(0)}${fraction}e${power < 0 ? "-" : "+"}${size}`;
}

function isInteger({ mantissa, exponent }: BigFloat): boolean {
  return exponent >= 0 || (mantissa & ((1n << BigInt(-exponent)) - 1n)) === 0n;
}
