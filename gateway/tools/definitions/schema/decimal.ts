/** A number by its decimal digits, exactly: `digits × 10 ^ exponent`. */
export interface Decimal {
  readonly negative: boolean;
  /** Without zeros at either end; empty: zero. */
  readonly digits: string;
  readonly exponent: number;
}

const form = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Reads the text of a JSON number. An exponent beyond all sense becomes an infinite one. */
export function decimalOf(text: string): Decimal {
  const [, sign, whole = "", fraction = "", power = "0"] = form.exec(text) ?? [];
  const all = whole + fraction;
  let from = 0;
  while (all.charCodeAt(from) === 0x30) from++;
  let to = all.length;
  while (to > from && all.charCodeAt(to - 1) === 0x30) to--;
  if (from === to) return { negative: false, digits: "", exponent: 0 };
  const exponent = Number(power) - fraction.length + (all.length - to);
  return { negative: sign === "-", digits: all.slice(from, to), exponent };
}

/** Whether two decimals are the same number. */
export function equals(a: Decimal, b: Decimal): boolean {
  return a.negative === b.negative && a.exponent === b.exponent && a.digits === b.digits;
}

/** Compares two decimals of a double's range: negative where `a` is less. */
export function compare(a: Decimal, b: Decimal): number {
  const [x, y] = together(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Whether `a` is a whole multiple of `b`, both of a double's range; of zero only zero is. */
export function isMultiple(a: Decimal, b: Decimal): boolean {
  const [x, y] = together(a, b);
  return y === 0n ? x === 0n : x % y === 0n;
}

function together(a: Decimal, b: Decimal): [bigint, bigint] {
  const least = Math.min(a.exponent, b.exponent);
  const whole = ({ negative, digits, exponent }: Decimal): bigint => {
    const value = BigInt(digits === "" ? 0 : digits) * 10n ** BigInt(exponent - least);
    return negative ? -value : value;
  };
  return [whole(a), whole(b)];
}
