/** Says of an obligation `filter` what may be recorded: a digest, which fields, which operators; never a value. */
import { parseCondition } from "../contract.js";
import type { Condition, JsonObject, Obligation } from "../contract.js";
import type { Digest } from "./fact.js";
import { factsOf } from "./fact.js";

/** Most names of each kind. */
const most = 64;

/** Gives the facts of an obligation's properties; of a filter's condition its fields and operators, too. */
export function obligationFacts(digest: Digest, { type, properties }: Obligation): JsonObject {
  const facts = factsOf(digest, properties);
  if (type !== "filter") return facts;
  const condition = parseCondition(properties["condition"]);
  if (condition === undefined) return facts;
  const fields = new Set<string>();
  const operators = new Set<string>();
  const visit = (one: Condition): void => {
    operators.add(one.operator);
    if (one.type === "compound") one.value.forEach(visit);
    else fields.add(one.field);
  };
  visit(condition);
  return { ...facts, fields: [...fields].sort().slice(0, most), operators: [...operators].sort() };
}
