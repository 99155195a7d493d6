import { isObject, type Json } from "../../contract.js";
import { readObject, type Problems } from "./read-fields.js";
import { claimNames, type ClaimName, type ClaimRules, type ClaimTest, type SubjectType } from "./types.js";

const subjectTypes: readonly Json[] = ["user", "agent", "workload"];

/** Reads where claims stand; null: not read, though a standard or the preset names a place. */
export function parseClaims(value: Json | undefined, path: string, problems: Problems): ClaimRules["claims"] {
  if (value === undefined) return {};
  const from = readObject(value, path, claimNames, problems) ?? {};
  const claims: { -readonly [K in ClaimName]?: readonly string[] | null } = {};
  for (const name of claimNames) {
    const where = from[name];
    if (where === undefined) continue;
    const keys = where === null ? null : readPath(where);
    if (keys !== undefined) claims[name] = keys;
    else problems.push(`${path}.${name}: must be a claim's name, dotted path, or list of keys`);
  }
  return claims;
}

/** Reads the path of a claim; undefined where it is none. */
function readPath(value: Json | undefined): readonly string[] | undefined {
  const keys = typeof value === "string" ? value.split(".") : value;
  return isKeys(keys) ? keys : undefined;
}

function isKeys(value: Json | undefined): value is string[] {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= 8 &&
    value.every((key) => typeof key === "string" && key !== "")
  );
}

/** Reads a list of conditions on a payload. */
export function parseTests(value: Json | undefined, path: string, problems: Problems): ClaimTest[] {
  return parseList(value, path, problems).flatMap(
    (item, i) => parseTest(item, `${path}[${i}]`, [], problems) ?? [],
  );
}

/** Reads a list of conditions that each say a type. */
export function parseSubjectTypes(
  value: Json | undefined,
  path: string,
  problems: Problems,
): ClaimRules["subject_types"] {
  return parseList(value, path, problems).flatMap((item, i) => {
    const at = `${path}[${i}]`;
    const test = parseTest(item, at, ["type"], problems);
    const type = parseSubjectType(isObject(item) ? item["type"] : undefined, `${at}.type`, problems);
    return test === undefined ? [] : [{ ...test, type }];
  });
}

export function parseSubjectType(value: Json | undefined, path: string, problems: Problems): SubjectType {
  if (value !== undefined && subjectTypes.includes(value)) return value as SubjectType;
  problems.push(`${path}: must be one of user, agent, workload`);
  return "user";
}

function parseList(value: Json | undefined, path: string, problems: Problems): readonly Json[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  problems.push(`${path}: must be a list`);
  return [];
}

function parseTest(
  value: Json,
  path: string,
  more: readonly string[],
  problems: Problems,
): ClaimTest | undefined {
  const from = readObject(value, path, ["claim", "or", "values", "absent", ...more], problems);
  if (from === undefined) return undefined;
  const { values, absent } = from;
  const claim = readPath(from["claim"]);
  const or = from["or"] === undefined ? undefined : readPath(from["or"]);
  if (claim === undefined || (from["or"] !== undefined && or === undefined)) {
    problems.push(`${path}.claim: must be a claim's name, dotted path, or list of keys`);
    return undefined;
  }
  if (absent !== undefined && typeof absent !== "boolean") {
    problems.push(`${path}.absent: must be true or false`);
    return undefined;
  }
  if (values !== undefined && !isValues(values)) {
    problems.push(`${path}.values: must be a list of strings, true and false`);
    return undefined;
  }
  if (values !== undefined && (absent === true || or !== undefined)) {
    problems.push(`${path}: can't have values together with absent or or`);
    return undefined;
  }
  return {
    claim,
    ...(or === undefined ? {} : { or }),
    ...(values === undefined ? {} : { values }),
    ...(absent === undefined ? {} : { absent }),
  };
}

function isValues(value: Json): value is (string | boolean)[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => typeof one === "string" || typeof one === "boolean")
  );
}
