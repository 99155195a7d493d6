/** Reads the obligation `limit`: a policy's own limit. */
import type { JsonObject, Obligation } from "../../contract.js";
import { Fields, isObject, Problems } from "../../contract.js";
import { canonical } from "./dimensions.js";
import type { LimitRule } from "./rule.js";
import { readRule } from "./rule.js";

export const limitType = "limit";

export interface PolicyLimit {
  readonly rule: LimitRule;
  /** Values that the policy counts by, beside dimensions. */
  readonly key: JsonObject | undefined;
}

/** Characters of the longest `key`. */
const longestKey = 8_192;

/** A decision from the cache brings the same object again. */
const known = new WeakMap<JsonObject, PolicyLimit | "wrong">();

/** Reads one; undefined where anything in it isn't understood: a duty that isn't understood isn't done. */
export function readObligation({ properties }: Obligation): PolicyLimit | undefined {
  let read = known.get(properties);
  if (read === undefined) {
    read = parse(properties) ?? "wrong";
    known.set(properties, read);
  }
  return read === "wrong" ? undefined : read;
}

function parse(properties: JsonObject): PolicyLimit | undefined {
  const problems = new Problems();
  const fields = new Fields(properties, "", problems);
  const rule = readRule(fields, problems);
  const key = fields.raw("key");
  fields.end();
  if (problems.list.length > 0 || (key !== undefined && !isObject(key))) return undefined;
  // values that say nothing would make one key of what policy meant to count apart
  if (key !== undefined && (Object.keys(key).length === 0 || canonical(key).length > longestKey))
    return undefined;
  return { rule, key };
}
