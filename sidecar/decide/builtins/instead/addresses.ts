/** Addresses where OPA's C code differs from Go's `net`: IPv4 in IPv6's clothes. */
import { isIPv4, isIPv6 } from "node:net";
import type { RegoValue } from "../../engine/value.js";
import type { Instead } from "./instead.js";
import { moduleIsRight } from "./instead.js";

/** `::ffff:a.b.c.d`, in any spelling, is a.b.c.d to Go. Undefined for others. */
function mappedIPv4(address: string): number | undefined {
  if (!isIPv6(address) || address.includes("%")) return undefined;
  const groups = groupsOf(address);
  if (groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return undefined;
  return ((groups[6] ?? 0) * 65_536 + (groups[7] ?? 0)) >>> 0;
}

function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text =
    dotted === null ? address : `${dotted[1] ?? ""}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head = "", tail] = text.split("::");
  const numbers = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return numbers(head);
  const [front, back] = [numbers(head), numbers(tail)];
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

const hex = (high = "0", low = "0"): string => (Number(high) * 256 + Number(low)).toString(16);

const contains = (_context: unknown, network: RegoValue | undefined, address: RegoValue | undefined) => {
  if (typeof network !== "string" || typeof address !== "string") return moduleIsRight;
  const mapped = mappedIPv4(address);
  const [base = "", size = ""] = network.split("/");
  if (mapped === undefined || !/^\d{1,2}$/.test(size)) return moduleIsRight;
  // Go compares four bytes with sixteen: an IPv6 network holds no such address
  if (!isIPv4(base)) return isIPv6(base) && Number(size) <= 128 ? false : moduleIsRight;
  const ones = Number(size);
  if (ones > 32) return moduleIsRight;
  const mask = ones === 0 ? 0 : (~0 << (32 - ones)) >>> 0;
  const start = base.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return (mapped & mask) >>> 0 === (start & mask) >>> 0;
};

export const addresses: ReadonlyMap<string, Instead> = new Map<string, Instead>([
  ["net.cidr_contains", contains],
  ["net.cidr_overlap", contains],
]);
