/** The obligations that this gateway can carry out, by type. One that it can't is a deny. */
import type { Json, JsonObject, Obligation } from "../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../sidecar/contract.js";

/** Carries an obligation out on a value; undefined where that can't be done. */
type Enforcer = (value: JsonObject, properties: JsonObject) => JsonObject | undefined;

/** On the request, before it is sent. */
export const requestObligations: Readonly<Record<string, Enforcer>> = { limit_tokens: limitTokens };
/** On the answer, before it is given to the client. */
export const answerObligations: Readonly<Record<string, Enforcer>> = { filter_documents: filterDocuments };

/** Carries out the obligations that a table knows, in order; undefined where one can't be. */
export function enforce(
  value: JsonObject,
  obligations: readonly Obligation[],
  table: Readonly<Record<string, Enforcer>>,
): JsonObject | undefined {
  let out: JsonObject | undefined = value;
  for (const { type, properties } of obligations) {
    const enforcer = Object.hasOwn(table, type) ? table[type] : undefined;
    out = out === undefined ? undefined : enforcer?.(out, properties);
  }
  return out;
}

/** `{max_tokens}`: caps what the request asks for, under either of the names that OpenAI's API has for it. */
function limitTokens(body: JsonObject, properties: JsonObject): JsonObject | undefined {
  const { max_tokens: most, ...others } = properties;
  // a property that isn't understood is a duty that isn't done
  if (Object.keys(others).length > 0) return undefined;
  if (typeof most !== "number" || !Number.isSafeInteger(most) || most < 1) return undefined;
  const out = copy(body);
  const names = ["max_tokens", "max_completion_tokens"].filter(
    (name) => out[name] !== undefined && out[name] !== null,
  );
  if (names.length === 0) names.push("max_tokens");
  for (const name of names) {
    const asked = out[name];
    if (asked instanceof JsonNumber) out[name] = most;
    else out[name] = typeof asked === "number" ? Math.min(asked, most) : most;
  }
  return out;
}

const classifications: readonly Json[] = ["public", "internal", "confidential", "restricted"];

/** `{tenant, max_classification}`: leaves only documents of the tenant (or of all) up to the classification. */
function filterDocuments(answer: JsonObject, properties: JsonObject): JsonObject | undefined {
  const { tenant, max_classification, ...others } = properties;
  if (Object.keys(others).length > 0) return undefined;
  const most = classifications.indexOf(max_classification ?? null);
  const { documents } = answer;
  if (typeof tenant !== "string" || most < 0 || !Array.isArray(documents)) return undefined;
  const out = copy(answer);
  out["documents"] = documents.filter((document: Json) => {
    if (!isObject(document)) return false;
    const level = classifications.indexOf(document["classification"] ?? null);
    const owner = document["tenant"];
    // what doesn't say whose it is or how secret it is stays here
    return level >= 0 && level <= most && (owner === tenant || owner === "*");
  });
  return out;
}

function copy(value: JsonObject): JsonObject {
  return Object.assign(Object.create(null) as JsonObject, value);
}
