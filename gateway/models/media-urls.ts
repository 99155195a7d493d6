/** Where the servers of models may be sent for images and files: what fetches what it is told to is in somebody's network. */
import type { Call, Json, JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";

/** Where requests of all protocols hold what was said. */
const said = ["messages", "input", "contents", "system", "systemInstruction", "content", "requests"];
const holdsUrl = /(?:^|_)ur[il]$|Ur[il]$/i;
/** What was found or is quoted isn't fetched. */
const quotes = /search|fetch|citation|find|open_page/;
/** What a call takes, and what a tool gave, are values. */
const values: ReadonlySet<string> = new Set(["arguments", "args", "response"]);
/** Labels of letters, digits and hyphens, none of them an address; a path without blanks, controls and backslashes. */
const form =
  /^https:\/\/((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9]))\.?(?::\d{1,5})?(?:[/?#][^\s\\\u0000-\u001f\u007f-\u009f]*)?$/i;
/** Names of networks, not of the web (RFC 6761, RFC 8375, and by use). */
const inner =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|arpa|test|invalid|onion|consul|svc|cluster)$/i;

/**
 * Tells whether a request names a place that isn't on the web: only `https` to a name, which a server of that name must
 * prove by its certificate, or `data:`; also where such a name leads to an address of a network.
 * @param hosts names and addresses that are allowed in addition, by `http` too
 */
export function wrongUrl(body: JsonObject, hosts: readonly string[]): boolean {
  return said.some((name) => someUrl(body[name] ?? null, (url) => !isOfTheWeb(url, hosts)));
}

/** Hosts of one request that policy is told of; more are told as `*`. */
const mostHosts = 32;

/**
 * Tells policy, under `action.properties.fetches`, from which hosts a model's server is asked to fetch: whoever listens there
 * learns of it, and of what stands in the address.
 */
export function withFetches(call: Call, body: JsonObject): Call {
  const hosts = new Set<string>();
  for (const name of said)
    someUrl(body[name] ?? null, (url) => {
      if (/^data:/i.test(url)) return false;
      hosts.add(URL.canParse(url) ? new URL(url).hostname : "*");
      return hosts.size > mostHosts;
    });
  if (hosts.size === 0) return call;
  const fetches = hosts.size > mostHosts ? ["*"] : [...hosts].sort();
  const { name, properties } = call.action;
  return { ...call, action: { name, properties: { ...properties, fetches } } };
}

/** Tells whether one of the places that are named is as asked. */
function someUrl(value: Json, is: (url: string) => boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => someUrl(item, is));
  if (!isObject(value)) return false;
  const { type } = value;
  if (typeof type === "string" && quotes.test(type)) return false;
  return Object.entries(value).some(([name, item]) => {
    if (values.has(name) || (name === "input" && isObject(item))) return false;
    if (typeof item === "string") return holdsUrl.test(name) && is(item);
    return someUrl(item, is);
  });
}

function isOfTheWeb(text: string, hosts: readonly string[]): boolean {
  if (/^data:/i.test(text)) return true;
  const [, host] = form.exec(text) ?? [];
  if (host !== undefined && !inner.test(host)) return true;
  if (hosts.length === 0 || /[\s\\@]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (protocol === "http:" || protocol === "https:") && hosts.includes(hostname);
}
