import type { Json } from "../../../sidecar/contract.js";
import type { Checks } from "./checks.js";
import type { Dropped } from "./definitions.js";
import type { Entries, Entry } from "./entries.js";

export interface Sifted {
  readonly entries: readonly Entry[];
  readonly dropped: readonly Dropped[];
}

/** Tells, of what a server listed, the tools that can be offered from those that can't, each by itself. */
export async function sift(
  listed: readonly Json[],
  known: Entries,
  { server, host }: { readonly server: string; readonly host: string | undefined },
  checks: Checks,
): Promise<Sifted> {
  const dropped: Dropped[] = [];
  const counts = new Map<string, number>();
  const fit: Entry[] = [];
  for (const one of listed) {
    const before = known.read;
    const entry = known.of(server, host, one);
    // reading takes a millisecond or so, and others are waiting
    if (known.read > before) await new Promise((resolve) => setImmediate(resolve));
    const name = "definition" in entry ? entry.definition.name : entry.name;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (!("definition" in entry)) dropped.push({ name, why: entry.why });
    else if (checks.isBroken(entry.definition.digest)) dropped.push({ name, why: "schema" });
    else fit.push(entry);
  }
  const entries = fit.filter(({ definition: { name } }) => {
    const twice = (counts.get(name) ?? 0) > 1;
    // which of the two is called would be the server's choice
    if (twice) dropped.push({ name, why: "duplicate" });
    return !twice;
  });
  return { entries, dropped };
}
