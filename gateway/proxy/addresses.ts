/** Which addresses are of the web. Sources: IANA's registries of special-purpose addresses for IPv4 and IPv6. */
import { BlockList, isIP } from "node:net";

const list = (family: "ipv4" | "ipv6", cidrs: readonly string[]): BlockList => {
  const made = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", bits = ""] = cidr.split("/");
    made.addSubnet(address, Number(bits), family);
  }
  return made;
};

const inner4 = list("ipv4", [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"],
  ...["198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
]);
const global6 = list("ipv6", ["2000::/3"]);
const inner6 = list("ipv6", ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);
/** Where clouds tell machines who they are, and what they may; never reached, whatever is configured. */
const metadata4 = list("ipv4", [
  "169.254.0.0/16",
  "100.100.100.200/32",
  "168.63.129.16/32",
  "192.0.0.192/32",
]);
const metadata6 = list("ipv6", ["fe80::/10", "fd00:ec2::/32", "fd20:ce::/32"]);

/** IPv4 in IPv6's clothes is IPv4. */
function plain(address: string): string {
  const [, dotted] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (dotted !== undefined) return dotted;
  const [, high, low] = /^0:0:0:0:0:ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(expand(address)) ?? [];
  if (high === undefined || low === undefined) return address;
  return [high, low]
    .flatMap((group) => {
      const number = parseInt(group, 16);
      return [number >> 8, number & 255];
    })
    .join(".");
}

/** Writes an IPv6 address with all of its groups; others as they are. */
function expand(address: string): string {
  if (isIP(address) !== 6 || address.includes(".") || address.includes("%")) return address;
  const [left = "", right] = address.split("::");
  const groups = (text: string | undefined): string[] =>
    text === undefined || text === "" ? [] : text.split(":").map((group) => parseInt(group, 16).toString(16));
  const before = groups(left);
  const after = groups(right);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].join(":");
}

/** Tells whether an address is one of the web, rather than of a network, a machine, or nothing. */
export function isPublicAddress(address: string): boolean {
  const one = plain(address);
  if (isIP(one) === 4) return !inner4.check(one, "ipv4") && !metadata4.check(one, "ipv4");
  return isIP(one) === 6 && global6.check(one, "ipv6") && !inner6.check(one, "ipv6");
}

/** Tells an address that nobody may be sent to. */
export function isNever(address: string): boolean {
  const one = plain(address);
  if (isIP(one) === 4) return metadata4.check(one, "ipv4") || one.startsWith("0.");
  return isIP(one) !== 6 || metadata6.check(one, "ipv6") || expand(one) === "0:0:0:0:0:0:0:0";
}

/** Names of networks, not of the web (RFC 6761, RFC 8375, and by use). */
const innerName =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|arpa|test|invalid|onion|consul|svc|cluster)$/;

/** Tells whether a host is, by how it is written, of a network. */
export function isPrivateHost(host: string): boolean {
  if (isIP(host) !== 0) return !isPublicAddress(host);
  return innerName.test(host) || !host.includes(".");
}
