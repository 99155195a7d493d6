/** Asks another origin that a service names: a registry's blobs lie with others, and its tokens are given by others. */
import { parseAddresses, plainAddress, type AllowAddress } from "../addresses.js";
import { guardedLookup, LookupFault, type Lookup } from "../lookup.js";
import { isHere } from "./config.js";
import { exchange, type Answer, type Exchange } from "./exchange.js";
import { Fault } from "./fault.js";

export interface ElsewhereParts {
  /** The service's own URL. */
  readonly base: URL;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly lookup: Lookup;
}

/** @throws Fault */
export type Elsewhere = (wanted: Omit<Exchange, "agent" | "ca" | "pair" | "lookup">) => Promise<Answer>;

const loopback = parseAddresses("loopback");
const inner = parseAddresses("private");

/**
 * INVARIANT: nobody is asked without TLS unless the service is, and no address that is nearer to this machine than the
 * service's own: who is at a public one leads nobody into a private network, and nobody to a cloud's metadata.
 */
export function createElsewhere({ base, ca, lookup }: ElsewhereParts): Elsewhere {
  return async (wanted) => {
    const { url } = wanted;
    if (url.protocol !== "https:" && !(url.protocol === "http:" && base.protocol === "http:"))
      throw new Fault("redirect", "it leads elsewhere without TLS");
    if (url.username !== "" || url.password !== "")
      throw new Fault("redirect", "it leads elsewhere with a password in the URL");
    const allows = await near(base, lookup);
    const host = hostOf(url);
    const literal = plainAddress(host);
    // Node asks nobody about an address
    if (literal !== undefined ? !allows(literal) : host.includes(":"))
      throw new Fault("address", "it leads to an address that may not be asked");
    return exchange({ ...wanted, ca, lookup: guardedLookup(lookup, allows) });
  };
}

/** @throws LookupFault */
async function near(base: URL, lookup: Lookup): Promise<AllowAddress> {
  const host = hostOf(base);
  const literal = plainAddress(host);
  const own = isHere(base.hostname)
    ? ["127.0.0.1"]
    : literal !== undefined
      ? [literal]
      : await lookup(host).catch(() => {
          throw new LookupFault("network");
        });
  const plain = own.flatMap((address) => plainAddress(address) ?? []);
  const among = (allows: AllowAddress | undefined): boolean =>
    allows !== undefined && plain.some((address) => allows(address));
  const isHereToo = among(loopback);
  const names = [
    "public",
    ...(isHereToo || among(inner) ? ["private"] : []),
    ...(isHereToo ? ["loopback"] : []),
  ];
  return parseAddresses(names.join("+")) ?? (() => false);
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
