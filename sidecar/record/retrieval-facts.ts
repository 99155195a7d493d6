/** Keeps what an enforcement point says of documents that came back: counts and digests. */
import type { Json, JsonObject } from "../contract.js";
import { errorTable } from "../contract.js";

const name = /^[a-z][a-z0-9_]{0,31}$/;
const digest = /^[0-9a-f]{16,64}$/;
const most = 32;

/** Keeps numbers, booleans, digests, and the code of `refused`; what is anything else is left out. */
export function retrievalFacts(facts: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(facts).slice(0, most)) {
    const kept = name.test(key) ? (key === "refused" ? code(value) : keep(value)) : undefined;
    if (kept !== undefined) out[key] = kept;
  }
  return out;
}

function code(value: Json): Json | undefined {
  return typeof value === "string" && Object.hasOwn(errorTable, value) ? value : undefined;
}

function keep(value: Json): Json | undefined {
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return digest.test(value) ? value : undefined;
  return Array.isArray(value)
    ? value.filter((one) => typeof one === "string" && digest.test(one)).slice(0, most)
    : undefined;
}
