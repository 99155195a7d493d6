/** What the fields of a request must be. */
import type { Json } from "../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../sidecar/contract.js";

export type Check = (value: Json) => boolean;

export const text: Check = (value) => typeof value === "string";
export const flag: Check = (value) => typeof value === "boolean";
export const number: Check = (value) => typeof value === "number" || value instanceof JsonNumber;
export const count: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
export const positive: Check = (value) => count(value) && Number(value) >= 1;
export const object: Check = isObject;
export const list: Check = Array.isArray;
export const either =
  (...checks: Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));

/**
 * Names the first field that isn't as it must be; null is as good as absent, as clients send it.
 * @param required must be there, and not null
 */
export function wrongField(
  body: Readonly<Record<string, Json>>,
  fields: Readonly<Record<string, Check>>,
  required: readonly string[],
): string | undefined {
  const missing = required.find((name) => body[name] === undefined || body[name] === null);
  if (missing !== undefined) return missing;
  return Object.keys(body).find((name) => {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const value = body[name];
    if (check === undefined || value === undefined) return true;
    return value !== null && !check(value);
  });
}

/** Picks the fields that a policy may set. */
export function settable(
  fields: Readonly<Record<string, Check>>,
  names: readonly string[],
): Readonly<Record<string, Check>> {
  return Object.fromEntries(
    names
      .map((name) => [name, fields[name]])
      .filter((entry): entry is [string, Check] => entry[1] !== undefined),
  );
}
