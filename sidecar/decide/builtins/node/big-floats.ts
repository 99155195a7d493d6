/** Go's `big.Float`, as far as numbers in strings are read with it. Source: Go, math/big (Float.Parse, Mul, Int). */

/** mantissa × 2^exponent. */
export interface BigFloat {
  readonly negative: boolean;
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** Bits of a number that was read from text. */
const precision = 64;
/** Go multiplies powers of five at these. */
const [powerBits, stepBits] = [128, 192];
const exactPowers = 27;

const lengthOf = (value: bigint): number => {
  const hex = value.toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
};

/** Rounds to the nearest, ties to even. `rest`: there is more below the mantissa. */
function rounded(
  negative: boolean,
  mantissa: bigint,
  exponent: number,
  bits: number,
  rest = false,
): BigFloat {
  const extra = mantissa === 0n ? 0 : lengthOf(mantissa) - bits;
  if (extra <= 0) return { negative, mantissa, exponent };
  const shift = BigInt(extra);
  const half = 1n << (shift - 1n);
  const below = mantissa & ((1n << shift) - 1n);
  const kept = mantissa >> shift;
  const up = below > half || (below === half && (rest || (kept & 1n) === 1n));
  return { negative, mantissa: up ? kept + 1n : kept, exponent: exponent + extra };
}

export function multiplied(a: BigFloat, b: BigFloat, bits = precision): BigFloat {
  return rounded(a.negative !== b.negative, a.mantissa * b.mantissa, a.exponent + b.exponent, bits);
}

/** 5^n, of which Go keeps 128 bits. */
function powerOfFive(n: number): BigFloat {
  const one = { negative: false, exponent: 0 };
  let power: BigFloat = { ...one, mantissa: 5n ** BigInt(Math.min(n, exactPowers)) };
  let factor: BigFloat = { ...one, mantissa: 5n };
  for (let left = n - exactPowers; left > 0; left >>= 1) {
    if (left % 2 === 1) power = multiplied(power, factor, powerBits);
    factor = multiplied(factor, factor, stepBits);
  }
  return power;
}

/** Reads a decimal; undefined where Go finds none. INVARIANT: the exponent has six digits at most. */
export function parseBigFloat(text: string): BigFloat | undefined {
  const match = /^([-+]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([-+]?[0-9]+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", power = "0"] = match;
  const negative = sign === "-";
  const mantissa = BigInt(`0${whole}${fraction}`);
  const tens = Number(power) - fraction.length;
  if (mantissa === 0n) return { negative, mantissa, exponent: 0 };
  if (tens === 0) return rounded(negative, mantissa, 0, precision);
  const five = powerOfFive(Math.abs(tens));
  if (tens > 0) return multiplied({ negative, mantissa, exponent: tens }, five);
  const shift = Math.max(0, precision + 2 - lengthOf(mantissa) + lengthOf(five.mantissa));
  const scaled = mantissa << BigInt(shift);
  const rest = scaled % five.mantissa !== 0n;
  return rounded(negative, scaled / five.mantissa, tens - shift - five.exponent, precision, rest);
}

/** The integer part, towards zero. */
export function wholePart({ negative, mantissa, exponent }: BigFloat): bigint {
  const size = exponent < 0 ? mantissa >> BigInt(-exponent) : mantissa << BigInt(exponent);
  return negative ? -size : size;
}

/** The integer that it is; undefined where it is none. */
export function exactInteger(value: BigFloat): bigint | undefined {
  const whole = wholePart(value);
  const { mantissa, exponent } = value;
  const isWhole = exponent >= 0 || (mantissa & ((1n << BigInt(-exponent)) - 1n)) === 0n;
  return isWhole ? whole : undefined;
}
