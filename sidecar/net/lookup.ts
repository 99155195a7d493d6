/** How names become the addresses that are connected to. */
import { lookup as systemLookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { plainAddress, type AllowAddress } from "./addresses.js";

/** Finds a name's addresses. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** A name that leads nowhere, or where it may not. */
export class LookupFault extends Error {
  override readonly name = "LookupFault";
  constructor(readonly fault: "network" | "address") {
    super(fault);
  }
}

/** Answers Node's question for addresses with the allowed ones, and with a {@link LookupFault} where there are none. */
export function guardedLookup(lookup: Lookup, allows: AllowAddress): LookupFunction {
  return (name, options, done) => {
    lookup(name).then(
      (addresses) => {
        const plain = addresses.flatMap((address) => plainAddress(address) ?? []);
        const good = plain
          .filter(allows)
          .map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))
          .filter(({ family }) => ![4, 6].includes(Number(options.family)) || family === options.family);
        const [first] = good;
        if (first === undefined) done(new LookupFault(plain.length === 0 ? "network" : "address"), []);
        else if (options.all === true) done(null, good);
        else done(null, first.address, first.family);
      },
      () => done(new LookupFault("network"), []),
    );
  };
}

/** INVARIANT: a name that is being asked about isn't asked about again: each question takes one of Node's few threads. */
export function onceAtATime(lookup: Lookup): Lookup {
  const asked = new Map<string, Promise<readonly string[]>>();
  return (name) => {
    const running = asked.get(name);
    if (running !== undefined) return running;
    const answer = lookup(name).finally(() => asked.delete(name));
    asked.set(name, answer);
    return answer;
  };
}

export async function systemAddresses(name: string): Promise<readonly string[]> {
  return (await systemLookup(name, { all: true })).map(({ address }) => address);
}
