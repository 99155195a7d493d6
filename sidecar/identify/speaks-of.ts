import type { EpochMatch } from "../contract.js";
import type { Verified } from "./verified.js";

/**
 * Tells whether a credential may speak of whom a bump names, so that it is to be looked at anew.
 * INVARIANT: in doubt it does: what a credential doesn't say keeps nothing.
 */
export function speaksOf({ credential, subject, workload }: Verified, about: EpochMatch): boolean {
  const { tenant, task, token, session, device } = about;
  const tenants = [
    ...(subject === undefined ? [] : [subject.tenant]),
    ...(workload === undefined ? [] : workload.tenants),
  ];
  if (tenant !== undefined && tenants.length > 0 && !tenants.some((one) => one === tenant || one === "*"))
    return false;
  // what is kept for a task isn't kept of credentials
  if (task !== undefined) return false;
  if (token !== undefined) return credential.id === token;
  if (session !== undefined) return subject?.session === session;
  if (device !== undefined) return subject?.device?.id === device;
  const named = about.subject ?? about.workload;
  if (named === undefined) return true;
  return (
    subject?.id === named || workload?.id === named || subject?.chain.some(({ id }) => id === named) === true
  );
}
