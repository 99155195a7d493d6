/** Tells expressions that can't raise an error by what a row holds: those may be evaluated on any row. */
import type { Column } from "../settings.js";
import type { Node, Tree } from "./nodes.js";
import { isNode, listOf, nameOf, open } from "./nodes.js";
import { compares } from "./read.js";

/** Types whose comparisons never fail. */
const plain: ReadonlySet<string> = new Set([
  ...["text", "varchar", "uuid", "int2", "int4", "int8", "float4", "float8", "numeric", "bool"],
  ...["timestamptz", "timestamp", "date"],
]);

const kinds: ReadonlySet<string> = new Set([
  ...["AEXPR_OP", "AEXPR_OP_ANY", "AEXPR_OP_ALL", "AEXPR_IN", "AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN"],
  ...["AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"],
]);

/**
 * INVARIANT: only comparisons of columns with columns, parameters and constants, tests for NULL, and their combinations;
 * a constant's own form is checked before any row is read.
 */
export function isQuiet(tree: Tree | undefined, columns: ReadonlyMap<string, Column>): boolean {
  const one = open(tree);
  if (one === undefined) return false;
  const { tag, fields } = one;
  switch (tag) {
    case "BoolExpr":
      return listOf(fields["args"]).every((arg) => isQuiet(arg, columns));
    case "NullTest":
    case "BooleanTest":
      return isOperand(fields["arg"], columns) || isQuiet(fields["arg"], columns);
    case "A_Expr": {
      const name = nameOf(listOf(fields["name"]).at(-1)) ?? "";
      const fits = compares(name) || /^(?:NOT )?BETWEEN$/.test(name);
      if (!kinds.has(String(fields["kind"])) || !fits) return false;
      const list = open(fields["rexpr"]);
      const right = list?.tag === "List" ? listOf(list.fields["items"]) : [fields["rexpr"]];
      return [fields["lexpr"], ...right].every((side) => isOperand(side, columns));
    }
    default:
      return isOperand(tree, columns) && tag !== "TypeCast";
  }
}

function isOperand(tree: Tree | undefined, columns: ReadonlyMap<string, Column>): boolean {
  const one = open(tree);
  if (one === undefined) return false;
  switch (one.tag) {
    case "ParamRef":
    case "A_Const":
      return true;
    case "TypeCast":
      return isConstant(one.fields["arg"]);
    case "ColumnRef": {
      const found = columns.get(nameOf(listOf(one.fields["fields"]).at(-1)) ?? "");
      return found !== undefined && !found.array && plain.has(found.type);
    }
    case "A_Expr": {
      // `->>` finds nothing where there is nothing
      const name = nameOf(listOf(one.fields["name"]).at(-1)) ?? "";
      return (name === "->>" || name === "->") && isMember(one.fields, columns);
    }
    default:
      return false;
  }
}

function isConstant(tree: Tree | undefined): boolean {
  const tag = open(tree)?.tag;
  return tag === "A_Const" || tag === "ParamRef";
}

function isMember({ lexpr, rexpr, kind }: Node, columns: ReadonlyMap<string, Column>): boolean {
  const key = open(rexpr);
  const constant = key?.tag === "A_Const" && isNode(key.fields["sval"]);
  const left = open(lexpr);
  if (!constant || kind !== "AEXPR_OP" || left === undefined) return false;
  if (left.tag === "ColumnRef") {
    const found = columns.get(nameOf(listOf(left.fields["fields"]).at(-1)) ?? "");
    return found?.type === "jsonb" && !found.array;
  }
  const name = left.tag === "A_Expr" ? nameOf(listOf(left.fields["name"]).at(-1)) : undefined;
  return name === "->" && isMember(left.fields, columns);
}
