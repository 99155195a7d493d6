/** Semantic versions. Source: OPA, internal/semver. */
import { fault, longestName, stringOperand } from "./operands.js";
import { goQuote } from "../quote.js";
import type { NodeBuiltin } from "./to-go.js";

interface Version {
  readonly numbers: readonly bigint[];
  readonly preRelease: string;
}

const identifiers = /^[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*$/;
const numeric = /^(0|[1-9]\d*)$/;
const most = 2n ** 63n - 1n;

function parse(text: string): Version | undefined {
  const [plain, metadata] = cut(text.startsWith("v") ? text.slice(1) : text, "+");
  if (metadata !== undefined && !identifiers.test(metadata)) return undefined;
  const [core, preRelease] = cut(plain, "-");
  if (preRelease !== undefined) {
    if (!identifiers.test(preRelease)) return undefined;
    if (preRelease.split(".").some((part) => /^0\d+$/.test(part))) return undefined;
  }
  const parts = core.split(".");
  // 64 bits take 19 digits at most
  if (parts.length !== 3 || parts.some((part) => part.length > 19 || !numeric.test(part))) return undefined;
  const numbers = parts.map(BigInt);
  return numbers.some((number) => number > most) ? undefined : { numbers, preRelease: preRelease ?? "" };
}

function cut(text: string, at: string): readonly [string, string | undefined] {
  const place = text.indexOf(at);
  return place < 0 ? [text, undefined] : [text.slice(0, place), text.slice(place + 1)];
}

function compare(a: Version, b: Version): number {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] ?? 0n;
    if (number !== other) return number > other ? 1 : -1;
  }
  if (a.preRelease === b.preRelease) return 0;
  if (a.preRelease === "") return 1;
  if (b.preRelease === "") return -1;
  const [left, right] = [a.preRelease.split("."), b.preRelease.split(".")];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareIdentifiers(left[i], right[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const [numberA, numberB] = [isNumber(a), isNumber(b)];
  if (numberA !== numberB) return numberA ? -1 : 1;
  if (numberA) {
    const [x, y] = [atoi(a), atoi(b)];
    return x > y ? 1 : x < y ? -1 : 0;
  }
  return a > b ? 1 : a < b ? -1 : 0;
}

const isNumber = (text: string): boolean => /^\d+$/.test(text);

/** Go's `strconv.Atoi` stops at the largest integer. */
function atoi(text: string): bigint {
  const value = text.length > 19 ? most : BigInt(text);
  return value > most ? most : value;
}

function operand(value: string, place: number): Version {
  const version = parse(value);
  if (version === undefined) throw fault(`operand ${place}: string ${goQuote(value)} is not a valid SemVer`);
  return version;
}

export const semver: readonly (readonly [string, NodeBuiltin])[] = [
  [
    "semver.compare",
    (_context, a, b) => {
      const [left, right] = [stringOperand(a, 1, longestName), stringOperand(b, 2, longestName)];
      return compare(operand(left, 1), operand(right, 2));
    },
  ],
  [
    "semver.is_valid",
    (_context, text) => typeof text === "string" && parse(stringOperand(text, 1, longestName)) !== undefined,
  ],
];
