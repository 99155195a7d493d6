/** Reads SQL by PostgreSQL's own parser, and writes it again. */
import { loadModule, parseSync, SqlError } from "libpg-query";
import { deparseSync } from "pgsql-deparser";
import { places } from "./allowed.js";
import type { Node, Tree } from "./nodes.js";
import { isNode, listOf, nameOf } from "./nodes.js";
import { NotAllowed } from "./refuse.js";

/** Of a statement, characters. */
const longest = 65_536;
const deepest = 256;

/** Loads the parser; once is enough. */
export const loadParser = loadModule;

/**
 * Gives the one statement of a text; undefined where there is none.
 * @throws NotAllowed
 */
export function parseOne(sql: string): Node | undefined {
  if (sql.length > longest) throw new NotAllowed("54000", `a statement has at most ${longest} characters`);
  const statements = listOf(parse(sql));
  const [first, second] = statements;
  if (first === undefined) return undefined;
  if (second !== undefined)
    throw new NotAllowed("42601", "cannot insert multiple commands into one statement");
  const statement = isNode(first) ? first["stmt"] : undefined;
  if (!isNode(statement) || depthOf(statement, 0) > deepest)
    throw new NotAllowed("54001", "the statement is nested too deeply");
  return withoutPlaces(statement) as Node;
}

function parse(sql: string): Tree {
  try {
    return (parseSync(sql) as unknown as { stmts?: Tree[] }).stmts ?? [];
  } catch (error) {
    // the parser quotes what it stumbled over: of the caller's own text
    if (error instanceof SqlError)
      throw new NotAllowed("42601", error.message.slice(0, 200), "filter_refused");
    throw new NotAllowed("54001", "the statement can't be read");
  }
}

/**
 * Writes a statement. INVARIANT: what is written reads as what was meant, by the parser that reads what comes in.
 * @throws NotAllowed where it doesn't
 */
export function write(statement: Node): string {
  const sql = deparseSync(statement as never, { pretty: false });
  const again = listOf(parse(sql));
  const [first] = again;
  const read = isNode(first) ? first["stmt"] : undefined;
  if (again.length !== 1 || read === undefined || !alike(withoutPlaces(read), withoutPlaces(statement)))
    throw new NotAllowed("0A000", "the statement can't be written as it was meant");
  return sql;
}

function depthOf(tree: Tree, above: number): number {
  if (typeof tree !== "object" || tree === null || above > deepest) return above;
  const members = Array.isArray(tree) ? tree : Object.values(tree);
  const own = Array.isArray(tree) ? above : above + 1;
  return members.reduce<number>((most, one) => Math.max(most, depthOf(one, own)), own);
}

function withoutPlaces(tree: Tree): Tree {
  if (Array.isArray(tree)) return tree.map(withoutPlaces);
  if (!isNode(tree)) return tree;
  const out: Node = {};
  for (const [key, value] of Object.entries(tree)) if (!places.has(key)) out[key] = withoutPlaces(value);
  // a type of PostgreSQL's own is found first whether it is qualified or not: the search path says so
  const { typemod, names } = out;
  if (
    typemod !== undefined &&
    Array.isArray(names) &&
    names.length === 2 &&
    nameOf(names[0]) === "pg_catalog"
  )
    out["names"] = names.slice(1);
  return out;
}

function alike(a: Tree | undefined, b: Tree | undefined): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((one, i) => alike(one, b[i]));
  if (isNode(a)) {
    if (!isNode(b)) return false;
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    // how a function's call was written is of no meaning: name and arguments are
    return [...keys].every((key) => key === "funcformat" || alike(a[key], b[key]));
  }
  return a === b;
}
