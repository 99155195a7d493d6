import type { Decided, Setup } from "./run.js";
import type { StoreSettings } from "./settings.js";

/** Gives what is set for one statement, for its transaction alone; the role last. */
export function setupOf(
  { vectorSchema, set, rls }: StoreSettings,
  { allowed }: Pick<Decided, "allowed">,
  {
    timeout,
    chosen,
    readOnly,
  }: { readonly timeout: number; readonly chosen: Setup; readonly readOnly: boolean },
): Setup {
  const subject = allowed.decisions[0]?.subject;
  const facts = { tenant: subject?.tenant ?? "", id: subject?.id ?? "", type: subject?.type ?? "" };
  return [
    ["search_path", `pg_catalog, "${vectorSchema}", pg_temp`],
    ["statement_timeout", String(timeout)],
    ["standard_conforming_strings", "on"],
    ["extra_float_digits", "1"],
    ["row_security", "on"],
    ...chosen,
    ...Object.entries(set),
    ...Object.entries(rls?.settings ?? {}).map(([name, fact]) => [name, facts[fact]] as const),
    ...(readOnly ? ([["transaction_read_only", "on"]] as const) : []),
    ...(rls?.role === undefined ? [] : ([["role", rls.role]] as const)),
  ];
}
