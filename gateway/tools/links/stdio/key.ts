import type { Isolation } from "../../command-config.js";
import type { Holder } from "../link.js";

/** Names whom children are for. INVARIANT: two that may not share one never have the same name. */
export function keyOf(isolation: Isolation, { subject: { tenant, type, id, chain } }: Holder): string {
  const whom = { shared: [], tenant: [tenant], caller: [tenant, type, id, chain] };
  return JSON.stringify([isolation, ...whom[isolation]]);
}
