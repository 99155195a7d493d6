import { BlockList, isIPv4, isIPv6 } from "node:net";

/** Which addresses a listed host may have. */
export type AllowAddress = (address: string) => boolean;

/** Never public, whatever else holds. Source: IANA's special-purpose registries for IPv4 and IPv6. */
const special = blockList([
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"],
  ...["198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  // a cloud's own service for its machines, on an address that looks public
  "168.63.129.16/32",
  // protocol assignments and Teredo, documentation, 6to4: the last and Teredo carry any IPv4 address
  ...["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
]);
/** All of IPv6 that is routed; what translates to IPv4 (`64:ff9b::/96`) lies outside. */
const routed = blockList(["2000::/3"]);
const inner = blockList(["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]);
/** Clouds' metadata within the private ranges. */
const metadata = blockList(["100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::254/128"]);
const loopback = blockList(["127.0.0.0/8", "::1/128"]);

const isPublic: AllowAddress = (address) =>
  !within(special, address) && (isIPv4(address) || within(routed, address));
const isPrivate: AllowAddress = (address) => within(inner, address) && !within(metadata, address);
const isLoopback: AllowAddress = (address) => within(loopback, address);

const named: ReadonlyMap<string, AllowAddress> = new Map([
  ["public", isPublic],
  ["private", isPrivate],
  ["loopback", isLoopback],
]);

/**
 * Reads where a listed host may live: `public`, `private`, `loopback` or CIDR ranges, several joined by `+`.
 * Gives undefined where it can't be read.
 */
export function parseAddresses(text: string): AllowAddress | undefined {
  const allowed: AllowAddress[] = [];
  for (const part of text.split("+")) {
    const byName = named.get(part);
    const range = byName === undefined ? rangeOf(part) : undefined;
    if (byName !== undefined) allowed.push(byName);
    else if (range !== undefined) allowed.push((address) => within(blockList([part]), address));
    else return undefined;
  }
  return (address) => allowed.some((allow) => allow(address));
}

/**
 * Writes an address as it is compared and shown: lower-case, shortest form, IPv4 in IPv6 as IPv4.
 * Gives undefined for what is no plain address (a zone, a name, `0x7f.1`).
 */
export function plainAddress(address: string): string | undefined {
  if (isIPv4(address)) return address;
  if (!isIPv6(address) || address.includes("%")) return undefined;
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (mapped === null) return text;
  const bits = Number.parseInt(mapped[1] ?? "", 16) * 65_536 + Number.parseInt(mapped[2] ?? "", 16);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join(".");
}

function within(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function rangeOf(text: string): { address: string; bits: number; family: "ipv4" | "ipv6" } | undefined {
  const [address = "", bits = "", rest] = text.split("/");
  const family = isIPv4(address) ? "ipv4" : isIPv6(address) && !address.includes("%") ? "ipv6" : undefined;
  if (family === undefined || rest !== undefined || !/^\d{1,3}$/.test(bits)) return undefined;
  return Number(bits) <= (family === "ipv4" ? 32 : 128) ? { address, bits: Number(bits), family } : undefined;
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of ranges) {
    const range = rangeOf(text);
    if (range === undefined) throw new TypeError(`no range: ${text}`);
    list.addSubnet(range.address, range.bits, range.family);
  }
  return list;
}
