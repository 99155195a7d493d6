import type { JsonObject } from "../../../../sidecar/contract.js";

export const longestHeader = { count: 32, name: 64 } as const;
/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const primitives = new Set(["string", "integer", "boolean"]);

/**
 * Gives the header that a property's `x-mcp-header` names, lower-case; undefined where the annotation isn't valid
 * (MCP 2026-07-28, streamable HTTP, "Custom Headers from Tool Parameters").
 */
export function readHeader(property: JsonObject): string | undefined {
  const { "x-mcp-header": name, type } = property;
  if (typeof name !== "string" || !token.test(name)) return undefined;
  return typeof type === "string" && primitives.has(type) ? `mcp-param-${name.toLowerCase()}` : undefined;
}
