/** Finds the server that a resource is of, where several share a route. */
import type { Decision, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { speakCall } from "./describe-call.js";
import type { Link, LinkCaller } from "../links/link.js";
import type { ServerConfig } from "../server-config.js";
import type { Claims } from "./peer.js";
import { isHolder } from "./peer.js";
import { callerOf, linkTo } from "./turn.js";
import type { Turn } from "./turn.js";

const mostPages = 20;

/** Of one list of a server's, and of one template, characters. */
const mostItems = 10_000;
const longestTemplate = 2_048;

/**
 * Finds the one server whose resource, or template of resources, a URI is. INVARIANT: one that two servers claim is
 * nobody's: else one server could take the place of another's resource.
 */
export async function ownerOf(turn: Turn, uri: string): Promise<string | Refusal> {
  return (await ownersOf(turn, [uri])).get(uri) ?? refuse("unknown_resource");
}

/** Finds the owners of many URIs. INVARIANT: each server is asked for its lists once, however many URIs a client names. */
export async function ownersOf(
  turn: Turn,
  uris: readonly string[],
): Promise<ReadonlyMap<string, string | Refusal>> {
  const all = (owner: string | Refusal) => new Map(uris.map((uri) => [uri, owner]));
  const [first, second] = turn.place.servers.keys();
  if (second === undefined) return all(first ?? refuse("unknown_resource"));
  if (uris.length === 0) return new Map();
  const names = [...turn.place.servers.keys()];
  const decisions = await askAbout(turn.parts, turn.exchange, names.map(speakCall), []);
  // INVARIANT: servers are asked for nobody but whom the links are for
  if (decisions.some((one) => one.allow && !isHolder(turn.peer, one))) return all(refuse("unknown_session"));
  const claims = await Promise.all(
    names.map(async (server, i) => {
      const decision = decisions[i];
      return { server, claims: decision?.allow === true ? await claimsOf(turn, server, decision) : none };
    }),
  );
  return new Map(
    uris.map((uri) => {
      const [owner, another] = claims.filter((one) => claim(one.claims, uri));
      const only = owner !== undefined && another === undefined;
      return [uri, only ? owner.server : refuse("unknown_resource")];
    }),
  );
}

const none: Claims = { at: 0, uris: new Set(), templates: [] };

const claim = ({ uris, templates }: Claims, uri: string): boolean =>
  uris.has(uri) || templates.some((template) => fits(template, uri));

/**
 * What a server said last, to anybody. INVARIANT: one that can't be asked still claims what it claimed: else who brings it
 * down could take its place.
 */
const lately = new WeakMap<ServerConfig, Claims>();

/** Kept of what one server claims, characters; more than that is asked for anew each time. */
const mostKept = 262_144;

/** Gives what a server says is its own: as it was lately, or as it is asked now. */
async function claimsOf(turn: Turn, server: string, decision: Decision): Promise<Claims> {
  const { parts, peer, place } = turn;
  const config = place.servers.get(server);
  const known = peer.attached.get(server);
  const fresh = known?.config === config && known?.lost === false ? known.resources : undefined;
  if (fresh !== undefined && parts.clock() - fresh.at < parts.config.mcp.listMaxAgeMs) return fresh;
  const before = (config && lately.get(config)) ?? none;
  const linked = await linkTo(turn, server, decision);
  if ("failed" in linked) return before;
  const { link, attached } = linked;
  if (link.hello.capabilities["resources"] === undefined) return none;
  const at = parts.clock();
  const caller = callerOf(turn.exchange, decision);
  const listed = await listAll(link, "resources/list", "resources", "uri", turn.signal, caller);
  const templated = await listAll(
    link,
    "resources/templates/list",
    "resourceTemplates",
    "uriTemplate",
    turn.signal,
    caller,
  );
  if (listed === undefined || templated === undefined) return before;
  const claims: Claims = { at, uris: new Set(listed), templates: templated };
  const kept = [...listed, ...templated].reduce((sum, { length }) => sum + length, 0);
  if (kept <= mostKept) {
    attached.resources = claims;
    lately.set(attached.config, claims);
  }
  return claims;
}

/** Gives what a list of a server's names; undefined where it can't be had. What it doesn't have at all is empty. */
async function listAll(
  link: Link,
  method: string,
  field: string,
  key: string,
  signal: AbortSignal,
  caller: LinkCaller,
): Promise<string[] | undefined> {
  const named: string[] = [];
  let cursor: string | undefined;
  let items = 0;
  for (let page = 0; page < mostPages; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await link.request({ method, params, onMessage: () => undefined, signal, caller });
    if (answer.kind === "error" && answer.code === -32601) return named;
    const list = answer.kind === "result" ? answer.result[field] : undefined;
    if (answer.kind !== "result" || !Array.isArray(list)) return undefined;
    items += list.length;
    if (items > mostItems) return named;
    for (const item of list) {
      const text = isObject(item) ? item[key] : undefined;
      if (typeof text === "string" && text.length <= longestTemplate) named.push(text);
    }
    const { nextCursor } = answer.result;
    if (typeof nextCursor !== "string") return named;
    cursor = nextCursor;
  }
  return named;
}

/** Tells whether a URI could be of a template (RFC 6570): its literal parts, in order, with something between. */
function fits(template: string, uri: string): boolean {
  const parts = template.split(/\{[^{}]*\}/);
  if (parts.length < 2) return false;
  const [first = "", ...others] = parts;
  const last = others.pop() ?? "";
  if (!uri.startsWith(first) || !uri.endsWith(last) || uri.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of others) {
    const found = uri.indexOf(part, at);
    if (found < 0 || found + part.length > uri.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}
