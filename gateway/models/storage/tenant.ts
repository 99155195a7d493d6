import type { Bound } from "../operations/bind.js";

/** A store is its tenant's, whoever of it asks. */
export function tenantOf({ subject, ...bound }: Omit<Bound, "model">): Omit<Bound, "model"> {
  return { ...bound, subject: { tenant: subject.tenant, type: "tenant", id: subject.tenant } };
}
