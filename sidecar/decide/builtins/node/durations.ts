/** Durations such as `1h30m`, and OPA's days, weeks and years. Source: Go, time.ParseDuration; OPA, v1/topdown/time.go. */
import { formatFloat } from "./floats.js";
import type { Bytes } from "./bytes.js";
import { quoteTimeBytes, toBytes } from "./bytes.js";
import { BuiltinFault } from "../builtin.js";
import { fault } from "./operands.js";
import { goQuote } from "../quote.js";

/** Nanoseconds. */
const units: ReadonlyMap<Bytes, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  // the micro sign and the Greek letter, as bytes
  ["\xc2\xb5s", 1_000n],
  ["\xce\xbcs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);
const hours: ReadonlyMap<string, number> = new Map([
  ["d", 24],
  ["w", 7 * 24],
  ["y", 365 * 24],
]);

const segments = /([0-9.]+)(ms|us|\xc2\xb5s|ns|[a-z])/g;
const limit = 1n << 63n;

/** Gives nanoseconds. @throws BuiltinFault in OPA's words */
export function parseDuration(text: string): bigint {
  const invalid = () => fault(`time: invalid duration ${goQuote(text)}`);
  if (text === "") throw invalid();
  const bytes = toBytes(text);
  if (!/[dwy]/.test(text)) return parseGo(bytes);
  if (bytes.replace(/^[-+]/, "").replace(segments, "") !== "") throw invalid();
  const rewritten = bytes.replace(segments, (all, digits: string, unit: string) => {
    const factor = hours.get(unit);
    if (factor === undefined) return all;
    const value = Number(digits);
    if (!/^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/.test(digits) || !Number.isFinite(value)) throw invalid();
    return `${formatFloat(value * factor, "f", -1)}h`;
  });
  try {
    return parseGo(rewritten);
  } catch (error) {
    if (!(error instanceof BuiltinFault)) throw error;
    // the rewritten text isn't shown
    throw fault(`${error.message.slice(0, error.message.lastIndexOf(" "))} ${goQuote(text)}`);
  }
}

function parseGo(whole: Bytes): bigint {
  const refused = (message: string) => fault(`time: ${message} ${quoteTimeBytes(whole)}`);
  const negative = whole.startsWith("-");
  let rest = whole.replace(/^[-+]/, "");
  if (rest === "0") return 0n;
  if (rest === "") throw refused("invalid duration");
  let sum = 0n;
  for (let part = partHere(rest); rest !== ""; part = partHere(rest)) {
    const { digits, fraction, unit, size } = part;
    if ((digits === "" && fraction === "") || leading(digits) === undefined)
      throw refused("invalid duration");
    if (unit === "") throw refused("missing unit in duration");
    const factor = units.get(unit);
    if (factor === undefined) throw refused(`unknown unit ${quoteTimeBytes(unit)} in duration`);
    const value = leading(digits) ?? 0n;
    if (value > limit / factor) throw refused("invalid duration");
    sum += value * factor + fractionOf(fraction, factor);
    if (sum > limit) throw refused("invalid duration");
    rest = rest.slice(size);
  }
  if (negative) return -sum;
  if (sum >= limit) throw refused("invalid duration");
  return sum;
}

function partHere(rest: Bytes) {
  const match = /^([0-9]*)(?:\.([0-9]*))?([^0-9.]*)/.exec(rest);
  const [all = "", digits = "", fraction = "", unit = ""] = match ?? [];
  return { digits, fraction, unit, size: all.length };
}

/** Undefined beyond 2^63. */
function leading(digits: string): bigint | undefined {
  const plain = digits.replace(/^0+/, "");
  if (plain.length > 19) return undefined;
  const value = BigInt(plain === "" ? 0 : plain);
  return value > limit ? undefined : value;
}

/** In doubles, as Go; digits beyond 63 bits are dropped. */
function fractionOf(digits: string, factor: bigint): bigint {
  let [value, scale] = [0n, 1];
  for (const digit of digits) {
    const next = value * 10n + BigInt(digit);
    if (value > (limit - 1n) / 10n || next > limit) break;
    value = next;
    scale *= 10;
  }
  return value > 0n ? BigInt(Math.trunc(Number(value) * (Number(factor) / scale))) : 0n;
}
