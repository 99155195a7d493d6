/** Reads what servers ask of clients, and what clients answer, into facts: counts, kinds and names, never content. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../sidecar/contract.js";
import { findFlags } from "../definitions/flags/flags.js";
import { asksForSecret, textsIn } from "./asks-for-secret.js";

const mostFields = 64;
/** Of all texts of a form, characters: each is read through its disguises, which costs microseconds a character. */
const longestForm = 65_536;

/** @returns undefined where it isn't what the method takes */
export function readSampling(params: JsonObject, able: JsonObject): JsonObject | undefined {
  const { messages, maxTokens, tools, toolChoice, systemPrompt, includeContext } = params;
  const blocks = able["tools"] === undefined ? contents : [...contents, "tool_use", "tool_result"];
  if (!Array.isArray(messages) || !messages.every((one) => isMessage(one, blocks))) return undefined;
  if (typeof maxTokens !== "number") return undefined;
  if (systemPrompt !== undefined && typeof systemPrompt !== "string") return undefined;
  // what a client hasn't said that it can do, it isn't asked
  if ((tools !== undefined || toolChoice !== undefined) && able["tools"] === undefined) return undefined;
  if (tools !== undefined && !(Array.isArray(tools) && tools.every(isObject))) return undefined;
  const offered = readTools(tools ?? []);
  if (offered === undefined) return undefined;
  return {
    messages: messages.length,
    max_tokens: maxTokens,
    tools: Array.isArray(tools) ? tools.length : 0,
    ...offered,
    system_prompt: systemPrompt !== undefined,
    include_context: typeof includeContext === "string" ? includeContext : "none",
  };
}

/** Names the tools that a model is to know, and what is odd about them, as of a server's own. */
function readTools(tools: Json): JsonObject | undefined {
  if (!Array.isArray(tools) || tools.length > mostFields) return undefined;
  const flags = new Set<string>();
  const names: string[] = [];
  for (const tool of tools) {
    const name = isObject(tool) ? tool["name"] : undefined;
    if (!isObject(tool) || typeof name !== "string" || !/^[\x21-\x7e]{1,128}$/.test(name)) return undefined;
    names.push(name);
    for (const flag of findFlags(name, tool, undefined).flags) flags.add(flag);
  }
  return names.length === 0 ? {} : { tool_names: names, tool_flags: [...flags].sort() };
}

export function readSampled({
  role,
  content,
  model,
  stopReason,
  ...others
}: JsonObject): JsonObject | undefined {
  const blocks = Array.isArray(content) ? content : [content];
  if (role !== "assistant" || typeof model !== "string" || !blocks.every(isObject)) return undefined;
  if (stopReason !== undefined && typeof stopReason !== "string") return undefined;
  return Object.keys(others).length === 0 ? { blocks: blocks.length } : undefined;
}

/** What a message may hold, for every client that samples. */
const contents: readonly string[] = ["text", "image", "audio"];

function isMessage(value: Json, types: readonly string[]): boolean {
  if (!isObject(value)) return false;
  const { role, content, _meta, ...others } = value;
  const blocks = Array.isArray(content) ? content : [content];
  return (
    (role === "user" || role === "assistant") &&
    blocks.every((block) => isObject(block) && types.includes(String(block["type"]))) &&
    Object.keys(others).length === 0
  );
}

export function readRoots({ roots, ...others }: JsonObject): JsonObject | undefined {
  if (!Array.isArray(roots) || roots.length > mostFields || Object.keys(others).length > 0) return undefined;
  const fit = roots.every((root) => {
    if (!isObject(root)) return false;
    const { uri, name, _meta, ...more } = root;
    return (
      typeof uri === "string" &&
      /^file:\/\/\/[\x21-\x7e]{0,2048}$/.test(uri) &&
      (name === undefined || typeof name === "string") &&
      Object.keys(more).length === 0
    );
  });
  return fit ? { roots: roots.length } : undefined;
}

const schemaFields: ReadonlySet<string> = new Set([
  ...["type", "title", "description", "default", "format", "minLength", "maxLength", "pattern", "minimum"],
  ...["maximum", "enum", "enumNames", "oneOf", "anyOf", "items", "minItems", "maxItems"],
]);

export function readElicitation(params: JsonObject, able: JsonObject): JsonObject | undefined {
  const { mode = "form", message, requestedSchema, url, elicitationId } = params;
  if (typeof message !== "string" || message.length > 16_384) return undefined;
  // a client that says nothing of modes knows forms
  const modes = Object.keys(able).length === 0 ? ["form"] : Object.keys(able);
  if (typeof mode !== "string" || !modes.includes(mode)) return undefined;
  if (mode === "url") {
    if (requestedSchema !== undefined || typeof url !== "string") return undefined;
    if (elicitationId !== undefined && typeof elicitationId !== "string") return undefined;
    const place = readPlace(url);
    return place === undefined ? undefined : { mode, ...place, asks_for_secret: asksForSecret([message]) };
  }
  if (url !== undefined || elicitationId !== undefined || !isObject(requestedSchema)) return undefined;
  const { $schema, type, properties, required = [], ...others } = requestedSchema;
  if (type !== "object" || !isObject(properties) || Object.keys(others).length > 0) return undefined;
  if ($schema !== undefined && typeof $schema !== "string") return undefined;
  const fields = Object.entries(properties);
  if (fields.length > mostFields || !Array.isArray(required)) return undefined;
  const flat = fields.every(
    ([, field]) => isObject(field) && Object.keys(field).every((key) => schemaFields.has(key)),
  );
  if (!flat) return undefined;
  // what is shown of a field can be anything in it
  const texts = fields.flatMap(([name, field]) => [name, ...textsIn(field)]);
  if (texts.reduce((sum, text) => sum + text.length, 0) > longestForm) return undefined;
  return {
    mode,
    fields: fields.map(([name]) => name.slice(0, 128)),
    asks_for_secret: asksForSecret([message, ...texts]),
  };
}

/**
 * Reads where a client is sent to. INVARIANT: one place to every reader: of the web, without a user, and the host is what
 * is written there, not what some readers make of it.
 */
function readPlace(url: string): { readonly scheme: string; readonly host: string } | undefined {
  if (!/^[\x21-\x5b\x5d-\x7e]{1,8192}$/.test(url) || !URL.canParse(url)) return undefined;
  const [, scheme = "", authority = ""] = /^(https?):\/\/([^/?#@%]+)(?:[/?#]|$)/i.exec(url) ?? [];
  const { hostname, port } = new URL(url);
  const said = authority.toLowerCase().replace(/:(?:[0-9]*)$/, "");
  const ported = port === "" || authority.endsWith(`:${port}`);
  return authority !== "" && said === hostname && ported
    ? { scheme: scheme.toLowerCase(), host: hostname }
    : undefined;
}

export function readElicited(
  { action, content, ...others }: JsonObject,
  { requestedSchema }: JsonObject,
): JsonObject | undefined {
  if (Object.keys(others).length > 0) return undefined;
  if (action !== "accept") {
    const plainly = action === "decline" || action === "cancel";
    // clients send an empty one along
    const empty =
      content === undefined || content === null || (isObject(content) && Object.keys(content).length === 0);
    return plainly && empty ? { action } : undefined;
  }
  if (content === undefined) return { action, fields: [] };
  const properties = isObject(requestedSchema) ? requestedSchema["properties"] : undefined;
  if (!isObject(content) || !isObject(properties)) return undefined;
  const fit = Object.entries(content).every(
    ([name, value]) =>
      Object.hasOwn(properties, name) && isObject(properties[name]) && fitsField(value, properties[name]),
  );
  return fit ? { action, fields: Object.keys(content) } : undefined;
}

/** Holds an answer against the type and the choices of its field; how long or large it is, the server looks at. */
function fitsField(value: Json, { type, enum: choices, oneOf, items }: JsonObject): boolean {
  switch (type) {
    case "string":
      return typeof value === "string" && isAmong(value, choices, oneOf);
    case "boolean":
      return typeof value === "boolean";
    case "number":
      return typeof value === "number" || value instanceof JsonNumber;
    case "integer":
      return (typeof value === "number" || value instanceof JsonNumber) && Number.isInteger(Number(value));
    case "array": {
      const one = isObject(items) ? items : {};
      return (
        Array.isArray(value) &&
        value.every(
          (text) => typeof text === "string" && isAmong(text, one["enum"], one["anyOf"] ?? one["oneOf"]),
        )
      );
    }
    // some forms are made without saying of what type their choices are
    case undefined:
      return typeof value === "string" ? isAmong(value, choices, oneOf) : !isObject(value) && value !== null;
    default:
      return false;
  }
}

function isAmong(text: string, choices: Json | undefined, titled: Json | undefined): boolean {
  if (Array.isArray(choices)) return choices.includes(text);
  return !Array.isArray(titled) || titled.some((one) => isObject(one) && one["const"] === text);
}
