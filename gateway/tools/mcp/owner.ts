/** Finds the server that a resource is of, where several share a route. */
import type { Decision, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { speakCall } from "./describe-call.js";
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
      const claimed = decision?.allow === true ? await claimsOf(turn, server, decision, uris) : undefined;
      return { server, claimed: claimed ?? new Set<string>() };
    }),
  );
  return new Map(
    uris.map((uri) => {
      const [owner, another] = claims.filter(({ claimed }) => claimed.has(uri));
      const only = owner !== undefined && another === undefined;
      return [uri, only ? owner.server : refuse("unknown_resource")];
    }),
  );
}

/** Gives those of the URIs that a server says are its own. */
async function claimsOf(
  turn: Turn,
  server: string,
  decision: Decision,
  uris: readonly string[],
): Promise<ReadonlySet<string>> {
  const claimed = new Set<string>();
  const open = new Set(uris);
  const claim = (uri: string): void => {
    claimed.add(uri);
    open.delete(uri);
  };
  const linked = await linkTo(turn, server, decision);
  if ("failed" in linked || linked.link.hello.capabilities["resources"] === undefined) return claimed;
  for (const [method, field, key] of [
    ["resources/list", "resources", "uri"],
    ["resources/templates/list", "resourceTemplates", "uriTemplate"],
  ] as const) {
    let cursor: string | undefined;
    let items = 0;
    for (let page = 0; page < mostPages && open.size > 0; page++) {
      const answer = await linked.link.request({
        method,
        params: cursor === undefined ? {} : { cursor },
        onMessage: () => undefined,
        signal: turn.signal,
        caller: callerOf(turn.exchange, decision),
      });
      const list = answer.kind === "result" ? answer.result[field] : undefined;
      if (answer.kind !== "result" || !Array.isArray(list)) break;
      items += list.length;
      if (items > mostItems) break;
      for (const item of list) {
        const text = isObject(item) ? item[key] : undefined;
        if (typeof text !== "string" || text.length > longestTemplate) continue;
        if (open.has(text)) claim(text);
        else if (key === "uriTemplate") for (const uri of open) if (fits(text, uri)) claim(uri);
      }
      const { nextCursor } = answer.result;
      if (typeof nextCursor !== "string") break;
      cursor = nextCursor;
    }
  }
  return claimed;
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
