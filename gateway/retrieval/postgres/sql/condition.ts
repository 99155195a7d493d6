/** Says conditions in SQL, exactly as they hold: what is missing, NULL or of another type has no value. */
import type { Condition, Scalar } from "../../../../sidecar/contract.js";
import type { Language, Leaf } from "../../conditions/compile.js";
import { compile } from "../../conditions/compile.js";
import type { CollectionConfig } from "../../config.js";
import type { FieldConfig } from "../../document.js";
import type { Column, Table } from "../settings.js";
import type { Node } from "./nodes.js";
import { all, allOf, anyOf, both, byBytes, call, cast, column, decimal, integer } from "./nodes.js";
import { isThere, isTrue, literal, operator, truth, when } from "./nodes.js";
import type { Values } from "./values.js";
import { arrayText } from "./values.js";

export interface Said {
  /** Absent: no restriction. */
  readonly where?: Node;
  readonly exact: boolean;
}

/**
 * Compiles a condition to a predicate with bound parameters.
 * @param of the name that the table has there; absent: its columns stand alone
 */
export function sayCondition(
  condition: Condition,
  { fields }: Pick<CollectionConfig, "fields">,
  table: Table,
  values: Values,
  of?: string,
): Said {
  const language: Language<Node> = {
    and: (filters) => both("AND_EXPR", filters),
    or: (filters) => both("OR_EXPR", filters),
    leaf(leaf) {
      const kept = table.columns.get(leaf.field.path[0] ?? "");
      if (kept === undefined) throw new Error("a field without a column");
      const said = sayLeaf(leaf, readField(leaf.field, kept, of), values);
      if (said === undefined) return undefined;
      // a test that is NULL doesn't hold, and its negation does
      return leaf.negated ? { filter: isTrue(said, false), exact: true } : { filter: said, exact: true };
    },
  };
  const inexact: Language<Node> = {
    ...language,
    leaf: (leaf) => (isWrittenTime(leaf.field, table) ? undefined : language.leaf(leaf)),
  };
  const { filter, exact } = compile(condition, fields, inexact);
  // `or` of none never holds, and is no filter
  const none = condition.type === "compound" && condition.operator === "or" && condition.value.length === 0;
  if (none) return { where: truth(false), exact: true };
  return { exact, ...(filter === undefined ? {} : { where: filter }) };
}

/** A time that is written as text within jsonb can't be compared without an error on what is no time: left to the check. */
function isWrittenTime({ type, form = "rfc3339", path }: FieldConfig, table: Table): boolean {
  return type === "time" && form === "rfc3339" && table.columns.get(path[0] ?? "")?.type === "jsonb";
}

/** How a field is read. INVARIANT: neither raises an error, whatever the row holds. */
interface Read {
  readonly kind: FieldConfig["type"];
  /** Holds where the field is there, as policy sees it. */
  readonly there: Node;
  /** Of the kind's type; anything where it isn't there. */
  readonly value: Node;
  /** The column itself, where comparing it so can use an index and is no narrower. */
  readonly plain?: { readonly node: Node; readonly type: "text" | "int8" };
}

/** The largest whole number that is equal to no other as a double. */
const safe = String(Number.MAX_SAFE_INTEGER);
/** What is nearer to zero is zero as a double: half of the least one. */
const least = "2.4703282292062328e-324";

function readField({ type, path, form }: FieldConfig, kept: Column, of: string | undefined): Read {
  const [first = "", ...members] = path;
  const own = of === undefined ? column(first) : column(of, first);
  const json = members.length > 0;
  const last = members.at(-1) ?? "";
  const parent = members
    .slice(0, -1)
    .reduce<Node>((from, key) => operator("->", from, cast(literal(key), "text")), own);
  const inside = operator("->", parent, cast(literal(last), "text"));
  const is = (name: string): Node => operator("=", call("jsonb_typeof", inside), literal(name));
  switch (type) {
    case "string": {
      if (json)
        return {
          ...{ kind: type, there: is("string") },
          value: operator("->>", parent, cast(literal(last), "text")),
        };
      if (kept.type === "uuid") return { kind: type, there: isThere(own), value: cast(own, "text") };
      return { kind: type, there: isThere(own), value: own, plain: { node: own, type: "text" } };
    }
    case "boolean": {
      const value = json ? when(is("boolean"), cast(inside, "bool")) : own;
      return { kind: type, there: isThere(value), value };
    }
    case "strings": {
      if (json) {
        const others = call("jsonb_path_exists", inside, cast(literal(notText), "jsonpath"));
        const none: Node = { BoolExpr: { boolop: "NOT_EXPR", args: [others] } };
        return { kind: type, there: when(is("array"), none, truth(false)), value: inside };
      }
      const gap: Node = {
        NullTest: {
          arg: call("array_position", cast(own, "text", true), cast({ A_Const: { isnull: true } }, "text")),
          nulltesttype: "IS_NULL",
        },
      };
      const flat = when(
        operator("=", call("array_ndims", own), integer(1)),
        gap,
        operator("=", call("cardinality", own), integer(0)),
      );
      return { kind: type, there: when(isThere(own), flat, truth(false)), value: cast(own, "text", true) };
    }
    case "number":
    case "time": {
      if (kept.type === "timestamptz") return { kind: type, ...readTime(own) };
      const number = json ? when(is("number"), bounded(cast(inside, "numeric"))) : readNumber(own, kept);
      const value =
        type === "time" && form === "epoch_ms"
          ? operator("/", number, cast(integer(1_000), "float8"))
          : number;
      const whole = !json && type === "number" && ["int2", "int4", "int8"].includes(kept.type);
      const plain = whole ? { plain: { node: own, type: "int8" as const } } : {};
      return { kind: type, there: isThere(value), value, ...plain };
    }
  }
}

/** Finds a member that is no text; strict, so that lists within the list aren't looked into. */
const notText = 'strict $[*] ? (@.type() != "string")';

/** As JavaScript reads the number that JSON has; NULL where it is missing for policy. */
function readNumber(own: Node, { type }: Column): Node {
  switch (type) {
    case "int2":
    case "int4":
      return cast(own, "float8");
    case "int8":
      return when(
        all(operator(">=", own, decimal(`-${safe}`)), operator("<=", own, decimal(safe))),
        cast(own, "float8"),
      );
    case "float4": {
      // its shortest form is what JSON has
      const wide = cast(cast(own, "text"), "float8");
      return when(operator("<=", call("abs", wide), cast(decimal(safe), "float8")), wide);
    }
    case "float8":
      return when(operator("<=", call("abs", own), cast(decimal(safe), "float8")), own);
    default:
      return bounded(own);
  }
}

function bounded(numeric: Node): Node {
  const zero = cast(integer(0), "float8");
  const near = operator("<", call("abs", numeric), cast(literal(least), "numeric"));
  return when(operator("<=", call("abs", numeric), decimal(safe)), when(near, zero, cast(numeric, "float8")));
}

/** Seconds with milliseconds, of the years that RFC 3339 has. */
function readTime(own: Node): { readonly there: Node; readonly value: Node } {
  const there = all(
    operator(">=", own, cast(literal("0001-01-01 00:00:00+00"), "timestamptz")),
    operator("<", own, cast(literal("10000-01-01 00:00:00+00"), "timestamptz")),
  );
  const value = call("date_part", literal("epoch"), call("date_trunc", literal("milliseconds"), own));
  return { there, value: when(there, value) };
}

const comparisons = { eq: "=", ne: "<>", lt: "<", le: "<=", gt: ">", ge: ">=" } as const;

/** Undefined: it can't be said. */
function sayLeaf({ operator: named, value }: Leaf, read: Read, values: Values): Node | undefined {
  const { there, kind } = read;
  if (named === "exists") return value === true ? there : isTrue(there, false);
  const listed = (typeof value === "object" ? value : [value]) as readonly Scalar[];
  // no text of the database's has these; half a pair could be found in a whole one
  if (listed.some((one) => typeof one === "string" && (one.includes("\0") || !one.isWellFormed())))
    return undefined;
  switch (kind) {
    case "string":
      return all(there, ...sayText(named, listed.map(String), read, values));
    case "strings": {
      if (named !== "contains") return undefined;
      return all(there, sayElement(String(value), read, values));
    }
    case "boolean": {
      const type = "bool";
      if (named === "in" || named === "nin") return listedIn(named, read.value, listed, type, values);
      if (named !== "eq" && named !== "ne") return undefined;
      return operator(comparisons[named], read.value, cast(values.add(String(value)), type));
    }
    case "number":
    case "time": {
      if (named === "in" || named === "nin") return listedIn(named, read.value, listed, "float8", values);
      if (!(named in comparisons)) return undefined;
      const sign = comparisons[named as keyof typeof comparisons];
      const exact = operator(sign, read.value, cast(values.add(String(value)), "float8"));
      if (read.plain === undefined || named === "ne" || !Number.isSafeInteger(value)) return exact;
      return all(operator(sign, read.plain.node, cast(values.add(String(value)), "int8")), exact);
    }
  }
}

function listedIn(
  named: "in" | "nin",
  read: Node,
  listed: readonly Scalar[],
  type: string,
  values: Values,
): Node {
  const array = cast(values.add(arrayText(listed.map(String))), type, true);
  return named === "in" ? anyOf("=", read, array) : allOf("<>", read, array);
}

/** Compared by bytes; where a column's own collation could use an index, by it as well. */
function sayText(
  named: Leaf["operator"],
  listed: readonly string[],
  { value, plain }: Read,
  values: Values,
): Node[] {
  const bytes = byBytes(value);
  const [only = ""] = listed;
  const one = (): Node => cast(values.add(only), "text");
  const array = (): Node => cast(values.add(arrayText(listed)), "text", true);
  switch (named) {
    case "eq":
      return [
        ...(plain === undefined ? [] : [operator("=", plain.node, one())]),
        operator("=", bytes, one()),
      ];
    case "in":
      return [...(plain === undefined ? [] : [anyOf("=", plain.node, array())]), anyOf("=", bytes, array())];
    case "nin":
      return [allOf("<>", bytes, array())];
    case "contains":
      return [operator(">", call("strpos", bytes, one()), integer(0))];
    case "startswith":
      return [call("starts_with", bytes, one())];
    case "endswith": {
      const end = one();
      return [operator("=", call("right", bytes, call("length", end)), end)];
    }
    default:
      return [operator(comparisons[named as keyof typeof comparisons], bytes, one())];
  }
}

function sayElement(element: string, { value }: Read, values: Values): Node {
  const json = value["A_Expr"] !== undefined;
  const wanted = cast(values.add(element), "text");
  return json ? call("jsonb_exists", value, wanted) : anyOf("=", byBytes(wanted), value);
}
