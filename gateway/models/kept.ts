import type { Json } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";

/** Fields that name what a provider keeps for whomever has its key: files, stores of vectors, containers, what it once said aloud. */
const names = new Set(["file_id", "file_ids", "vector_store_ids", "container", "container_id"]);

/**
 * Tells whether what a client says names something that the provider keeps. Nobody here gave such names out, and the
 * provider can't tell one tenant of ours from another. What a tool is given is the tool's own.
 */
export function namesKept(value: Json): boolean {
  if (Array.isArray(value)) return value.some(namesKept);
  if (!isObject(value)) return false;
  const { type } = value;
  return Object.entries(value).some(
    ([name, inner]) =>
      (names.has(name) && inner !== null) ||
      (name === "audio" && isObject(inner) && inner["id"] !== undefined) ||
      (!(type === "tool_use" && name === "input") && namesKept(inner)),
  );
}

const suspicious = ["file_", "vector_store_", "container", "audio", "\\u"];

/** Tells whether a body could name such a thing; cheaper than looking. */
export function mayNameKept(bytes: Buffer): boolean {
  return suspicious.some((text) => bytes.includes(text));
}
