import type { Comparison, Condition, Scalar } from "../../../sidecar/contract.js";
import { always, comparisons, never } from "../../../sidecar/contract.js";
import type { FieldConfig, FieldType, Value } from "../document.js";
import { holds } from "./holds.js";

export interface Known {
  readonly fields: ReadonlyMap<string, FieldConfig>;
  /** Fields that no document has. */
  readonly absent?: ReadonlySet<string> | undefined;
  /** What is known of every document that a request can reach. */
  readonly constants: Readonly<Record<string, Value>>;
}

/**
 * Carries out what is known before a store is asked: constants, tests of another type than the field's, what always or
 * never holds. Gives {@link always}, {@link never}, or a condition in which neither occurs.
 * @returns undefined where a field isn't configured: such a condition can't be met
 */
export function simplify(condition: Condition, known: Known): Condition | undefined {
  if (condition.type === "compound") return simplifyCompound(condition, known);
  const { field, operator, value } = condition;
  if (Object.hasOwn(known.constants, field)) return holds(condition, known.constants) ? always : never;
  if (known.absent?.has(field) === true) return holds(condition, {}) ? always : never;
  const config = known.fields.get(field);
  if (config === undefined) return undefined;
  const { type } = config;
  if (operator === "exists") return condition;
  if (operator === "contains") return type === "string" || type === "strings" ? condition : never;
  if (operator === "startswith" || operator === "endswith") return type === "string" ? condition : never;
  const there: Condition = { type: "field", operator: "exists", field, value: true };
  if (operator === "in" || operator === "nin") {
    const fitting = asList(value).filter((one) => fits(one, type));
    if (fitting.length > 0) return { ...condition, value: fitting };
    return operator === "in" ? never : scalar(type) ? there : never;
  }
  if (!isComparison(operator)) return undefined;
  if (!asList(value).every((one) => fits(one, type)))
    return operator === "ne" && scalar(type) ? there : never;
  if (type === "boolean" && operator !== "eq" && operator !== "ne") return never;
  return condition;
}

function simplifyCompound(
  { operator, value }: Extract<Condition, { type: "compound" }>,
  known: Known,
): Condition | undefined {
  const members: Condition[] = [];
  for (const one of value) {
    const member = simplify(one, known);
    if (member === undefined) return undefined;
    members.push(member);
  }
  const [first = always] = members;
  if (operator === "not") {
    if (isAlways(first)) return never;
    if (isNever(first)) return always;
    return { type: "compound", operator, value: [first] };
  }
  const [decides, drops] = operator === "and" ? [isNever, isAlways] : [isAlways, isNever];
  if (members.some(decides)) return operator === "and" ? never : always;
  const left = members.filter((one) => !drops(one));
  const [only] = left;
  if (only === undefined) return operator === "and" ? always : never;
  return left.length === 1 ? only : { type: "compound", operator, value: left };
}

export function isAlways(condition: Condition): boolean {
  return condition.type === "compound" && condition.operator === "and" && condition.value.length === 0;
}

export function isNever(condition: Condition): boolean {
  return condition.type === "compound" && condition.operator === "or" && condition.value.length === 0;
}

function asList(value: Scalar | readonly Scalar[]): readonly Scalar[] {
  return typeof value === "object" ? value : [value];
}

function isComparison(operator: string): operator is Comparison {
  return comparisons.some((one) => one === operator);
}

function scalar(type: FieldType): boolean {
  return type !== "strings";
}

function fits(value: Scalar, type: FieldType): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "number":
    case "time":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "strings":
      return false;
  }
}
