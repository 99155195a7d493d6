import type { Identity } from "../contract.js";

/** An {@link Identity} before it is vouched for. */
export type IdentityFields = { [K in keyof Identity as K extends string ? K : never]: Identity[K] };

/** Mints an identity, frozen all the way down. INVARIANT: the only place where one comes to be. */
export function mintIdentity(fields: IdentityFields): Identity {
  return freeze(fields) as unknown as Identity;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}
