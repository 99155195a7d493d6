/** What a statement is, a query or a change, and how it is decided on. */
import type { StoreConfig } from "../config.js";
import { decideChange } from "./run-change.js";
import type { Bound, Decided, Failed, QueryParts } from "./run.js";
import { decide } from "./run.js";
import type { StoreSettings } from "./settings.js";
import type { Change } from "./sql/change.js";
import { isChange, readChange } from "./sql/change.js";
import type { Node } from "./sql/nodes.js";
import { open } from "./sql/nodes.js";
import { unsupported } from "./sql/refuse.js";
import type { Select } from "./sql/select.js";
import { readSelect } from "./sql/select.js";

export interface Plan {
  readonly what: Select | Change;
  /** How many parameters it has. */
  readonly params: number;
  /** Whether it may give rows. */
  readonly returns: boolean;
}

/** Reads a statement of tables. @throws NotAllowed */
export function planStatement(
  statement: Node,
  parts: { readonly store: StoreConfig; readonly settings: StoreSettings },
): Plan {
  const one = open(statement);
  if (one?.tag === "SelectStmt") {
    const what = readSelect(statement, parts);
    return { what, params: what.reading.params, returns: true };
  }
  if (one === undefined || !isChange(one.tag)) throw unsupported(String(one?.tag).replace(/Stmt$/, ""));
  const what = readChange(statement, parts);
  return { what, params: what.reading.params, returns: one.fields["returningClause"] !== undefined };
}

/** @param bound absent while there are no values */
export function decidePlan(
  parts: QueryParts,
  { what }: Plan,
  bound: Bound | undefined,
): Promise<Decided | Failed> {
  return what.kind === "select" ? decide(parts, what, bound?.values) : decideChange(parts, what, bound);
}
