/** UUIDs and random numbers, the same for the same argument within a decision. Source: OPA, v1/topdown/uuid.go, numbers.go. */
import { createHmac } from "node:crypto";
import { numberOf } from "../../engine/read-value.js";
import type { RegoValue } from "../../engine/value.js";
import { objectOf } from "../../engine/value.js";
import type { BuiltinContext } from "../builtin.js";
import { toBytes } from "./bytes.js";
import { integerOperand, stringOperand } from "./operands.js";
import { termText } from "../text.js";
import type { NodeBuiltin } from "./to-go.js";

/** Bytes that only this decision's seed and the name determine. */
function drawn(context: BuiltinContext, name: string): Buffer {
  return createHmac("sha256", context.seed()).update(name).digest();
}

/** INVARIANT: the same name gives the same value in one decision, whatever comes between. */
function kept(context: BuiltinContext, name: string, make: () => RegoValue): RegoValue {
  const found = context.kept.get(name);
  if (found !== undefined) return found;
  const made = make();
  context.kept.set(name, made);
  return made;
}

const rfc4122: NodeBuiltin = (context, value = null) => {
  const name = `uuid.rfc4122 ${termText(value)}`;
  return kept(context, name, () => {
    const bytes = drawn(context, name).subarray(0, 16);
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  });
};

const intn: NodeBuiltin = (context, value, limit) => {
  const key = stringOperand(value, 1);
  const asked = integerOperand(limit, 2);
  if (asked === 0n) return 0;
  const below = asked < 0n ? -asked : asked;
  const name = `rand.intn ${key}-${below}`;
  return kept(context, name, () => {
    // 128 bits, so that no number is favoured in a way that could be seen
    const bits = BigInt(`0x${drawn(context, name).subarray(0, 16).toString("hex")}`);
    return numberOf((bits % below).toString());
  });
};

/** Gives the 16 bytes as hex digits; undefined where it is no UUID. Source: google/uuid (Parse). */
function digitsOf(text: string): string | undefined {
  const bytes = toBytes(text);
  if (bytes.length === 32) return /^[0-9a-fA-F]{32}$/.test(bytes) ? bytes : undefined;
  const from = bytes.length === 45 && /^urn:uuid:/i.test(bytes) ? 9 : bytes.length === 38 ? 1 : 0;
  if (from === 0 && bytes.length !== 36) return undefined;
  const parts = bytes.slice(from, from + 36);
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(parts) ? parts.replaceAll("-", "") : undefined;
}

/** 100 ns steps between the start of the Gregorian calendar and the epoch. */
const gregorian = 122_192_928_000_000_000n;
const domains = ["Person", "Group", "Org"];

const parse: NodeBuiltin = (_context, value) => {
  const digits = digitsOf(stringOperand(value, 1));
  if (digits === undefined) return undefined;
  const bytes = Buffer.from(digits, "hex");
  const byte = (i: number): number => bytes.readUInt8(i);
  const version = byte(6) >> 4;
  const entries: [string, RegoValue][] = [
    ["version", version],
    ["variant", variantOf(byte(8))],
  ];
  if (version === 1 || version === 2) {
    const time =
      BigInt(bytes.readUInt32BE(0)) |
      (BigInt(bytes.readUInt16BE(4)) << 32n) |
      (BigInt(bytes.readUInt16BE(6) & 0xfff) << 48n);
    entries.push(
      ["time", numberOf(BigInt.asIntN(64, (time - gregorian) * 100n).toString())],
      ["nodeid", bytes.toString("hex", 10).replace(/(..)(?=.)/g, "$1-")],
      ["macvariables", macOf(byte(10))],
      ["clocksequence", bytes.readUInt16BE(8) & 0x3fff],
    );
    if (version === 2) {
      entries.push(["id", bytes.readUInt32BE(0)], ["domain", domains[byte(9)] ?? `Domain${byte(9)}`]);
    }
  }
  return objectOf(entries);
};

function variantOf(byte: number): string {
  if ((byte & 0xc0) === 0x80) return "RFC4122";
  if ((byte & 0xe0) === 0xc0) return "Microsoft";
  return (byte & 0xe0) === 0xe0 ? "Future" : "Reserved";
}

function macOf(byte: number): string {
  return `${(byte & 2) === 0 ? "global" : "local"}:${(byte & 1) === 0 ? "unicast" : "multicast"}`;
}

export const uuids: readonly (readonly [string, NodeBuiltin])[] = [
  ["uuid.rfc4122", rfc4122],
  ["uuid.parse", parse],
  ["rand.intn", intn],
];
