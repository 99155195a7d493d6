/** Deprecated casts. Source: OPA, v1/topdown/casts.go. */
import type { RegoValue, TypeName } from "../../engine/value.js";
import { RegoSet, setOf, typeName } from "../../engine/value.js";
import { itemsOf, typeFault } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

function only(type: TypeName): NodeBuiltin {
  return (_context, value = null) => {
    if (typeName(value) !== type) throw typeFault(1, value, type);
    return value;
  };
}

function listed(value: RegoValue | undefined): readonly RegoValue[] {
  const items = itemsOf(value);
  if (items === undefined) throw typeFault(1, value, "array", "set");
  return items;
}

export const casts: readonly (readonly [string, NodeBuiltin])[] = [
  ["cast_array", (_context, value) => listed(value)],
  ["cast_set", (_context, value) => (value instanceof RegoSet ? value : setOf(listed(value)))],
  ["cast_string", only("string")],
  ["cast_boolean", only("boolean")],
  ["cast_null", only("null")],
  ["cast_object", only("object")],
];
