/** Parses the question for more than a call's allowance, strictly. */
import type { Refusal } from "./errors.js";
import { refuse } from "./errors.js";
import type { Json } from "./json.js";
import type { Allowance, Extended, Extension } from "./limits.js";
import { isObject } from "./json.js";
import { Fields, Problems } from "./shape.js";

const units = ["input_tokens", "output_tokens", "tokens", "cost"] as const;
const codes = ["rate_limited", "budget_exceeded", "fenced", "limits_unavailable"] as const;

/** Parses an {@link Extension}; a refusal names fields, never values. */
export function parseExtension(value: Json): { kind: "extension"; extension: Extension } | Refusal {
  const problems = new Problems();
  const top = new Fields(value, "", problems);
  const id = top.required("decision_id");
  if (!/^[\w.:-]{1,128}$/.test(id)) problems.add("decision_id", "must be an id that a decision was given");
  const held = readAllowance(top.nested("held"));
  const need = readAllowance(top.nested("need"));
  if (Object.keys(held).length === 0) problems.add("held", "must name what the call holds");
  top.end();
  if (problems.list.length > 0) return refuse("invalid_request", problems.list.slice(0, 5).join("; "));
  return { kind: "extension", extension: { decision_id: id, held, need } };
}

function readAllowance(fields: Fields): Allowance {
  const allowance: { -readonly [Unit in keyof Allowance]: number } = {};
  for (const unit of units) {
    const amount = fields.integer(unit, 0, Number.MAX_SAFE_INTEGER);
    if (amount !== undefined) allowance[unit] = amount;
  }
  fields.end();
  return allowance;
}

/** Reads an {@link Extended}. INVARIANT: what isn't wholly a yes is a no. */
export function readExtended(value: Json): Extended {
  if (!isObject(value)) return { code: "limits_unavailable" };
  const { allowance, code } = value;
  const known = codes.find((one) => one === code);
  if (known !== undefined) return { code: known };
  const whole =
    isObject(allowance) && Object.values(allowance).every((most) => typeof most === "number" && most >= 0);
  return whole && code === undefined ? { allowance } : { code: "limits_unavailable" };
}
