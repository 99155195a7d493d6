/** Says what a message attempts, as policy sees it. */
import type { Call, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { describeArguments } from "../arguments/describe.js";
import { readUrl } from "../arguments/urls.js";

type Name = Call["action"]["name"];

function callOf(name: Name, phase: "request" | "response", resource: Call["resource"]): Call {
  return { kind: "tool", action: { name, properties: { phase } }, resource };
}

/** May this caller speak to the server at all? */
export function speakCall(server: string): Call {
  return callOf("tool.list", "request", { type: "server", id: server, properties: { server } });
}

/**
 * @param about what is known of the tool, beside its name; arguments with a call
 */
export function toolCall(
  action: "tool.list" | "tool.call" | "tool.approve",
  server: string,
  tool: string,
  about: JsonObject,
  phase: "request" | "response" = "request",
): Call {
  const properties = { ...about, server, tool };
  return callOf(action, phase, { type: "tool", id: `${server}/${tool}`, properties });
}

export function promptCall(
  action: "prompt.list" | "prompt.get",
  server: string,
  prompt: string,
  about: JsonObject,
  phase: "request" | "response" = "request",
): Call {
  return callOf(action, phase, {
    type: "prompt",
    id: `${server}/${prompt}`,
    properties: { ...about, server, prompt },
  });
}

export function resourceCall(
  action: "resource.list" | "resource.read" | "resource.subscribe",
  server: string,
  uri: UriFacts,
  about: JsonObject = {},
  phase: "request" | "response" = "request",
): Call {
  const properties = { ...about, ...uri.properties, server, uri: uri.text };
  return callOf(action, phase, { type: "resource", id: `${server}/${uri.text}`, properties });
}

export function templateCall(server: string, template: string, about: JsonObject = {}): Call {
  return callOf("resource.list", "request", {
    type: "resource_template",
    id: `${server}/${template}`,
    properties: { ...about, server, template },
  });
}

/** What a server asks of its client. */
export function inputCall(
  action: "sampling.create" | "elicitation.create" | "roots.list",
  server: string,
  about: JsonObject,
  phase: "request" | "response",
): Call {
  return callOf(action, phase, { type: "server", id: server, properties: { ...about, server } });
}

export interface UriFacts {
  readonly text: string;
  readonly properties: JsonObject;
}

const longestUri = 2_048;

/**
 * Reads a resource's URI. INVARIANT: one that different readers could take to different places has no way further:
 * no blanks, controls, backslashes, names of users, dot segments, encoded or not.
 */
export function readUri(value: Json | undefined): UriFacts | Refusal {
  const wrong = refuse("invalid_params", "uri must be an absolute URI without dot segments, blanks or user");
  if (typeof value !== "string" || value.length > longestUri || !/^[\x21-\x5b\x5d-\x7e]+$/.test(value))
    return wrong;
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):(.+)$/i.exec(value) ?? [];
  if (scheme === undefined) return wrong;
  const decoded = decodeWhole(rest);
  if (decoded === undefined || /(?:^|[/\\:])\.{1,2}(?:[/\\?#;]|$)|[\\\p{Cc}]/u.test(decoded)) return wrong;
  const [, authority, path = ""] = /^(?:\/\/([^/?#]*))?([^?#]*)/.exec(rest) ?? [];
  if (authority?.includes("@") === true || authority?.includes("%") === true) return wrong;
  const properties: JsonObject = { scheme: scheme.toLowerCase() };
  if (authority !== undefined) {
    properties["host"] = authority.toLowerCase().replace(/:[0-9]*$/, "");
    // where it leads, however it is spelt
    const url = readUrl(value);
    if (url !== undefined) Object.assign(properties, { private: url.private, odd: url.odd });
  }
  if (path !== "") properties["path"] = decodeWhole(path) ?? path;
  return { text: value, properties };
}

/** Decodes as often as somebody behind could; undefined where it isn't well encoded, or too often. */
function decodeWhole(text: string): string | undefined {
  let now = text;
  for (let times = 0; times < 3; times++) {
    if (!now.includes("%")) return now;
    try {
      now = decodeURIComponent(now);
    } catch {
      return times === 0 ? undefined : now;
    }
  }
  return now.includes("%") ? undefined : now;
}

const describeTyped = describeArguments();

/** Reads what a completion refers to. INVARIANT: what was typed so far is described as arguments are: it goes to the server, too. */
export function completionCall(
  params: JsonObject,
  find: (name: string) => { readonly server: string; readonly name: string } | undefined,
  only: string | undefined,
): { readonly call: Call; readonly server: string; readonly params: JsonObject } | Refusal {
  const { ref, argument, context } = params;
  if (!isObject(ref) || !isObject(argument))
    return refuse("invalid_params", "ref and argument must be objects");
  const { name: argumentName, value, ...more } = argument;
  if (typeof argumentName !== "string" || typeof value !== "string" || Object.keys(more).length > 0)
    return refuse("invalid_params", "argument has name and value");
  if (context !== undefined && !isContext(context))
    return refuse("invalid_params", "context.arguments must hold texts, and nothing stand beside");
  const { type, name, uri } = ref;
  const typed = isObject(context) && isObject(context["arguments"]) ? context["arguments"] : {};
  const said = { argument: { name: argumentName, value }, context: typed };
  const about = { argument: argumentName, facts: describeTyped(said) };
  if (type === "ref/prompt" && typeof name === "string") {
    const found = find(name);
    if (found === undefined) return refuse("unknown_prompt");
    const sent = { ...params, ref: { type, name: found.name } };
    return {
      call: promptCall("prompt.list", found.server, found.name, about),
      server: found.server,
      params: sent,
    };
  }
  if (type === "ref/resource" && typeof uri === "string" && uri.length <= longestUri && only !== undefined)
    return { call: templateCall(only, uri, about), server: only, params: { ...params, ref: { type, uri } } };
  return refuse("invalid_params", "ref must name a prompt, or a resource of this server");
}

function isContext(context: Json): boolean {
  if (!isObject(context)) return false;
  const { arguments: args, ...more } = context;
  return isTexts(args) && Object.keys(more).length === 0;
}

function isTexts(value: Json | undefined): boolean {
  return (
    value === undefined || (isObject(value) && Object.values(value).every((one) => typeof one === "string"))
  );
}
