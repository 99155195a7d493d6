/** Where a CONNECT leads (RFC 9110, section 9.3.6): a host and a port in their one plain form. */
import { isIPv4, isIPv6 } from "node:net";

export interface Target {
  /** Lower-case; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  readonly kind: "name" | "ip";
}

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** The last label begins with a letter: what doesn't is a number in some spelling of an address. */
const name = new RegExp(`^(?:${label}\\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$`);

/** Tells a name as it stands in certificates: letters, digits and hyphens, lower-case, no dot at its end. */
export function isPlainName(text: string): boolean {
  return text.length <= 253 && name.test(text);
}

/**
 * Reads the target of a CONNECT; undefined for any spelling but the plain one. INVARIANT: what is no name is an address in
 * the form that everybody reads alike: no 127.1, 0x7f000001, 2130706433 or 0177.0.0.1.
 */
export function readConnectTarget(text: string): Target | undefined {
  const [, bracketed, plain, digits = ""] =
    /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9.-]{1,253})):([1-9][0-9]{0,4})$/i.exec(text) ?? [];
  const port = Number(digits);
  if (digits === "" || port > 65_535) return undefined;
  if (bracketed !== undefined)
    return isIPv6(bracketed) ? { host: bracketed.toLowerCase(), port, kind: "ip" } : undefined;
  const host = (plain ?? "").toLowerCase();
  if (isIPv4(host)) return { host, port, kind: "ip" };
  return isPlainName(host) ? { host, port, kind: "name" } : undefined;
}
