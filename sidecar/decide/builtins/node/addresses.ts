/** Addresses and networks. Source: Go 1.26, net/netip (ParseAddr) and net (ParseCIDR, IPNet.Contains). */
import type { Bytes } from "./bytes.js";
import { quoteBytes } from "./bytes.js";
import { fault } from "./operands.js";

/** INVARIANT: 4 bytes, or 16 for IPv6. */
export interface Address {
  readonly bytes: readonly number[];
  readonly zone: string;
}

export interface Network {
  /** Without the host's bits. */
  readonly bytes: readonly number[];
  readonly ones: number;
}

/** @throws BuiltinFault in Go's words */
export function parseAddress(text: Bytes): Address {
  switch (/[.:%]/.exec(text)?.[0]) {
    case ".":
      return { bytes: parseDotted(text, text), zone: "" };
    case ":":
      return parseIPv6(text);
    case "%":
      throw addressFault(text, "missing IPv6 address");
    default:
      throw addressFault(text, "unable to parse IP");
  }
}

function addressFault(text: string, message: string, at = "") {
  const where = at === "" ? "" : ` (at ${quoteBytes(at)})`;
  return fault(`ParseAddr(${quoteBytes(text)}): ${message}${where}`);
}

function parseDotted(whole: string, text: string): readonly number[] {
  const plain = /^(0|[1-9]\d?\d?)\.(0|[1-9]\d?\d?)\.(0|[1-9]\d?\d?)\.(0|[1-9]\d?\d?)$/.exec(text);
  const bytes = plain?.slice(1).map(Number) ?? [];
  if (bytes.length === 4 && bytes.every((byte) => byte <= 255)) return bytes;
  const fields: number[] = [];
  let [value, digits] = [0, 0];
  for (const [i, sign] of [...text].entries()) {
    if (sign >= "0" && sign <= "9") {
      if (digits === 1 && value === 0) throw addressFault(whole, "IPv4 field has octet with leading zero");
      value = value * 10 + Number(sign);
      digits++;
      if (value > 255) throw addressFault(whole, "IPv4 field has value >255");
    } else if (sign === ".") {
      if (i === 0 || i === text.length - 1 || text[i - 1] === ".") {
        throw addressFault(whole, "IPv4 field must have at least one digit", text.slice(i));
      }
      if (fields.length === 3) throw addressFault(whole, "IPv4 address too long");
      fields.push(value);
      [value, digits] = [0, 0];
    } else throw addressFault(whole, "unexpected character", text.slice(i));
  }
  if (fields.length < 3) throw addressFault(whole, "IPv4 address too short");
  return [...fields, value];
}

function parseIPv6(whole: string): Address {
  const percent = whole.indexOf("%");
  const zone = percent < 0 ? "" : whole.slice(percent + 1);
  if (percent >= 0 && zone === "") throw addressFault(whole, "zone must be a non-empty string");
  let rest = percent < 0 ? whole : whole.slice(0, percent);
  const bytes: number[] = [];
  /** Where `::` stands, in bytes. */
  let gap = -1;
  if (rest.startsWith("::")) {
    gap = 0;
    rest = rest.slice(2);
    if (rest === "") return { bytes: Array<number>(16).fill(0), zone };
  }
  while (bytes.length < 16) {
    const group = /^[0-9a-fA-F]*/.exec(rest)?.[0] ?? "";
    if (group.length > 4) throw addressFault(whole, "each group must have 4 or less digits", rest);
    if (group === "")
      throw addressFault(whole, "each colon-separated field must have at least one digit", rest);
    if (rest[group.length] === ".") {
      if (gap < 0 && bytes.length !== 12) {
        const message = "embedded IPv4 address must replace the final 2 fields of the address";
        throw addressFault(whole, message, rest);
      }
      if (bytes.length + 4 > 16) {
        const message = "too many hex fields to fit an embedded IPv4 at the end of the address";
        throw addressFault(whole, message, rest);
      }
      bytes.push(...parseDotted(whole, rest));
      rest = "";
      break;
    }
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
    rest = rest.slice(group.length);
    if (rest === "") break;
    if (!rest.startsWith(":")) throw addressFault(whole, "unexpected character, want colon", rest);
    if (rest.length === 1) throw addressFault(whole, "colon must be followed by more characters", rest);
    rest = rest.slice(1);
    if (rest.startsWith(":")) {
      if (gap >= 0) throw addressFault(whole, "multiple :: in address", rest);
      gap = bytes.length;
      rest = rest.slice(1);
      if (rest === "") break;
    }
  }
  if (rest !== "") throw addressFault(whole, "trailing garbage after address", rest);
  if (bytes.length < 16) {
    if (gap < 0) throw addressFault(whole, "address string too short");
    bytes.splice(gap, 0, ...Array<number>(16 - bytes.length).fill(0));
  } else if (gap >= 0) {
    throw addressFault(whole, "the :: must expand to at least one field of zeros");
  }
  return { bytes, zone };
}

/** Gives an address without a zone; undefined for others (Go's `net.ParseIP`). */
export function plainAddress(text: string): readonly number[] | undefined {
  try {
    const { bytes, zone } = parseAddress(text);
    return zone === "" ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Gives a network; undefined where the text is none. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const bytes = plainAddress(text.slice(0, slash));
  const size = text.slice(slash + 1);
  if (bytes === undefined || !/^\d+$/.test(size) || Number(size) > bytes.length * 8) return undefined;
  const ones = Number(size);
  return { bytes: bytes.map((byte, i) => byte & maskByte(ones, i)), ones };
}

/** The i-th byte of a mask. */
export function maskByte(ones: number, i: number): number {
  return (0xff00 >> Math.min(Math.max(ones - i * 8, 0), 8)) & 0xff;
}

/** IPv4 in IPv6's clothes, `::ffff:1.2.3.4`, is IPv4 to Go. */
export function withoutMapping(bytes: readonly number[]): readonly number[] {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return bytes;
  return bytes.slice(0, 10).every((byte) => byte === 0) ? bytes.slice(12) : bytes;
}

/** Tells whether a network holds an address. Source: Go, net (IPNet.Contains). */
export function holds(network: Network, address: readonly number[]): boolean {
  const base = withoutMapping(network.bytes);
  const other = withoutMapping(address);
  if (base.length !== other.length) return false;
  // a mapped network's mask is counted from IPv6's first bit
  const skipped = network.bytes.length - base.length;
  for (let i = 0; i < base.length; i++) {
    if ((((base[i] ?? 0) ^ (other[i] ?? 0)) & maskByte(network.ones, i + skipped)) !== 0) return false;
  }
  return true;
}

/** Writes an address as Go does: RFC 5952, mapped ones as IPv4. */
export function addressText(address: readonly number[]): string {
  const bytes = withoutMapping(address);
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0));
  let [start, size] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > size) [start, size] = [i, end - i];
  }
  const hex = groups.map((group) => group.toString(16));
  return start < 0 ? hex.join(":") : `${hex.slice(0, start).join(":")}::${hex.slice(start + size).join(":")}`;
}
