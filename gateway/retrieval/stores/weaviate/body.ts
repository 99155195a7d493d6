/** Reads a request's body strictly: what isn't known is refused by name. A refusal ends at {@link orRefusal}. */
import type { ErrorCode, Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";

class Unread extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.code);
  }
}

/** @throws Unread always; `detail` names places and members, never a value */
export function unread(code: ErrorCode, detail?: string): never {
  throw new Unread(refuse(code, detail));
}

/** Gives what a reader reads, or why it couldn't. */
export function orRefusal<T>(read: () => T): T | Refusal {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unread) return error.refusal;
    throw error;
  }
}

/** Reads an object of which only these members are known; gives a copy without those that are null. */
export function members(value: Json | undefined, known: readonly string[], place: string): JsonObject {
  if (!isObject(value)) return unread("invalid_request", `${place} must be an object`);
  const out = Object.create(null) as JsonObject;
  for (const name of Object.keys(value)) {
    // Go reads names whatever their letters are: `WHERE` would be a second filter
    if (!known.includes(name))
      return unread(
        "invalid_request",
        `${place} has a member that isn't known${/^\w{1,40}$/.test(name) ? `, ${name}` : ""}`,
      );
    const member = value[name];
    if (member !== undefined && member !== null) out[name] = member;
  }
  return out;
}

export function text(value: Json | undefined, place: string, most = 65_536): string {
  if (typeof value === "string" && value.length <= most) return value;
  return unread("invalid_request", `${place} must be a text`);
}

export function whole(value: Json | undefined, place: string, least: number): number {
  const number = plainNumber(value);
  if (number !== undefined && Number.isInteger(number) && number >= least) return number;
  return unread("invalid_request", `${place} must be a whole number of at least ${least}`);
}

export function list(value: Json | undefined, place: string): readonly Json[] {
  return Array.isArray(value) ? value : unread("invalid_request", `${place} must be a list`);
}

export function oneOf(value: Json | undefined, words: readonly string[], place: string): string {
  const read = words.find((word) => word === value);
  return read ?? unread("invalid_request", `${place} must be one of ${words.join(", ")}`);
}
