/** Who holds a task, as digests: what a token is bound to, and what labels stick to. */
import { createHash } from "node:crypto";
import type { ChainLink, Identity } from "../../contract.js";

export interface Holder {
  /** All that makes this caller this caller: a token for one holder is nobody else's. */
  readonly binding: string;
  /** At whom the chain begins, in this tenant: who exchanged tokens are for. */
  readonly origin: string;
  /** Labels stick to these, and count from these. */
  readonly sticky: readonly string[];
  /** Labels stick to these, too, but don't count from these for this caller. */
  readonly marks: readonly string[];
}

const known = new WeakMap<Identity, Holder>();

/** Finds whom a caller is known as; worked out once per verified identity. */
export function holderOf(identity: Identity): Holder {
  const found = known.get(identity);
  if (found !== undefined) return found;
  const holder = describeHolder(identity);
  known.set(identity, holder);
  return holder;
}

function describeHolder(identity: Identity): Holder {
  const { tenant, issuer, id, chain, workload, key, session } = identity;
  const links = chain.map((link) => [link.type, link.id, link.issuer]);
  const [first] = chain;
  const binding = digest("binding", [tenant, issuer, links, id, workload?.id ?? null, key ?? null]);
  const origin = digest("origin", [tenant, first === undefined ? id : nameOf(first)]);
  // neither key nor session: both are easily had anew
  const caller = digest("caller", [
    tenant,
    links.map(([, linkId, by]) => [linkId, by]),
    workload?.id ?? null,
  ]);
  const alone = aloneOf(identity);
  if (first?.type !== "user") {
    // it comes by itself: what it picked up for others is its own, too
    return { binding, origin, sticky: chain.length > 1 ? [caller, ...alone] : alone, marks: [] };
  }
  const user = digest("session", [tenant, nameOf(first), null]);
  if (session === undefined) return { binding, origin, sticky: [caller, user], marks: alone };
  const own = digest("session", [tenant, nameOf(first), session]);
  return { binding, origin, sticky: [caller, own], marks: [user, ...alone] };
}

/** Agents and workloads as they are when they call by themselves. */
function aloneOf({ tenant, chain, workload }: Identity): string[] {
  const names = new Set(chain.filter(({ type }) => type !== "user").map(nameOf));
  if (workload !== undefined) names.add(workload.id);
  return [...names].map((name) => digest("alone", [tenant, name]));
}

/** A SPIFFE id is the same party whoever vouches for it; other ids mean something with their issuer only. */
function nameOf({ id, issuer }: ChainLink): string {
  return id.startsWith("spiffe://") ? id : JSON.stringify([issuer, id]);
}

function digest(use: string, of: readonly unknown[]): string {
  return createHash("sha256")
    .update(JSON.stringify(["countersign task", use, ...of]))
    .digest("base64url");
}
