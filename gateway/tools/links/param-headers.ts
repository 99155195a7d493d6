import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../sidecar/contract.js";
import { encodeHeader } from "./http/encode-header.js";

/**
 * Writes the headers that repeat arguments (`x-mcp-header`), for a server of the stateless era: whatever the client sent,
 * they say what the arguments say that are sent. Source: MCP 2026-07-28, Streamable HTTP, "Client Behavior".
 * @param places header (lower-case, `mcp-param-…`) to the place of the argument
 */
export function paramHeadersOf(
  args: JsonObject,
  places: ReadonlyMap<string, readonly string[]>,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, place] of places) {
    const value = place.reduce<Json | undefined>(
      (at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined),
      args,
    );
    const text = textOf(value);
    if (text !== undefined) headers[name] = encodeHeader(text);
  }
  return headers;
}

function textOf(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  return value instanceof JsonNumber ? String(Number(value.text)) : undefined;
}
