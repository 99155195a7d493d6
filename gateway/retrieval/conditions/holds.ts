import type { Condition, Scalar } from "../../../sidecar/contract.js";
import type { Document } from "../document.js";

/** Tells whether a condition holds of a document: what every adapter's filter is measured by. */
export function holds(condition: Condition, document: Document): boolean {
  if (condition.type === "compound") {
    switch (condition.operator) {
      case "and":
        return condition.value.every((one) => holds(one, document));
      case "or":
        return condition.value.some((one) => holds(one, document));
      case "not":
        return !condition.value.some((one) => holds(one, document));
    }
  }
  const { operator, field, value } = condition;
  const found = document[field];
  if (operator === "exists") return (found !== undefined) === value;
  if (found === undefined) return false;
  if (typeof found === "object") return operator === "contains" && found.some((one) => one === value);
  switch (operator) {
    case "eq":
      return found === value;
    case "ne":
      return found !== value;
    case "in":
      return isList(value) && value.includes(found);
    case "nin":
      return isList(value) && !value.includes(found);
    case "contains":
      return typeof found === "string" && typeof value === "string" && found.includes(value);
    case "startswith":
      return typeof found === "string" && typeof value === "string" && found.startsWith(value);
    case "endswith":
      return typeof found === "string" && typeof value === "string" && found.endsWith(value);
    default: {
      const order = isList(value) ? undefined : compare(found, value);
      if (order === undefined) return false;
      switch (operator) {
        case "lt":
          return order < 0;
        case "le":
          return order <= 0;
        case "gt":
          return order > 0;
        case "ge":
          return order >= 0;
      }
    }
  }
}

function isList(value: Scalar | readonly Scalar[]): value is readonly Scalar[] {
  return typeof value === "object";
}

/** Texts by their code points, as Rego does; what is of different types has no order. */
function compare(a: Scalar, b: Scalar): number | undefined {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return undefined;
}
