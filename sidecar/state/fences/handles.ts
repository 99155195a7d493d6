import type { Handle, Identity } from "../../contract.js";
import { handleOf, issuedHandle } from "../../contract.js";

/** A known token brings the same identity again. */
const known = new WeakMap<Identity, readonly Handle[]>();

/** Gives the handles by which fences know a caller: who calls, for whom, in which session, by which credentials. */
export function identityHandles(identity: Identity): readonly Handle[] {
  const before = known.get(identity);
  if (before !== undefined) return before;
  const { id, type, tenant, workload, chain, credentials, session, device, issuedAt } = identity;
  const handles = new Set<Handle>([handleOf("subject", id), handleOf("tenant", tenant)]);
  if (workload !== undefined) handles.add(handleOf("workload", workload.id));
  if (type === "workload") handles.add(handleOf("workload", id));
  for (const link of chain) {
    handles.add(handleOf("chain", link.id));
    // a workload anywhere in the chain acts through all that come after it
    if (link.type === "workload") handles.add(handleOf("workload", link.id));
  }
  for (const credential of credentials) handles.add(handleOf("token", credential.id));
  if (session !== undefined) handles.add(handleOf("session", session));
  if (device?.id !== undefined) handles.add(handleOf("device", device.id));
  if (issuedAt !== undefined) handles.add(issuedHandle(issuedAt));
  const all = Object.freeze([...handles]);
  known.set(identity, all);
  return all;
}
