/** Reads a statement: what it touches, and that nothing stands in it that isn't known to be harmless. */
import { tableOf } from "../settings.js";
import type { Shape } from "./allowed.js";
import {
  comparing,
  expressionKinds,
  inferred,
  shapes,
  valueFunctions,
  vectorOperators,
  vectorTypes,
} from "./allowed.js";
import type { Node, Tree } from "./nodes.js";
import { checkOperator, functionName, nameOfTag, quoted, say, typeName } from "./names.js";
import { isNode, listOf, nameOf, open } from "./nodes.js";
import type { Operand, Reading, ReadParts, TableUse } from "./reading.js";
import { NotAllowed, unsupported } from "./refuse.js";

export type { Operand, Reading, ReadParts, TableUse } from "./reading.js";

type Scope = ReadonlyMap<string, string>;

const filtering: ReadonlySet<string> = new Set([
  ...["whereClause", "havingClause", "sortClause", "groupClause", "distinctClause", "quals", "windowClause"],
]);

/** Reads a statement by the list of what is allowed. @throws NotAllowed */
export function readTree(statement: Node, parts: ReadParts): Reading {
  const reader = new Reader(parts);
  const one = open(statement);
  if (one === undefined) throw unsupported("such a statement");
  const tree = { [one.tag]: reader.fields(one.tag, one.fields, new Map()) };
  reader.checkNames();
  return { tree, ...reader.found() };
}

class Reader {
  private readonly uses: TableUse[] = [];
  private readonly used = new Set<string>();
  private readonly defined = new Set<string>(inferred);
  private readonly aliases = new Set<string>();
  private readonly operands: Operand[] = [];
  private readonly paths = new Set<string>();
  private readonly known = new Map<Node, string>();
  private readonly distanced = new Set<Node>();
  private readonly exported = new Set<string>();
  private readonly stars = new Set<Node>();
  private params = 0;
  private ctes = 0;
  private inFilter = 0;
  private starred = false;
  private sorts = false;
  private matches = false;
  private nested = false;
  private filters = false;

  constructor(private readonly parts: ReadParts) {}

  found(): Omit<Reading, "tree"> {
    const { uses, params, operands, sorts, matches, nested, filters: filtered } = this;
    const vectorNames = uses.flatMap(({ table }) =>
      [...(table?.columns.values() ?? [])].flatMap(({ name, type }) => (vectorTypes.has(type) ? [name] : [])),
    );
    const vectors =
      vectorNames.some((name) => this.exported.has(name)) || (this.starred && vectorNames.length > 0);
    return {
      ...{ uses, params, operands, sorts, matches, nested, vectors },
      ...{ filters: filtered, fields: [...this.paths] },
    };
  }

  /**
   * INVARIANT: a name that is no column and nothing of the statement's own is refused: it could stand for a whole row,
   * or for a function that is called in the way of a column.
   */
  checkNames(): void {
    for (const { table } of this.uses) for (const name of table?.columns.keys() ?? []) this.defined.add(name);
    for (const alias of this.aliases)
      if (this.defined.has(alias))
        throw unsupported(`a table that is called as a column is (${quoted(alias)})`);
    // of a table that isn't configured nothing is known; it is refused with it
    if (this.uses.some(({ table }) => table === undefined)) return;
    for (const name of this.used)
      if (!this.defined.has(name)) throw new NotAllowed("42703", `column ${quoted(name)} does not exist`);
  }

  private node(tree: Tree | undefined, scope: Scope): Tree {
    if (isNode(tree) && Object.keys(tree).length === 0) return {};
    const one = open(tree);
    if (one === undefined) throw unsupported("such a statement");
    if (one.tag === "RangeVar" && isNode(tree)) return this.range(tree, one.fields, scope);
    return { [one.tag]: this.fields(one.tag, one.fields, scope) };
  }

  fields(tag: string, fields: Node, scope: Scope): Node {
    const shape = Object.hasOwn(shapes, tag) ? shapes[tag] : undefined;
    if (shape === undefined) throw unsupported(nameOfTag(tag));
    const inner = this.before(tag, fields, scope);
    const out: Node = {};
    for (const [name, value] of Object.entries(fields)) {
      const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (kind === undefined) throw unsupported(`${nameOfTag(tag)} with ${name}`);
      if (name === "withClause") continue;
      if (name === "whereClause" || name === "havingClause" || name === "quals") this.filters = true;
      const filters = filtering.has(name);
      if (filters) this.inFilter++;
      out[name] = this.value(kind, value, inner);
      if (filters) this.inFilter--;
    }
    return this.after(tag, out, inner);
  }

  private value(kind: Shape, value: Tree, scope: Scope): Tree {
    if (kind === "plain") {
      if (typeof value === "object") throw unsupported("such a statement");
      return value;
    }
    if (kind === "node") return this.node(value, scope);
    if (kind === "nodes") {
      if (!Array.isArray(value)) throw unsupported("such a statement");
      return value.map((one) => this.node(one, scope));
    }
    if (!isNode(value)) throw unsupported("such a statement");
    return this.fields(kind.of, value, scope);
  }

  /** Looks at a node before what is in it. */
  private before(tag: string, fields: Node, scope: Scope): Scope {
    switch (tag) {
      case "SelectStmt":
        return this.select(fields, scope);
      case "InsertStmt":
      case "UpdateStmt":
      case "DeleteStmt":
        this.target(tag, fields);
        return scope;
      case "SubLink":
        this.nested = true;
        checkOperator(fields["operName"]);
        return scope;
      case "A_Expr":
        this.expression(fields);
        return scope;
      case "ColumnRef":
        this.reference(fields);
        return scope;
      case "ParamRef":
        this.parameter(fields["number"]);
        return scope;
      case "Alias":
        for (const one of listOf(fields["colnames"])) this.defined.add(nameOf(one) ?? "");
        return scope;
      case "RangeFunction":
        for (const one of listOf(fields["functions"])) this.functionTable(one);
        this.defined.add(aliasOf(fields) ?? "");
        return scope;
      case "JoinExpr":
        if (fields["alias"] !== undefined) throw unsupported("a name for a join");
        if (fields["isNatural"] === true) throw unsupported("a natural join");
        for (const one of listOf(fields["usingClause"])) this.used.add(nameOf(one) ?? "");
        return scope;
      case "A_Indirection":
        for (const one of listOf(fields["indirection"]))
          if (open(one)?.tag !== "A_Indices") throw unsupported("a member of a row");
        return scope;
      case "CollateClause": {
        const collation = listOf(fields["collname"]).map(nameOf);
        if (!["C", "POSIX", "default"].includes(collation.at(-1) ?? "") || collation.length > 1)
          throw unsupported("a collation but C");
        return scope;
      }
      case "SQLValueFunction":
        if (!valueFunctions.has(String(fields["op"]))) throw unsupported(say(fields["op"]));
        return scope;
      default:
        return scope;
    }
  }

  /** Says names so that they mean what was looked at. */
  private after(tag: string, fields: Node, scope: Scope): Node {
    const said =
      tag === "FuncCall"
        ? { funcname: functionName(fields, this.parts.settings) }
        : tag === "TypeName"
          ? { names: typeName(fields["names"], this.parts.settings) }
          : undefined;
    if (said !== undefined) {
      this.defined.add(nameOf(Object.values(said)[0]?.at(-1)) ?? "");
      return { ...fields, ...said };
    }
    if (tag !== "SelectStmt") return fields;
    const ctes = scopes.get(scope);
    return ctes === undefined ? fields : { ...fields, withClause: { ctes } };
  }

  private select(fields: Node, outer: Scope): Scope {
    if (fields["limitOption"] === "LIMIT_OPTION_WITH_TIES") throw unsupported("WITH TIES");
    for (const one of listOf(fields["targetList"])) {
      const target = open(one);
      if (target?.tag !== "ResTarget") continue;
      if (typeof target.fields["name"] === "string") this.defined.add(target.fields["name"]);
      const value = open(target.fields["val"]);
      if (value?.tag === "ColumnRef") this.stars.add(value.fields);
    }
    if (listOf(fields["sortClause"]).length > 0) this.sorts = true;
    const clause = fields["withClause"];
    if (!isNode(clause)) return outer;
    if (clause["recursive"] === true) throw unsupported("WITH RECURSIVE");
    const scope = new Map(outer);
    const ctes: Tree[] = [];
    for (const one of listOf(clause["ctes"])) {
      const cte = open(one);
      const query = cte === undefined ? undefined : open(cte.fields["ctequery"]);
      if (cte?.tag !== "CommonTableExpr" || query?.tag !== "SelectStmt")
        throw unsupported("WITH that holds anything but SELECT");
      const name = String(cte.fields["ctename"]);
      for (const alias of listOf(cte.fields["aliascolnames"])) this.defined.add(nameOf(alias) ?? "");
      // each sees those before it
      const read = this.fields(cte.tag, cte.fields, new Map(scope));
      const own = `cs$with${++this.ctes}`;
      ctes.push({ CommonTableExpr: { ...read, ctename: own } });
      scope.set(name, own);
    }
    scopes.set(scope, ctes);
    return scope;
  }

  /** INVARIANT: what is taken for a WITH query gets a name that no table has; what isn't is a configured table, or refused. */
  private range(source: Node, fields: Node, scope: Scope): Tree {
    const { schemaname, relname, inh, alias } = fields;
    for (const name of Object.keys(fields))
      if (!["schemaname", "relname", "inh", "alias", "relpersistence"].includes(name))
        throw unsupported(`a table with ${name}`);
    if (typeof relname !== "string") throw unsupported("such a table");
    const cte = schemaname === undefined ? scope.get(relname) : undefined;
    const called = isNode(alias) ? this.fields("Alias", alias, scope) : undefined;
    if (cte !== undefined)
      return {
        RangeVar: { relname: cte, inh: true, relpersistence: "p", alias: called ?? { aliasname: relname } },
      };
    if (inh !== true) throw unsupported("ONLY");
    if (called?.["colnames"] !== undefined) throw unsupported("names for a table's columns");
    const use = this.use(schemaname, relname, {
      alias: typeof called?.["aliasname"] === "string" ? called["aliasname"] : relname,
      top: this.parts.top.has(source),
    });
    return { Table: { index: use.index } };
  }

  /** Finds the collection that a name means. */
  use(
    schemaname: Tree | undefined,
    relname: string,
    { alias, top }: { readonly alias: string; readonly top: boolean },
  ): TableUse {
    const { store, settings } = this.parts;
    const schema = typeof schemaname === "string" ? schemaname : settings.schema;
    const full = `${schema}.${relname}`;
    const name = schema === settings.schema ? relname : full;
    const found = store.byName(name) ?? store.byName(full);
    const table = found === undefined ? undefined : tableOf(found, settings);
    // a name with a dot in it isn't a schema's
    const collection = table?.schema === schema && table.name === relname ? found : undefined;
    const use = {
      ...{ index: this.uses.length, name: collection?.name ?? name, collection, alias, top },
      table: collection === undefined ? undefined : table,
    };
    this.uses.push(use);
    this.aliases.add(alias);
    return use;
  }

  /** The table that is written to. */
  private target(tag: string, { relation, returningClause }: Node): void {
    if (!isNode(relation) || relation["inh"] !== true || typeof relation["relname"] !== "string")
      throw unsupported("ONLY");
    const { relname, schemaname } = relation;
    const alias = aliasOf(relation);
    if (isNode(relation["alias"]) && relation["alias"]["colnames"] !== undefined)
      throw unsupported("names for a table's columns");
    for (const one of isNode(returningClause) ? listOf(returningClause["exprs"]) : []) {
      const value = open(open(one)?.fields["val"]);
      const name = open(one)?.fields["name"];
      if (typeof name === "string") this.defined.add(name);
      if (value?.tag === "ColumnRef") this.stars.add(value.fields);
    }
    if (tag === "InsertStmt" && alias === "excluded") throw unsupported("such a name");
    this.use(schemaname, relname, { alias: alias ?? relname, top: true });
  }

  private reference(fields: Node): void {
    const parts = listOf(fields["fields"]);
    const last = parts.at(-1);
    if (parts.length > 2) throw unsupported("a column of a schema's table: give the table a name");
    if (open(last)?.tag === "A_Star") {
      if (!this.stars.has(fields)) throw unsupported("a whole row");
      this.starred = true;
      return;
    }
    const name = nameOf(last);
    if (name === undefined) throw unsupported("such a column");
    this.used.add(name);
    if (this.inFilter > 0) this.paths.add(this.known.get(fields) ?? name);
    if (!this.distanced.has(fields)) this.exported.add(name);
  }

  private parameter(number: Tree | undefined): void {
    if (typeof number !== "number" || number < 1 || number > 60_000)
      throw new NotAllowed("42P02", "there is no such parameter");
    this.params = Math.max(this.params, number);
  }

  private expression(fields: Node): void {
    if (!expressionKinds.has(String(fields["kind"]))) throw unsupported(say(fields["kind"]));
    const name = checkOperator(fields["name"]);
    if (name === "@@") this.matches = true;
    if (name === "->" || name === "->>") this.notePath(fields);
    if (!vectorOperators.has(name)) return;
    for (const side of ["lexpr", "rexpr"] as const) {
      const one = bare(fields[side]);
      if (one?.tag === "ColumnRef") this.distanced.add(one.fields);
      if (one?.tag === "ParamRef" && typeof one.fields["number"] === "number")
        this.operands.push({ param: one.fields["number"] });
      const constant = one?.tag === "A_Const" ? one.fields["sval"] : undefined;
      if (isNode(constant) && typeof constant["sval"] === "string")
        this.operands.push({ text: constant["sval"] });
    }
  }

  /** Notes what a chain of `->` leads to. */
  private notePath(fields: Node): void {
    const keys: string[] = [];
    let at: Node = fields;
    for (;;) {
      const key = bare(at["rexpr"]);
      const constant = key?.tag === "A_Const" ? key.fields["sval"] : undefined;
      if (!isNode(constant) || typeof constant["sval"] !== "string") return;
      keys.unshift(constant["sval"]);
      const left = open(at["lexpr"]);
      if (
        left?.tag === "A_Expr" &&
        ["->", "->>"].includes(nameOf(listOf(left.fields["name"]).at(-1)) ?? "")
      ) {
        at = left.fields;
        continue;
      }
      if (left?.tag !== "ColumnRef" || this.known.has(left.fields)) return;
      const column = nameOf(listOf(left.fields["fields"]).at(-1));
      if (column !== undefined) this.known.set(left.fields, [column, ...keys].join("."));
      return;
    }
  }

  private functionTable(one: Tree): void {
    const items = open(one);
    const [call, ...others] = items?.tag === "List" ? listOf(items.fields["items"]) : [];
    if (open(call)?.tag !== "FuncCall" || others.some((other) => isNode(other) && open(other) !== undefined))
      throw unsupported("such a table of a function");
  }
}

/** The WITH queries of a scope, as they were read. */
const scopes = new WeakMap<Scope, Tree[]>();

function aliasOf({ alias }: Node): string | undefined {
  return isNode(alias) && typeof alias["aliasname"] === "string" ? alias["aliasname"] : undefined;
}

/** Gives what is inside of casts. */
function bare(tree: Tree | undefined): ReturnType<typeof open> {
  const one = open(tree);
  return one?.tag === "TypeCast" ? bare(one.fields["arg"]) : one;
}

/** Tells an operator that compares. */
export const compares = (name: string): boolean => comparing.has(name);
