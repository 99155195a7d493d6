/** The nodes of PostgreSQL's parse trees, in the JSON that libpg_query gives, and how the gateway's own are made. */

export type Tree = string | number | boolean | null | Tree[] | Node;
export interface Node {
  [key: string]: Tree;
}

export function isNode(value: Tree | undefined): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Gives a node's one tag and its fields; undefined of what isn't a node of this form. */
export function open(value: Tree | undefined): { readonly tag: string; readonly fields: Node } | undefined {
  if (!isNode(value)) return undefined;
  const [tag, ...others] = Object.keys(value);
  const fields = tag === undefined ? undefined : value[tag];
  return tag === undefined || others.length > 0 || !isNode(fields) ? undefined : { tag, fields };
}

export function listOf(value: Tree | undefined): Tree[] {
  return Array.isArray(value) ? value : [];
}

export const text = (sval: string): Node => ({ String: { sval } });
export const names = (...parts: string[]): Tree[] => parts.map(text);

/** The text of a node that is a name. */
export function nameOf(value: Tree | undefined): string | undefined {
  const one = open(value);
  if (one?.tag !== "String") return undefined;
  return typeof one.fields["sval"] === "string" ? one.fields["sval"] : "";
}

export const column = (...parts: string[]): Node => ({ ColumnRef: { fields: names(...parts) } });
export const param = (number: number): Node => ({ ParamRef: { number } });
/** INVARIANT: only for texts of the configuration (names of members) and the gateway's own; values are parameters. */
export const literal = (sval: string): Node => ({ A_Const: { sval: { sval } } });
export const integer = (value: number): Node =>
  value === 0 ? { A_Const: { ival: {} } } : { A_Const: { ival: { ival: value } } };
export const decimal = (fval: string): Node => ({ A_Const: { fval: { fval } } });
export const truth = (value: boolean): Node => ({
  A_Const: { boolval: value ? { boolval: true } : {} },
});

/** An operator of PostgreSQL's own, whatever else is called so. */
export const operator = (name: string, left: Node, right: Node): Node => ({
  A_Expr: { kind: "AEXPR_OP", name: names("pg_catalog", name), lexpr: left, rexpr: right },
});
export const anyOf = (name: string, left: Node, right: Node): Node => ({
  A_Expr: { kind: "AEXPR_OP_ANY", name: names("pg_catalog", name), lexpr: left, rexpr: right },
});
export const allOf = (name: string, left: Node, right: Node): Node => ({
  A_Expr: { kind: "AEXPR_OP_ALL", name: names("pg_catalog", name), lexpr: left, rexpr: right },
});

export const call = (name: string, ...args: Node[]): Node => ({
  FuncCall: {
    funcname: names("pg_catalog", name),
    ...(args.length === 0 ? {} : { args }),
    funcformat: "COERCE_EXPLICIT_CALL",
  },
});

export const cast = (arg: Node, type: string, array = false): Node => ({
  TypeCast: {
    arg,
    typeName: {
      names: names("pg_catalog", type),
      typemod: -1,
      ...(array ? { arrayBounds: [{ Integer: { ival: -1 } }] } : {}),
    },
  },
});

/** Compared by bytes, which in UTF-8 is the order of code points. */
export const byBytes = (arg: Node): Node => ({ CollateClause: { arg, collname: names("pg_catalog", "C") } });

/** Written without needless parentheses, as the parser reads it. */
export const both = (boolop: "AND_EXPR" | "OR_EXPR", args: readonly Node[]): Node => {
  const [first] = args;
  if (args.length === 1 && first !== undefined) return first;
  const flat = args.flatMap((arg): Tree[] => {
    const { BoolExpr: inner } = arg;
    return isNode(inner) && inner["boolop"] === boolop ? listOf(inner["args"]) : [arg];
  });
  return { BoolExpr: { boolop, args: flat } };
};
export const all = (...args: Node[]): Node => both("AND_EXPR", args);
export const isTrue = (arg: Node, yes = true): Node => ({
  BooleanTest: { arg, booltesttype: yes ? "IS_TRUE" : "IS_NOT_TRUE" },
});
export const isThere = (arg: Node): Node => ({ NullTest: { arg, nulltesttype: "IS_NOT_NULL" } });

/** INVARIANT: what stands in `then` isn't evaluated where the test doesn't hold (PostgreSQL manual, 4.2.14). */
export const when = (test: Node, then: Node, otherwise?: Node): Node => ({
  CaseExpr: {
    args: [{ CaseWhen: { expr: test, result: then } }],
    ...(otherwise === undefined ? {} : { defresult: otherwise }),
  },
});

export const target = (name: string | undefined, val: Node): Node => ({
  ResTarget: name === undefined ? { val } : { name, val },
});

/** A copy that shares nothing with its original. */
export function copyOf<T extends Tree>(tree: T): T {
  return structuredClone(tree);
}
