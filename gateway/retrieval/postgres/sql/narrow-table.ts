/** What stands in a statement where a table stood: the rows that the condition leaves, without what is hidden. */
import type { CollectionConfig } from "../../config.js";
import type { Narrowing } from "../../adapter.js";
import type { Column, Table } from "../settings.js";
import { sayCondition } from "./condition.js";
import type { Node } from "./nodes.js";
import { all, call, cast, column, integer, literal, names, operator, target, when } from "./nodes.js";
import type { Values } from "./values.js";
import { arrayText } from "./values.js";

export interface NarrowedTable {
  readonly range: Node;
  readonly exact: boolean;
  readonly visible: readonly string[];
}

export interface TableParts {
  readonly collection: CollectionConfig;
  readonly table: Table;
  readonly alias: string;
  readonly narrowing: Pick<Narrowing, "condition" | "hidden">;
  readonly values: Values;
  /** INVARIANT: without it nothing of the caller's may be evaluated on a row before the condition is. */
  readonly barrier: boolean;
  /** What the row's own document is called, where it is wanted. */
  readonly document?: string;
}

/** Writes `(SELECT visible columns FROM table WHERE condition [OFFSET 0]) AS alias`. */
export function narrowTable({
  collection,
  table,
  alias,
  narrowing,
  values,
  barrier,
  document,
}: TableParts): NarrowedTable {
  const shown = [...table.columns.values()].flatMap((one) => {
    const value = showColumn(one, narrowing.hidden, values);
    return value === undefined ? [] : [{ name: one.name, value }];
  });
  const { where, exact } = sayCondition(narrowing.condition, collection, table, values);
  const query: Node = {
    targetList: [
      ...shown.map(({ name, value }) => target(name, value)),
      ...(document === undefined ? [] : [target(document, sayDocument(collection, table))]),
    ],
    fromClause: [rangeOf(table)],
    ...(where === undefined ? {} : { whereClause: where }),
    // a query with OFFSET isn't merged into the one around it, and takes no conditions from it
    ...(barrier ? { limitOffset: integer(0) } : {}),
    limitOption: barrier ? "LIMIT_OPTION_COUNT" : "LIMIT_OPTION_DEFAULT",
    op: "SETOP_NONE",
  };
  const range: Node = {
    RangeSubselect: { subquery: { SelectStmt: query }, alias: { aliasname: alias } },
  };
  return { range, exact, visible: shown.map(({ name }) => name) };
}

export function rangeOf({ schema, name }: Table, alias?: string): Node {
  return { RangeVar: rangeFields({ schema, name }, alias) };
}

export function rangeFields({ schema, name }: Pick<Table, "schema" | "name">, alias?: string): Node {
  return {
    ...{ schemaname: schema, relname: name, inh: true, relpersistence: "p" },
    ...(alias === undefined ? {} : { alias: { aliasname: alias } }),
  };
}

/** Tells whether nothing of a column is left to see. */
export function isHidden({ name, type, array }: Column, hidden: readonly string[]): boolean {
  return hidden.some((path) => path === name || (path.startsWith(`${name}.`) && (type !== "jsonb" || array)));
}

/** Undefined: nothing of it is shown. What is hidden within JSON is cut out; where that can't be said, more is. */
export function showColumn(one: Column, hidden: readonly string[], values: Values): Node | undefined {
  const { name } = one;
  if (isHidden(one, hidden)) return undefined;
  const own = column(name);
  const inside = hidden.flatMap((path) =>
    path.startsWith(`${name}.`) ? waysToRead(path.slice(name.length + 1).split(".")) : [],
  );
  if (inside.length === 0) return own;
  const cut = inside.reduce<Node>((from, path) => {
    const [first = "", ...rest] = path;
    const member = cast(values.add(first), "text");
    const whole = operator("-", from, member);
    if (rest.length !== 1) return whole;
    const parent = operator("->", from, member);
    const within = operator("#-", from, cast(values.add(arrayText(path)), "text", true));
    return when(operator("=", call("jsonb_typeof", parent), literal("object")), within, whole);
  }, own);
  return when(operator("=", call("jsonb_typeof", own), literal("object")), cut);
}

/** A path's names may hold dots themselves. */
function waysToRead(names: readonly string[]): string[][] {
  const [first, ...rest] = names;
  if (first === undefined) return [[]];
  const ways = waysToRead(rest.slice(0, 7)).filter((way) => way.length > 0 || rest.length === 0);
  return ways.flatMap(([next, ...others]) =>
    next === undefined
      ? [[first]]
      : [
          [first, next, ...others],
          [`${first}.${next}`, ...others],
        ],
  );
}

/** A row's id, and the columns that policy reads, as JSON: what each result is measured by. */
export function sayDocument({ fields }: Pick<CollectionConfig, "fields">, table: Table, of?: string): Node {
  const at = (name: string): Node => (of === undefined ? column(name) : column(of, name));
  const roots = [...new Set([...fields.values()].map(({ path }) => path[0] ?? ""))];
  const members = roots.flatMap((name) => {
    const kept = table.columns.get(name);
    return kept === undefined ? [] : [[literal(name), sayColumn(kept, at(name))]];
  });
  // a function takes 100 arguments
  const parts: Node[] = [];
  for (let from = 0; from === 0 || from < members.length; from += 40)
    parts.push(call("jsonb_build_object", ...members.slice(from, from + 40).flat()));
  const metadata = parts.reduce((left, right) => operator("||", left, right));
  const id = cast(at(table.id), "text");
  return cast(call("jsonb_build_array", id, metadata), "text");
}

/** Times are written in one form, whatever the session's settings are. */
function sayColumn({ type, array }: Column, own: Node): Node {
  if (type !== "timestamptz" || array) return own;
  const there = all(
    operator(">=", own, cast(literal("0001-01-01 00:00:00+00"), "timestamptz")),
    operator("<", own, cast(literal("10000-01-01 00:00:00+00"), "timestamptz")),
  );
  const utc = call("timezone", literal("UTC"), own);
  return when(there, call("to_char", utc, literal('YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
}

/** Names as a list of nodes: of a column that is set, of a table's. */
export const columnNames = (list: readonly string[]) => names(...list);
