/** Statements that write: INSERT of values, UPDATE and DELETE of what a condition leaves. */
import type { Condition } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";
import type { Table } from "../settings.js";
import { sayCondition } from "./condition.js";
import { isHidden, rangeFields, showColumn } from "./narrow-table.js";
import type { Node, Tree } from "./nodes.js";
import { all, column, copyOf, isNode, listOf, nameOf, open, target, truth, when } from "./nodes.js";
import { isQuiet } from "./quiet.js";
import type { Reading, ReadParts, TableUse } from "./read.js";
import { readTree } from "./read.js";
import { NotAllowed, unsupported } from "./refuse.js";
import type { Values } from "./values.js";

export interface Change {
  readonly kind: "change";
  readonly verb: "insert" | "update" | "delete";
  readonly reading: Reading;
  readonly use: TableUse;
  /** Of an insert: the columns, and a list of expressions for each row. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Node[])[];
}

const verbs: Readonly<Record<string, Change["verb"]>> = {
  InsertStmt: "insert",
  UpdateStmt: "update",
  DeleteStmt: "delete",
};

export const isChange = (tag: string | undefined): boolean => tag !== undefined && Object.hasOwn(verbs, tag);

/** Reads a statement that writes. @throws NotAllowed */
export function readChange(statement: Node, parts: Omit<ReadParts, "top">): Change {
  const reading = readTree(statement, { ...parts, top: new Set() });
  const one = open(reading.tree);
  const verb = verbs[one?.tag ?? ""];
  const [use] = reading.uses;
  if (one === undefined || verb === undefined || use === undefined) throw unsupported("such a statement");
  // what is asked within could tell of rows before the condition is met
  if (reading.nested || reading.uses.length > 1) throw unsupported("a query within a statement that writes");
  const base = { kind: "change", verb, reading, use, columns: [], rows: [] } as const;
  const { table } = use;
  // what isn't configured is refused with its decision
  if (table === undefined) return base;
  checkSets(one.fields["targetList"], table, verb, use);
  if (verb !== "insert") return base;
  return { ...base, ...readValues(one.fields, table, use) };
}

/** The columns that hold what policy goes by. */
export function rootsOf({ fields }: Pick<CollectionConfig, "fields">): ReadonlySet<string> {
  return new Set([...fields.values()].map(({ path }) => path[0] ?? ""));
}

/** INVARIANT: what policy goes by isn't changed by UPDATE: a document is what it was when it was decided on. */
function checkSets(list: Tree | undefined, table: Table, verb: Change["verb"], use: TableUse): void {
  for (const one of listOf(list)) {
    const name = setName(one);
    if (!table.columns.has(name))
      throw new NotAllowed("42703", `column ${JSON.stringify(name)} does not exist`);
    const { collection } = use;
    if (verb === "update" && collection !== undefined && rootsOf(collection).has(name))
      throw new NotAllowed(
        "42501",
        `policy goes by the column ${JSON.stringify(name)}: write the document anew, by INSERT … ON CONFLICT`,
        "document_refused",
      );
  }
}

function setName(tree: Tree): string {
  const one = open(tree);
  const name = one?.tag === "ResTarget" ? one.fields["name"] : undefined;
  if (typeof name !== "string" || one?.fields["indirection"] !== undefined) throw unsupported("such a SET");
  return name;
}

function readValues(
  fields: Node,
  table: Table,
  use: TableUse,
): { readonly columns: readonly string[]; readonly rows: readonly (readonly Node[])[] } {
  if (fields["override"] !== "OVERRIDING_NOT_SET") throw unsupported("OVERRIDING");
  const select = open(fields["selectStmt"])?.fields ?? {};
  const others = Object.keys(select).filter((name) => !["valuesLists", "limitOption", "op"].includes(name));
  const lists = listOf(select["valuesLists"]);
  if (lists.length === 0 || others.length > 0) throw unsupported("INSERT of anything but VALUES");
  const named = listOf(fields["cols"]).map(setName);
  const columns = named.length > 0 ? named : [...table.columns.keys()];
  for (const name of columns)
    if (!table.columns.has(name))
      throw new NotAllowed("42703", `column ${JSON.stringify(name)} does not exist`);
  if (new Set(columns).size < columns.length) throw new NotAllowed("42701", "a column stands twice");
  const rows = lists.map((one) => {
    const items = listOf(open(one)?.fields["items"]);
    if (items.length !== columns.length)
      throw new NotAllowed("42601", "INSERT has more or fewer expressions than columns");
    return items.map((item) => {
      if (!isNode(item) || open(item) === undefined) throw unsupported("such a value");
      return item;
    });
  });
  checkConflict(fields["onConflictClause"], table, use);
  return { columns, rows };
}

function checkConflict(clause: Tree | undefined, table: Table, { collection }: TableUse): void {
  if (!isNode(clause)) return;
  const { infer } = clause;
  for (const one of isNode(infer) ? listOf(infer["indexElems"]) : []) {
    const name = open(one)?.fields["name"];
    if (typeof name !== "string" || !table.columns.has(name)) throw unsupported("such an ON CONFLICT");
  }
  const roots = collection === undefined ? new Set<string>() : rootsOf(collection);
  for (const one of listOf(clause["targetList"])) {
    const name = setName(one);
    if (!table.columns.has(name))
      throw new NotAllowed("42703", `column ${JSON.stringify(name)} does not exist`);
    if (!roots.has(name)) continue;
    const value = open(open(one)?.fields["val"]);
    const parts = value?.tag === "ColumnRef" ? listOf(value.fields["fields"]).map(nameOf) : [];
    if (parts.length !== 2 || parts[0] !== "excluded" || parts[1] !== name)
      throw new NotAllowed(
        "42501",
        `policy goes by the column ${JSON.stringify(name)}: it can be set to EXCLUDED.${name} alone`,
        "document_refused",
      );
  }
}

export interface NarrowedChange {
  readonly tree: Node;
  readonly exact: boolean;
}

/**
 * Narrows a statement that writes: only rows that the condition leaves are touched, and nothing of the caller's is
 * evaluated on others.
 * @param rows of an insert, with what policy says of them
 * @throws NotAllowed
 */
export function narrowChange(
  { verb, reading, use }: Change,
  { condition, hidden }: { readonly condition: Condition; readonly hidden: readonly string[] },
  insert: { readonly columns: readonly string[]; readonly rows: readonly (readonly Node[])[] },
  values: Values,
): NarrowedChange {
  const { table, collection, alias } = use;
  if (table === undefined || collection === undefined)
    throw new NotAllowed("42P01", "relation does not exist", "unknown_collection");
  const tree = copyOf(reading.tree);
  const fields = open(tree)?.fields;
  if (fields === undefined) throw unsupported("such a statement");
  checkReach(fields, table, hidden);
  checkReturning(fields["returningClause"], table, hidden, values);
  fields["relation"] = rangeFields(table, alias);
  const clause = fields["onConflictClause"];
  const over = isNode(clause) && clause["action"] === "ONCONFLICT_UPDATE";
  // of an insert the documents were looked at: the condition is for those that it writes over
  const said: ReturnType<typeof sayCondition> =
    verb !== "insert" || over ? sayCondition(condition, collection, table, values, alias) : { exact: true };
  const guard = (given: Tree | undefined): Node | undefined => {
    const { where } = said;
    if (!isNode(given)) return where;
    if (where === undefined) return given;
    return all(where, isQuiet(given, table.columns) ? given : when(where, given, truth(false)));
  };
  if (verb === "insert") {
    fields["cols"] = insert.columns.map((name) => ({ ResTarget: { name } }));
    fields["selectStmt"] = {
      SelectStmt: {
        valuesLists: insert.rows.map((items) => ({ List: { items: [...items] } })),
        ...{ limitOption: "LIMIT_OPTION_DEFAULT", op: "SETOP_NONE" },
      },
    };
    if (over) {
      const where = guard(clause["whereClause"]);
      if (where !== undefined) clause["whereClause"] = where;
      // INVARIANT: a document that is written over is, for policy, the one that was decided on
      const set = new Set(listOf(clause["targetList"]).map(setName));
      const missing = [...rootsOf(collection)].filter((name) => !set.has(name));
      clause["targetList"] = [
        ...listOf(clause["targetList"]),
        ...missing.map((name) => target(name, column("excluded", name))),
      ];
    }
  } else {
    const where = guard(fields["whereClause"]);
    if (where !== undefined) fields["whereClause"] = where;
  }
  return { tree, exact: said.exact };
}

/** INVARIANT: the table itself stands here, with all of its columns: none that is hidden may be named. */
function checkReach(fields: Node, table: Table, hidden: readonly string[]): void {
  const covered = [...table.columns.values()].filter(
    (one) => isHidden(one, hidden) || hidden.some((path) => path.startsWith(`${one.name}.`)),
  );
  const names = new Set(covered.map(({ name }) => name));
  if (names.size === 0) return;
  const wholly = new Set(covered.filter((one) => isHidden(one, hidden)).map(({ name }) => name));
  const walk = (tree: Tree): void => {
    if (Array.isArray(tree)) for (const one of tree) walk(one);
    if (!isNode(tree)) return;
    const { ColumnRef: reference, ResTarget: set } = tree;
    const parts = isNode(reference) ? listOf(reference["fields"]).map(nameOf) : [];
    // what the caller brings itself may be named, but where all of the column is hidden
    const brought = parts.length === 2 && parts[0] === "excluded";
    const own = isNode(set) && typeof set["name"] === "string" ? set["name"] : undefined;
    const last = parts.at(-1);
    for (const one of [brought ? undefined : last, ...[own, last].filter((name) => wholly.has(name ?? ""))])
      if (one !== undefined && names.has(one))
        throw new NotAllowed("42703", `column ${JSON.stringify(one)} does not exist`, "field_hidden");
    for (const one of Object.values(tree)) walk(one);
  };
  walk(fields);
}

/** What is given back isn't looked at: ids alone, unless the table may be read without that. */
function checkReturning(
  clause: Tree | undefined,
  table: Table,
  hidden: readonly string[],
  values: Values,
): void {
  if (!isNode(clause)) return;
  const out: Tree[] = [];
  for (const one of listOf(clause["exprs"])) {
    const value = open(open(one)?.fields["val"]);
    const parts = value?.tag === "ColumnRef" ? listOf(value.fields["fields"]) : [];
    const star = open(parts.at(-1))?.tag === "A_Star";
    const id = nameOf(parts.at(-1)) === table.id;
    if (!id && !table.derived) throw unsupported("RETURNING of anything but the id");
    if (!star) out.push(one);
    else
      for (const kept of table.columns.values()) {
        const shown = showColumn(kept, hidden, values);
        if (shown !== undefined) out.push(target(kept.name, shown));
      }
  }
  clause["exprs"] = out;
}
