import { isObject, nearest, type Json, type JsonObject } from "../../contract.js";

/** Collects what is wrong, each with its place, so that an operator sees all of it at once. */
export type Problems = string[];

/** Checks that a value is an object with known fields only. */
export function readObject(
  value: Json | undefined,
  path: string,
  known: readonly string[],
  problems: Problems,
): JsonObject | undefined {
  if (!isObject(value)) {
    problems.push(`${path}: must be an object`);
    return undefined;
  }
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
    problems.push(`${path}.${name}: unknown field; ${hint}`);
  }
  return value;
}

export function readText(value: Json | undefined, path: string, problems: Problems): string {
  if (typeof value === "string" && value !== "") return value;
  problems.push(`${path}: ${value === undefined ? "is missing" : "must be a non-empty string"}`);
  return "";
}

/** Reads a list of strings, each once; `least` is how many there must be. */
export function readTexts(
  value: Json | undefined,
  path: string,
  least: number,
  problems: Problems,
): string[] {
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
    problems.push(`${path}: ${value === undefined ? "is missing" : "must be a list of strings"}`);
    return [];
  }
  if (value.length < least) problems.push(`${path}: must list at least ${least}`);
  if (new Set(value).size !== value.length) problems.push(`${path}: lists the same value twice`);
  return value;
}

/** Reads a whole number between bounds, or the default where it is absent. */
export function readNumber(
  value: Json | undefined,
  path: string,
  bounds: { least: number; most: number; absent: number },
  problems: Problems,
): number {
  if (value === undefined) return bounds.absent;
  if (
    typeof value === "number" &&
    Number.isSafeInteger(value) &&
    value >= bounds.least &&
    value <= bounds.most
  ) {
    return value;
  }
  problems.push(`${path}: must be a whole number from ${bounds.least} to ${bounds.most}`);
  return bounds.absent;
}
