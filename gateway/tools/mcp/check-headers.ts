/** Finds out which era a client speaks, and holds the headers against the body: who routes by them must see what we see. */
import type { IncomingHttpHeaders } from "node:http";
import type { Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse } from "../../../sidecar/contract.js";
import type { Era } from "../links/link.js";
import { metaKeys, methods, sessionVersions, statelessVersion } from "./methods.js";
import type { Incoming } from "./read-message.js";

/** Tells a client's era by what only one of them has; also of a message that can't be read any further. */
export function eraOf(headers: IncomingHttpHeaders, body: Json): Era {
  const { method, params } = isObject(body) ? body : {};
  const meta = isObject(params) ? params["_meta"] : undefined;
  if (isObject(meta) && meta[metaKeys.version] !== undefined) return "stateless";
  if (headers["mcp-protocol-version"] === statelessVersion) return "stateless";
  const row = typeof method === "string" && Object.hasOwn(methods, method) ? methods[method] : undefined;
  return row?.eras.includes("session") === false ? "stateless" : "session";
}

/** Refuses headers that are missing, in a form that isn't known, or say something else than the body. */
export function checkHeaders(headers: IncomingHttpHeaders, message: Incoming, era: Era): Refusal | undefined {
  const version = headers["mcp-protocol-version"];
  if (era === "stateless") {
    const wrong = checkMeta(version, message);
    if (wrong !== undefined) return wrong;
  } else if (version !== undefined && !sessionVersions.includes(String(version)))
    return refuse("unsupported_version");
  return checkRepeats(headers, message, era === "stateless");
}

/** INVARIANT: a request of the stateless era says its version twice, in the header and in the body, and equal. */
function checkMeta(version: string | string[] | undefined, message: Incoming): Refusal | undefined {
  if (message.kind !== "request") return undefined;
  const meta = message.params["_meta"];
  const said = isObject(meta) ? meta[metaKeys.version] : undefined;
  if (said === undefined || version === undefined || said !== version)
    return said === undefined && version !== undefined
      ? refuse("invalid_params", `params._meta lacks ${metaKeys.version}`)
      : refuse("header_mismatch", "MCP-Protocol-Version");
  if (said !== statelessVersion) return refuse("unsupported_version");
  if (!isObject(meta) || !isObject(meta[metaKeys.capabilities]))
    return refuse("invalid_params", `params._meta lacks ${metaKeys.capabilities}`);
  return undefined;
}

function checkRepeats(
  headers: IncomingHttpHeaders,
  message: Incoming,
  required: boolean,
): Refusal | undefined {
  const method = message.kind === "answer" ? undefined : message.method;
  const wanted = required && message.kind === "request";
  if (clashes(headers["mcp-method"], method, wanted, false)) return refuse("header_mismatch", "Mcp-Method");
  const named = message.kind === "request" ? message.row.named : undefined;
  const name = named === undefined || message.kind === "answer" ? undefined : message.params[named];
  const clash = clashes(headers["mcp-name"], name, wanted && named !== undefined, true);
  return clash ? refuse("header_mismatch", "Mcp-Name") : undefined;
}

function clashes(
  header: string | string[] | undefined,
  value: Json | undefined,
  required: boolean,
  mayBeEncoded: boolean,
): boolean {
  if (header === undefined) return required;
  const said = mayBeEncoded ? decodeHeader(header) : header;
  return said === undefined || said !== value;
}

/**
 * Decodes a header of the stateless era: as it is, or `=?base64?…?=` of UTF-8. Undefined where it is neither.
 * INVARIANT: one value has one meaning: base64 that another decoder reads otherwise is refused.
 */
export function decodeHeader(header: string | string[] | undefined): string | undefined {
  if (typeof header !== "string" || !/^[\x20-\x7e\t]*$/.test(header)) return undefined;
  if (!header.startsWith("=?base64?") || !header.endsWith("?=")) return header;
  const encoded = header.slice("=?base64?".length, -"?=".length);
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") !== encoded) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const prefix = "mcp-param-";

/**
 * Holds the headers that repeat arguments against them (`x-mcp-header`).
 * @param places header (lower-case) to the place of the argument
 * @param required whether a client of this era must repeat them
 * @returns those to send on, or a refusal
 */
export function checkParamHeaders(
  headers: IncomingHttpHeaders,
  args: JsonObject,
  places: ReadonlyMap<string, readonly string[]>,
  required: boolean,
): Readonly<Record<string, string>> | Refusal {
  const sent: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    // one that the tool doesn't know repeats nothing that is decided on
    if (name.startsWith(prefix) && !places.has(name)) return refuse("header_mismatch", "Mcp-Param");
  }
  for (const [name, place] of places) {
    const value = place.reduce<Json | undefined>(
      (at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined),
      args,
    );
    const header = headers[name];
    if (value === undefined || value === null) {
      if (header !== undefined) return refuse("header_mismatch", "Mcp-Param");
      continue;
    }
    const said = decodeHeader(header);
    if (header === undefined ? required : said === undefined || !repeats(said, value))
      return refuse("header_mismatch", "Mcp-Param");
    if (typeof header === "string") sent[name] = header;
  }
  return sent;
}

function repeats(said: string, value: Json): boolean {
  if (typeof value === "string") return said === value;
  if (typeof value === "boolean") return said === String(value);
  if (typeof value !== "number" && !(value instanceof JsonNumber)) return false;
  return /^-?[0-9]{1,16}(?:\.0+)?$/.test(said) && Number(said) === Number(value);
}
