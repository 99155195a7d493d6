/** Reads what servers ask of clients, and what clients answer, into facts: counts, kinds and names, never content. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";

const mostFields = 64;

/** @returns undefined where it isn't what the method takes */
export function readSampling(params: JsonObject, able: JsonObject): JsonObject | undefined {
  const { messages, maxTokens, tools, toolChoice, systemPrompt, includeContext } = params;
  if (!Array.isArray(messages) || !messages.every(isMessage) || typeof maxTokens !== "number")
    return undefined;
  if (systemPrompt !== undefined && typeof systemPrompt !== "string") return undefined;
  // what a client hasn't said that it can do, it isn't asked
  if ((tools !== undefined || toolChoice !== undefined) && able["tools"] === undefined) return undefined;
  if (tools !== undefined && !(Array.isArray(tools) && tools.every(isObject))) return undefined;
  return {
    messages: messages.length,
    max_tokens: maxTokens,
    tools: Array.isArray(tools) ? tools.length : 0,
    system_prompt: systemPrompt !== undefined,
    include_context: typeof includeContext === "string" ? includeContext : "none",
  };
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

function isMessage(value: Json): boolean {
  if (!isObject(value)) return false;
  const { role, content, _meta, ...others } = value;
  const blocks = Array.isArray(content) ? content : [content];
  return (
    (role === "user" || role === "assistant") &&
    blocks.every((block) => isObject(block) && typeof block["type"] === "string") &&
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

/**
 * Words for what nobody should type into a form that a tool server made. Compared with the text after compatibility
 * normalization, without case, marks and what can't be seen.
 */
const secretWords =
  /passw|passphrase|passcode|pass ?word|\bpwd\b|secret|credential|api ?key|access ?key|private ?key|signing ?key|token|bearer|cookie|session ?id|\botp\b|one ?time (?:code|pass)|verification code|security code|2fa|\bmfa\b|\bpin\b|\bcvv\b|\bcvc\b|card ?number|credit ?card|\biban\b|\bssn\b|social security|seed ?phrase|recovery ?(?:phrase|code|key)|mnemonic|kennwort|passwort|mot de passe|contrasena|senha/;

function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\p{M}\p{Cf}\p{Cc}]/gu, "")
    .replace(/[_\-./\s]+/g, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
}

const asksForSecret = (texts: readonly (Json | undefined)[]): boolean =>
  texts.some((text) => typeof text === "string" && secretWords.test(plain(text)));

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
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || parsed.username !== "" || parsed.password !== "") return undefined;
    const host = parsed.hostname;
    return { mode, scheme: parsed.protocol.slice(0, -1), host, asks_for_secret: asksForSecret([message]) };
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
  const texts = fields.flatMap(([name, field]) =>
    isObject(field) ? [name, field["title"], field["description"], field["format"]] : [],
  );
  return {
    mode,
    fields: fields.map(([name]) => name.slice(0, 128)),
    asks_for_secret: asksForSecret([message, ...texts]),
  };
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
      Object.hasOwn(properties, name) &&
      (Array.isArray(value)
        ? value.every((one) => typeof one === "string")
        : !isObject(value) && value !== null),
  );
  return fit ? { action, fields: Object.keys(content) } : undefined;
}
