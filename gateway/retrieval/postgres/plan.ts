/** What a statement is: a query, or a change. */
import type { Connection } from "./database.js";
import type { Bound, Decided, Described, Failed, QueryParts, Rows, Setup } from "./run.js";
import { decide, describeQuery, sendQuery } from "./run.js";
import type { StoreSettings } from "./settings.js";
import type { Node } from "./sql/nodes.js";
import { open } from "./sql/nodes.js";
import { unsupported } from "./sql/refuse.js";
import type { Select } from "./sql/select.js";
import { readSelect } from "./sql/select.js";
import type { StoreConfig } from "../config.js";

export type Plan = Select & { readonly params: number; readonly returns: boolean };
export type Planned = Decided & { readonly writes: boolean };

/** Reads a statement of tables. @throws NotAllowed */
export function planStatement(
  statement: Node,
  parts: { readonly store: StoreConfig; readonly settings: StoreSettings },
): Plan {
  const tag = open(statement)?.tag;
  if (tag !== "SelectStmt") throw unsupported(String(tag).replace(/Stmt$/, ""));
  const select = readSelect(statement, parts);
  return { ...select, params: select.reading.params, returns: true };
}

export async function decidePlan(
  parts: QueryParts,
  plan: Plan,
  bound: Bound | undefined,
): Promise<Planned | Failed> {
  const decided = await decide(parts, plan, bound?.values);
  return decided.kind === "failed" ? decided : { ...decided, writes: false };
}

export function describePlan(
  connection: Connection,
  decided: Planned,
  types: readonly number[],
  setup: Setup,
): Promise<{ readonly heard: Described | Failed; readonly state: string }> {
  return describeQuery(connection, decided, types, setup);
}

export function sendPlan(
  connection: Connection,
  decided: Planned,
  bound: Bound,
  setup: Setup,
): Promise<{ readonly heard: Rows | Failed; readonly state: string }> {
  return sendQuery(connection, decided, bound, setup);
}
