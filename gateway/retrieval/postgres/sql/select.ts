/** Queries: what they are, and how they are narrowed. */
import type { Narrowing } from "../../adapter.js";
import { narrowTable } from "./narrow-table.js";
import type { Node, Tree } from "./nodes.js";
import { cast, column, copyOf, integer, isNode, listOf, nameOf, open, target } from "./nodes.js";
import { isQuiet } from "./quiet.js";
import type { Reading, ReadParts, TableUse } from "./read.js";
import { readTree } from "./read.js";
import { aggregates, windowed } from "./allowed.js";
import { NotAllowed, unsupported } from "./refuse.js";
import type { Values } from "./values.js";

/** A number that a statement has, or leaves to a parameter. */
export type Amount =
  | { readonly kind: "none" }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "param"; readonly number: number };

export interface Select {
  readonly kind: "select";
  readonly reading: Reading;
  /**
   * - `rows`: each row is of documents of its top tables, which can be looked at
   * - `count`: tells how many there are
   * - `derived`: anything else: aggregates, unions, what stands on queries
   */
  readonly shape: "rows" | "count" | "derived";
  readonly limit: Amount;
  readonly offset: Amount;
  /** Whether nothing of the caller's that is evaluated on rows can fail on one. */
  readonly quiet: boolean;
}

/** Where a column of the answer comes from. */
export type Output =
  | { readonly kind: "column"; readonly use: number; readonly column: string }
  /** By the names in it. */
  | { readonly kind: "expression"; readonly columns: ReadonlySet<string> };

export interface NarrowedSelect {
  readonly tree: Node;
  readonly exact: readonly boolean[];
  /** Which uses have their document at the end of each row, in order. */
  readonly documents: readonly number[];
  /** By the answer's columns; undefined where they aren't known. */
  readonly outputs: readonly Output[] | undefined;
}

/** Reads a query. @throws NotAllowed */
export function readSelect(statement: Node, parts: Omit<ReadParts, "top">): Select {
  const select = open(statement)?.fields ?? {};
  const simple = isSimple(select);
  const from = listOf(select["fromClause"]);
  const counts = simple === "count" && from.length === 1 && open(from[0])?.tag === "RangeVar";
  const top = new Set(simple === "rows" || counts ? from.flatMap(tablesOf) : []);
  const reading = readTree(statement, { ...parts, top });
  const shape = simple === "rows" ? "rows" : counts && !reading.nested ? "count" : "derived";
  const columns = new Map(reading.uses.flatMap(({ table }) => [...(table?.columns ?? [])]));
  const only = reading.uses.every((use) => use.top);
  const conditions = [select["whereClause"], ...from.flatMap(conditionsOf)].filter(
    (one) => one !== undefined,
  );
  const quiet =
    (shape === "rows" || shape === "count") &&
    only &&
    !reading.nested &&
    reading.uses.length === from.flatMap(tablesOf).length &&
    sameNamesSameTypes(reading.uses) &&
    conditions.every((one) => isQuiet(one, columns)) &&
    measured(reading.uses);
  const limit = amountOf(select["limitCount"], "LIMIT");
  return { kind: "select", reading, shape, limit, offset: amountOf(select["limitOffset"], "OFFSET"), quiet };
}

/** Vectors of an undeclared size could be told apart by an error. */
function measured(uses: readonly TableUse[]): boolean {
  return uses.every(({ table }) =>
    [...(table?.columns.values() ?? [])].every(
      ({ type, dimensions }) =>
        !["vector", "halfvec", "sparsevec", "bit"].includes(type) || dimensions !== undefined,
    ),
  );
}

/** Which table's column is meant isn't worked out: it mustn't matter. */
function sameNamesSameTypes(uses: readonly TableUse[]): boolean {
  const types = new Map<string, string>();
  return uses.every(({ table }) =>
    [...(table?.columns.values() ?? [])].every(({ name, type, array }) => {
      const before = types.get(name);
      types.set(name, `${type}${String(array)}`);
      return before === undefined || before === `${type}${String(array)}`;
    }),
  );
}

function isSimple(select: Node): "rows" | "count" | undefined {
  const plain =
    select["op"] === "SETOP_NONE" &&
    ["valuesLists", "distinctClause", "groupClause", "windowClause"].every(
      (name) => listOf(select[name]).length === 0,
    ) &&
    select["havingClause"] === undefined &&
    select["withClause"] === undefined;
  if (!plain) return undefined;
  const list = [...listOf(select["targetList"]), ...listOf(select["sortClause"])];
  if (!list.some(gathers)) return "rows";
  const counts = listOf(select["targetList"]).every((one) => {
    const value = open(open(one)?.fields["val"]);
    const call = value?.tag === "TypeCast" ? open(value.fields["arg"]) : value;
    return call?.tag === "FuncCall" && nameOf(listOf(call.fields["funcname"]).at(-1)) === "count";
  });
  return counts ? "count" : undefined;
}

/** Tells an aggregate or a window function, but within a query of its own. */
function gathers(tree: Tree): boolean {
  if (Array.isArray(tree)) return tree.some(gathers);
  if (!isNode(tree)) return false;
  const call = tree["FuncCall"];
  if (isNode(call)) {
    const name = nameOf(listOf(call["funcname"]).at(-1)) ?? "";
    if (aggregates.has(name) || windowed.has(name) || call["over"] !== undefined) return true;
  }
  return Object.entries(tree).some(([tag, value]) => tag !== "SubLink" && gathers(value));
}

/** Tables of FROM, also where they are joined. */
function tablesOf(tree: Tree | undefined): Node[] {
  const one = open(tree);
  if (one?.tag === "RangeVar" && isNode(tree)) return [tree];
  return one?.tag === "JoinExpr" ? [...tablesOf(one.fields["larg"]), ...tablesOf(one.fields["rarg"])] : [];
}

function conditionsOf(tree: Tree | undefined): Tree[] {
  const one = open(tree);
  if (one?.tag !== "JoinExpr") return [];
  const own = one.fields["quals"] === undefined ? [] : [one.fields["quals"]];
  return [...own, ...conditionsOf(one.fields["larg"]), ...conditionsOf(one.fields["rarg"])];
}

function amountOf(tree: Tree | undefined, word: string): Amount {
  if (tree === undefined) return { kind: "none" };
  const one = open(tree);
  const inner = one?.tag === "TypeCast" ? open(one.fields["arg"]) : one;
  if (inner?.tag === "ParamRef" && typeof inner.fields["number"] === "number")
    return { kind: "param", number: inner.fields["number"] };
  if (inner?.tag === "A_Const") {
    if (inner.fields["isnull"] === true) return { kind: "none" };
    const { ival } = inner.fields;
    if (isNode(ival)) return { kind: "number", value: typeof ival["ival"] === "number" ? ival["ival"] : 0 };
  }
  throw unsupported(`${word} that is neither a number nor a parameter`);
}

/** Narrows a query: `narrowings` in the order of its uses. @throws NotAllowed */
export function narrowSelect(
  { reading, shape, limit, quiet }: Select,
  narrowings: readonly Narrowing[],
  values: Values,
  most: number,
): NarrowedSelect {
  const tree = copyOf(reading.tree);
  const select = tree["SelectStmt"];
  if (!isNode(select)) throw new Error("not a query");
  const looked = shape === "rows" ? reading.uses.filter(({ top }) => top).map(({ index }) => index) : [];
  const narrowed = reading.uses.map(({ index, collection, table, alias }) => {
    const narrowing = narrowings[index];
    if (collection === undefined || table === undefined || narrowing === undefined)
      throw new NotAllowed("42P01", "relation does not exist", "unknown_collection");
    const document = looked.includes(index) ? { document: `cs$${index}` } : {};
    return narrowTable({ collection, table, alias, narrowing, values, barrier: !quiet, ...document });
  });
  const outputs =
    shape === "rows" ? expand(select, reading.uses, (index) => narrowed[index]?.visible ?? []) : undefined;
  for (const index of looked) {
    const alias = reading.uses[index]?.alias ?? "";
    (select["targetList"] = listOf(select["targetList"])).push(
      target(`cs$${index}`, column(alias, `cs$${index}`)),
    );
  }
  select["limitCount"] = sayLimit(limit, most, select["limitCount"]);
  select["limitOption"] = "LIMIT_OPTION_COUNT";
  const put = (one: Tree): Tree => {
    if (Array.isArray(one)) return one.map(put);
    if (!isNode(one)) return one;
    const mark = one["Table"];
    if (isNode(mark)) return narrowed[Number(mark["index"])]?.range ?? {};
    return Object.fromEntries(Object.entries(one).map(([key, value]) => [key, put(value)]));
  };
  return {
    tree: put(tree) as Node,
    exact: narrowed.map(({ exact }) => exact),
    documents: looked,
    outputs,
  };
}

/** INVARIANT: no query is without a limit, and none has a higher one. */
function sayLimit(limit: Amount, most: number, given: Tree | undefined): Node {
  if (limit.kind === "none") return integer(most);
  if (limit.kind === "number") return integer(Math.min(limit.value, most));
  const asked =
    open(given)?.tag === "TypeCast" && isNode(given) ? given : { ParamRef: { number: limit.number } };
  return { MinMaxExpr: { op: "IS_LEAST", args: [cast(asked, "int8"), cast(integer(most), "int8")] } };
}

/** Writes `*` out, and tells where each column comes from. */
function expand(
  select: Node,
  uses: readonly TableUse[],
  visible: (index: number) => readonly string[],
): readonly Output[] | undefined {
  const from = listOf(select["fromClause"]);
  const byAlias = new Map(uses.filter(({ top }) => top).map((use) => [use.alias, use]));
  const outputs: Output[] = [];
  let known = true;
  const list: Tree[] = [];
  const spell = ({ index, alias }: TableUse): void => {
    for (const name of visible(index)) {
      list.push(target(undefined, column(alias, name)));
      outputs.push({ kind: "column", use: index, column: name });
    }
  };
  const spellAll = (tree: Tree | undefined): void => {
    const one = open(tree);
    if (one?.tag === "Table") {
      const use = uses[Number(one.fields["index"])];
      if (use !== undefined) spell(use);
    } else if (one?.tag === "JoinExpr") {
      if (listOf(one.fields["usingClause"]).length > 0) throw unsupported("* of a join with USING");
      spellAll(one.fields["larg"]);
      spellAll(one.fields["rarg"]);
    } else {
      const alias = isNode(one?.fields["alias"]) ? one.fields["alias"]["aliasname"] : undefined;
      if (typeof alias !== "string") throw unsupported("* of what has no name");
      known = false;
      list.push(target(undefined, { ColumnRef: { fields: [{ String: { sval: alias } }, { A_Star: {} }] } }));
    }
  };
  for (const item of listOf(select["targetList"])) {
    const value = open(open(item)?.fields["val"]);
    const parts = value?.tag === "ColumnRef" ? listOf(value.fields["fields"]) : [];
    const star = open(parts.at(-1))?.tag === "A_Star";
    const owner = parts.length > 1 ? byAlias.get(nameOf(parts[0]) ?? "") : undefined;
    if (star && parts.length === 1) for (const one of from) spellAll(one);
    else if (star && owner !== undefined) spell(owner);
    else {
      if (star) known = false;
      list.push(item);
      const name = nameOf(parts.at(-1));
      const use = owner ?? (uses.length === 1 && parts.length === 1 ? uses[0] : undefined);
      outputs.push(
        name !== undefined && use?.table?.columns.has(name) === true
          ? { kind: "column", use: use.index, column: name }
          : { kind: "expression", columns: columnsIn(item) },
      );
    }
  }
  select["targetList"] = list;
  return known ? outputs : undefined;
}

/** The names of columns in an expression. */
function columnsIn(tree: Tree): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (one: Tree): void => {
    if (Array.isArray(one)) for (const member of one) walk(member);
    if (!isNode(one)) return;
    const { ColumnRef: reference } = one;
    if (isNode(reference)) found.add(nameOf(listOf(reference["fields"]).at(-1)) ?? "");
    for (const value of Object.values(one)) walk(value);
  };
  walk(tree);
  return found;
}
