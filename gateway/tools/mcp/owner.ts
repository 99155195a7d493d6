/** Finds the server that a resource is of, where several share a route. */
import type { Decision, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { speakCall } from "./describe-call.js";
import { isHolder } from "./peer.js";
import { callerOf, linkTo } from "./turn.js";
import type { Turn } from "./turn.js";

const mostPages = 20;

/**
 * Finds the one server whose resource, or template of resources, a URI is. INVARIANT: one that two servers claim is
 * nobody's: else one server could take the place of another's resource.
 */
export async function ownerOf(turn: Turn, uri: string): Promise<string | Refusal> {
  const [first, second] = turn.place.servers.keys();
  if (second === undefined) return first ?? refuse("unknown_resource");
  const names = [...turn.place.servers.keys()];
  const decisions = await askAbout(turn.parts, turn.exchange, names.map(speakCall), []);
  // INVARIANT: servers are asked for nobody but whom the links are for
  if (decisions.some((one) => one.allow && !isHolder(turn.peer, one))) return refuse("unknown_session");
  const claims = await Promise.all(
    names.map(async (server, i) => {
      const decision = decisions[i];
      return decision?.allow === true && (await has(turn, server, decision, uri)) ? server : undefined;
    }),
  );
  const [owner, another] = claims.filter((one) => one !== undefined);
  return owner === undefined || another !== undefined ? refuse("unknown_resource") : owner;
}

async function has(turn: Turn, server: string, decision: Decision, uri: string): Promise<boolean> {
  const linked = await linkTo(turn, server, decision);
  if ("failed" in linked || linked.link.hello.capabilities["resources"] === undefined) return false;
  for (const [method, field, key] of [
    ["resources/list", "resources", "uri"],
    ["resources/templates/list", "resourceTemplates", "uriTemplate"],
  ] as const) {
    let cursor: string | undefined;
    for (let page = 0; page < mostPages; page++) {
      const answer = await linked.link.request({
        method,
        params: cursor === undefined ? {} : { cursor },
        onMessage: () => undefined,
        signal: turn.signal,
        caller: callerOf(turn.exchange, decision),
      });
      if (answer.kind !== "result") break;
      const list = answer.result[field];
      const claimed = (one: string): boolean => one === uri || (key === "uriTemplate" && fits(one, uri));
      const found =
        Array.isArray(list) &&
        list.some((item) => {
          const text = isObject(item) ? item[key] : undefined;
          return typeof text === "string" && claimed(text);
        });
      if (found) return true;
      const { nextCursor } = answer.result;
      if (typeof nextCursor !== "string") break;
      cursor = nextCursor;
    }
  }
  return false;
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
