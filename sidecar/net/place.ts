/** Where documents may be fetched from, by what an operator wrote. */
import { parseAddresses, plainAddress, type AllowAddress } from "./addresses.js";

/** Where documents may be fetched from, and how. */
export interface FetchConfig {
  /** `public` (default), `private`, `loopback` or CIDR ranges, several joined by `+`. */
  readonly addresses?: string;
  /** Plain HTTP beyond this machine. */
  readonly http?: boolean;
  /** PEM of the authorities that its certificate must come from, instead of the public ones. */
  readonly ca_file?: string;
  /** A token to present, e.g. a pod's own to its cluster; sent to the issuer's or the configured origin only. */
  readonly token_file?: string;
}

const loopback = parseAddresses("loopback");

/** A URL that may be fetched from, and the addresses that its host may have. */
export interface Place {
  readonly kind: "place";
  readonly url: string;
  readonly allows: AllowAddress;
  /** Whether the operator named the origin: others are told no credentials. */
  readonly named: boolean;
}

/**
 * Judges a URL. What the operator wrote is its own permission where it is an address or `localhost`; what came
 * from a document is so only at an origin that the operator wrote.
 * @param named origins that the operator wrote
 * @returns the place, or what is wrong with the URL
 */
export function placeOf(text: string, config: FetchConfig, named: readonly string[]): Place | string {
  if (!URL.canParse(text) || /[\u0000-\u0020\u007f\\]/.test(text)) return "must be a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "must not hold credentials";
  const byOperator = named.some((one) => URL.canParse(one) && new URL(one).origin === url.origin);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const own = byOperator ? ownAddresses(host) : undefined;
  if (url.protocol !== "https:") {
    const local = host === "localhost" || (plainAddress(host) !== undefined && loopback?.(host) === true);
    if (url.protocol !== "http:" || !(config.http === true || (local && own !== undefined))) {
      return "must be https (http on loopback only)";
    }
  }
  const allows = own ?? parseAddresses(config.addresses ?? "public");
  if (allows === undefined) return "has no readable addresses";
  return { kind: "place", url: url.href, allows, named: byOperator };
}

function ownAddresses(host: string): AllowAddress | undefined {
  if (host === "localhost") return loopback;
  const literal = plainAddress(host);
  return literal === undefined ? undefined : (address) => address === literal;
}
