/** Go's `strconv.FormatFloat` of finite doubles. Source: Go, strconv/ftoa.go. */

/** 0.DIGITS × 10^point; zero has no digits. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

export type FloatVerb = "b" | "e" | "E" | "f" | "g" | "G" | "x" | "X";

/** Formats a double. @param precision -1 for as many digits as it takes to read it back */
export function formatFloat(value: number, verb: FloatVerb, precision: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  switch (verb) {
    case "b": {
      const { mantissa, exponent } = partsOf(size);
      return `${sign}${mantissa}p${exponent < 0 ? "" : "+"}${exponent}`;
    }
    case "x":
      return sign + hexFloat(size, precision);
    case "X":
      return sign + hexFloat(size, precision).toUpperCase();
    case "e":
    case "E": {
      const digits = precision < 0 ? shortest(size) : rounded(exact(size), precision + 1);
      return (
        sign + scientific(digits, precision < 0 ? Math.max(digits.digits.length - 1, 0) : precision, verb)
      );
    }
    case "f": {
      const all = precision < 0 ? shortest(size) : exact(size);
      const digits = precision < 0 ? all : rounded(all, all.point + precision);
      return (
        sign +
        positional(digits, precision < 0 ? Math.max(digits.digits.length - digits.point, 0) : precision)
      );
    }
    case "g":
    case "G":
      return sign + general(size, precision, verb === "g" ? "e" : "E");
  }
}

function general(size: number, asked: number, letter: "e" | "E"): string {
  const most = asked === 0 ? 1 : asked;
  const digits = most < 0 ? shortest(size) : rounded(exact(size), most);
  const count = digits.digits.length;
  let limit = most < 0 ? 6 : most;
  if (limit > count && count >= digits.point) limit = most < 0 ? 6 : count;
  const exponent = digits.digits === "" ? -1 : digits.point - 1;
  if (exponent < -4 || exponent >= limit) {
    const shown = most < 0 || most > count ? count : most;
    return scientific(digits, Math.max(shown - 1, 0), letter);
  }
  return positional(digits, Math.max(count - digits.point, 0));
}

function scientific({ digits, point }: Decimal, precision: number, letter: "e" | "E"): string {
  const exponent = digits === "" ? 0 : point - 1;
  const fraction = precision > 0 ? `.${digits.slice(1, precision + 1).padEnd(precision, "0")}` : "";
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits[0] ?? "0"}${fraction}${letter}${exponent < 0 ? "-" : "+"}${power}`;
}

function positional({ digits, point }: Decimal, precision: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (precision <= 0) return whole;
  const fraction = point >= 0 ? digits.slice(point) : "0".repeat(-point) + digits;
  return `${whole}.${fraction.slice(0, precision).padEnd(precision, "0")}`;
}

/** The fewest digits that read back as the same double. */
function shortest(size: number): Decimal {
  if (size === 0) return { digits: "", point: 0 };
  const [mantissa = "", exponent = "0"] = size.toExponential().split("e");
  return { digits: mantissa.replace(".", ""), point: Number(exponent) + 1 };
}

/** Mantissa and exponent: size = mantissa × 2^exponent. */
function partsOf(size: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const power = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return power === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: power - 1075 };
}

/** All digits: a double is a finite decimal of at most 767. */
function exact(size: number): Decimal {
  if (size === 0) return { digits: "", point: 0 };
  const { mantissa, exponent } = partsOf(size);
  const all = (exponent < 0 ? mantissa * 5n ** BigInt(-exponent) : mantissa << BigInt(exponent)).toString();
  return { digits: all.replace(/0+$/, ""), point: all.length + Math.min(exponent, 0) };
}

/** Rounds to so many digits, halves to even. */
function rounded({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: "", point: 0 };
  const rest = digits.slice(count);
  const kept = digits.slice(0, count);
  const half = rest === "5";
  const up = half ? count > 0 && Number(digits[count - 1]) % 2 === 1 : (rest[0] ?? "0") >= "5";
  if (!up) {
    const trimmed = kept.replace(/0+$/, "");
    return trimmed === "" ? { digits: "", point: 0 } : { digits: trimmed, point };
  }
  if (/^9*$/.test(kept)) return { digits: "1", point: point + 1 };
  const nines = /9*$/.exec(kept)?.[0].length ?? 0;
  const last = kept.length - nines - 1;
  return { digits: kept.slice(0, last) + String(Number(kept[last]) + 1), point };
}

/** `0x1.8p+01`. Source: Go's fmtX. */
function hexFloat(size: number, precision: number): string {
  let { mantissa, exponent } = partsOf(size);
  if (mantissa === 0n) exponent = 0;
  else {
    const shift = 60 - (mantissa.toString(2).length - 1);
    mantissa <<= BigInt(shift);
    exponent += 60 - shift;
  }
  if (precision >= 0 && precision < 15) {
    const shift = BigInt(precision * 4);
    const extra = (mantissa << shift) & ((1n << 60n) - 1n);
    mantissa >>= 60n - shift;
    if ((extra | (mantissa & 1n)) > 1n << 59n) mantissa++;
    mantissa <<= 60n - shift;
    if ((mantissa & (1n << 61n)) !== 0n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const head = (mantissa >> 60n) & 1n;
  const fraction = (mantissa & ((1n << 60n) - 1n)).toString(16).padStart(15, "0");
  const shown =
    precision < 0 ? fraction.replace(/0+$/, "") : fraction.slice(0, precision).padEnd(precision, "0");
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `0x${head}${shown === "" ? "" : `.${shown}`}p${exponent < 0 ? "-" : "+"}${power}`;
}
