/** Says where a host is, however it is written. */
import { BlockList, isIP } from "node:net";
import { domainToASCII } from "node:url";

/** Networks that aren't the Internet (IANA special-purpose address registries), with those of clouds' metadata. */
const privateNetworks = new BlockList();
for (const [network, bits] of [
  ...([
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
  ] as const),
  ...([
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.168.0.0", 16],
  ] as const),
  ...([
    ["198.18.0.0", 15],
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
    ["224.0.0.0", 3],
  ] as const),
  // Azure's and Alibaba's metadata services have addresses of the Internet's, or of carriers'
  ...([
    ["168.63.129.16", 32],
    ["100.100.100.200", 32],
  ] as const),
] as const) {
  privateNetworks.addSubnet(network, bits, "ipv4");
}
for (const [network, bits] of [
  ...([
    ["::", 96],
    ["64:ff9b:1::", 48],
    ["100::", 64],
    ["2001::", 23],
    ["2001:db8::", 32],
  ] as const),
  ...([
    ["3fff::", 20],
    ["5f00::", 16],
    ["fc00::", 7],
    ["fe80::", 9],
    ["ff00::", 8],
  ] as const),
] as const) {
  privateNetworks.addSubnet(network, bits, "ipv6");
}

/** Names that aren't the web's (RFC 6761, 6762, 8375, and by use). */
const innerName =
  /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|private|corp|home|lan|arpa|test|invalid|onion|consul|svc|cluster|kubernetes)$/;
/** Names that lead to any address that is written in them, or to this machine. */
const addressName =
  /(?:^|\.)(?:nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|traefik\.me|yoogle\.com|rbndr\.us)$/;

export interface Host {
  /** Lower-case ASCII; an address in its usual form, IPv6 without brackets. */
  readonly host: string;
  readonly ip: boolean;
  readonly private: boolean;
}

/**
 * Reads a host as WHATWG's URL standard does, which takes addresses in decimal, octal and hexadecimal; undefined where it
 * is none.
 */
export function readHost(text: string): Host | undefined {
  if (text.length > 1_024 || /[/?#@\s\\]/.test(text)) return undefined;
  const bracketed = text.includes(":") && !text.startsWith("[") ? `[${text}]` : text;
  const url = `http://${bracketed}/`;
  return URL.canParse(url) ? describeHost(new URL(url).hostname) : undefined;
}

/** Describes a host as a URL has it: in ASCII, IPv6 in brackets. */
export function describeHost(hostname: string): Host {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
  const version = isIP(host);
  if (version === 4) return { host, ip: true, private: privateNetworks.check(host, "ipv4") };
  if (version === 6) {
    const inner = embedded(host);
    if (inner !== undefined) {
      const nested = describeHost(inner);
      return { host: host.startsWith("::ffff:") ? inner : host, ip: true, private: nested.private };
    }
    return { host, ip: true, private: privateNetworks.check(host, "ipv6") };
  }
  const name = domainToASCII(host) || host.toLowerCase();
  // a name of one label is found in the network's own domain
  return {
    host: name,
    ip: false,
    private: !name.includes(".") || innerName.test(name) || addressName.test(name),
  };
}

/** The IPv4 address within an IPv6 one: mapped (RFC 4291), by NAT64 (RFC 6052), 6to4 (RFC 3056). Takes URLs' own form. */
function embedded(host: string): string | undefined {
  const [, high, low] =
    /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host) ??
    /^2002:([0-9a-f]{1,4}):([0-9a-f]{1,4}):/.exec(host) ??
    [];
  if (high === undefined || low === undefined)
    return /^(?:::ffff:|64:ff9b::)$/.test(host) ? "0.0.0.0" : undefined;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
}
