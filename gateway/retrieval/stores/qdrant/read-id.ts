import type { Json } from "../../../../sidecar/contract.js";
import { JsonNumber } from "../../../../sidecar/contract.js";
import { unread } from "../strict.js";

/** UUIDs as the store reads them (documentation, Points: "simple", "hyphenated", "urn"). */
const uuid = /^(?:urn:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i;
const unsigned = /^(?:0|[1-9]\d{0,19})$/;

/**
 * Gives a point's id as text, each point's one form: a decimal number, or a UUID with hyphens in lower case.
 * @throws Unread where it is none
 */
export function readId(value: Json | undefined, place = "id"): string {
  return idOf(value) ?? unread("invalid_request", `${place} must be an unsigned integer or a UUID`);
}

/** As {@link readId}; undefined where it is none. */
export function idOf(value: Json | undefined): string | undefined {
  if (typeof value === "number" || value instanceof JsonNumber) {
    const text = typeof value === "number" ? String(value) : value.text;
    return unsigned.test(text) && BigInt(text) < 2n ** 64n ? text : undefined;
  }
  const parts = typeof value === "string" ? uuid.exec(value) : null;
  return parts === null ? undefined : parts.slice(1).join("-").toLowerCase();
}

/** Writes an id for the store; undefined where no point can have it. */
export function writeId(id: string): Json | undefined {
  if (unsigned.test(id)) {
    const number = Number(id);
    return Number.isSafeInteger(number) ? number : new JsonNumber(id);
  }
  return idOf(id);
}
