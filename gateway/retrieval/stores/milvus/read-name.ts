import type { Json } from "../../../../sidecar/contract.js";
import { list, longText, unread } from "../strict.js";

const name = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

/** A name as Milvus takes it: never a pattern. */
export function named(value: Json | undefined, place: string): string {
  const read = longText(value, place);
  return name.test(read) ? read : unread("invalid_request", `${place} must be a name`);
}

/** A list of names without doubles. */
export function names(value: Json | undefined, place: string): string[] {
  return [...new Set(list(value, place).map((one) => named(one, place)))];
}
