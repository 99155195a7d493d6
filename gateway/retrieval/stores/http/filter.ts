/** Conditions for stores that filter by a condition itself, or by an object of values that must be equal. */
import type { Condition, JsonObject, Scalar } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";
import type { Compiled, Language, Leaf } from "../../conditions/compile.js";
import { compile } from "../../conditions/compile.js";
import type { FieldConfig } from "../../document.js";
import type { FilterLanguage } from "./mapping.js";

/** Says a condition in a store's language. */
export function say(
  language: FilterLanguage,
  condition: Condition,
  { fields }: CollectionConfig,
): Compiled<JsonObject> {
  switch (language) {
    case "none":
      return {
        exact: condition.type === "compound" && condition.operator === "and" && condition.value.length === 0,
      };
    case "ucast":
      return compile(condition, fields, ucast);
    case "equals":
      return equalities(condition, fields);
  }
}

const compound = (operator: "and" | "or" | "not", value: readonly JsonObject[]): JsonObject => ({
  ...{ type: "compound", operator, value: [...value] },
});

/** The condition as it is, on the store's own paths. Times are said where the store keeps what policy sees: seconds. */
const ucast: Language<JsonObject> = {
  leaf({ field, operator, value, negated }: Leaf) {
    if (field.type === "time" && field.form !== "epoch_s" && operator !== "exists") return undefined;
    const path = field.path.join(".");
    const written = typeof value === "object" ? [...value] : value;
    const said: JsonObject = { type: "field", operator, field: path, value: written };
    return { filter: negated ? compound("not", [said]) : said, exact: true };
  },
  and: (filters) => compound("and", filters),
  or: (filters) => compound("or", filters),
};

/** What must be equal, of what must all hold; the rest can't be said. */
function equalities(condition: Condition, fields: ReadonlyMap<string, FieldConfig>): Compiled<JsonObject> {
  const filter: JsonObject = Object.create(null) as JsonObject;
  let exact = true;
  const add = (one: Condition): void => {
    if (one.type === "compound" && one.operator === "and") one.value.forEach(add);
    else {
      const said = equality(one, fields);
      if (said === undefined) exact = false;
      // the same field twice: what is sent is wider
      else if (Object.hasOwn(filter, said.path) && filter[said.path] !== said.value) exact = false;
      else filter[said.path] = said.value;
    }
  };
  add(condition);
  return Object.keys(filter).length === 0 ? { exact } : { filter, exact };
}

function equality(
  condition: Condition,
  fields: ReadonlyMap<string, FieldConfig>,
): { readonly path: string; readonly value: Scalar } | undefined {
  if (condition.type !== "field" || condition.operator !== "eq") return undefined;
  const { value } = condition;
  const field = fields.get(condition.field);
  if (field === undefined || field.type === "time" || typeof value === "object") return undefined;
  return { path: field.path.join("."), value };
}
