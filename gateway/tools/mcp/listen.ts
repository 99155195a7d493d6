/** Serves `subscriptions/listen`: a stream of what servers say of their own accord, as far as the client may hear it. */
import { again } from "../../again.js";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import type { ServerMessage } from "../links/link.js";
import { stopped, undecided } from "./call.js";
import type { UriFacts } from "./describe-call.js";
import { readUri, resourceCall } from "./describe-call.js";
import { askToSpeak } from "./dispatch.js";
import { hear } from "./from-server.js";
import { askInTurns } from "./listing.js";
import { metaKeys } from "./methods.js";
import { ownersOf } from "./owner.js";
import type { Attached, Listener } from "./peer.js";
import { recheck } from "./recheck.js";
import type { RequestStream } from "./stream.js";
import { listenAll } from "./subscribe.js";
import type { Done, Turn } from "./turn.js";
import { callerOf, linkTo } from "./turn.js";

const mostResources = 256;
const flags = {
  toolsListChanged: "notifications/tools/list_changed",
  promptsListChanged: "notifications/prompts/list_changed",
  resourcesListChanged: "notifications/resources/list_changed",
} as const;

/** Serves the request until its client goes, or the peer ends. */
export async function listen(turn: Turn, stream: RequestStream): Promise<Done> {
  const { request, exchange, peer } = turn;
  const wanted = request.params["notifications"];
  const uris = readFilter(wanted);
  if (uris === undefined || !isObject(wanted))
    return undecided(refuse("invalid_params", "params.notifications is not a filter of notifications"));
  const { allowed, decision } = await askToSpeak(turn);
  const stop = stopped(turn, decision);
  if (stop !== undefined) return stop;
  const owners = await ownersOf(
    turn,
    uris.map(({ text }) => text),
  );
  const known = uris.flatMap((uri) => {
    const server = owners.get(uri.text);
    return typeof server === "string" ? [{ uri, server }] : [];
  });
  const decisions = await askInTurns(
    turn,
    known.map(({ uri, server }) => resourceCall("resource.subscribe", server, uri)),
  );
  // what may not be heard of is left out, as what isn't there is
  const agreed = known.filter((_one, i) => decisions[i]?.allow === true);
  const resources = new Set(agreed.map(({ uri }) => uri.text));
  const heard = new Set(
    Object.entries(flags).flatMap(([flag, method]) => (wanted[flag] === true ? [method as string] : [])),
  );
  if (!stream.begin()) return undecided(refuse("invalid_request", "accept text/event-stream to listen"));
  const tagged = (message: JsonObject): JsonObject => {
    const params = isObject(message["params"]) ? message["params"] : {};
    return { ...message, params: { ...params, _meta: { [metaKeys.subscription]: request.id } } };
  };
  const notifications: JsonObject = {};
  for (const flag of Object.keys(flags)) if (wanted[flag] === true) notifications[flag] = true;
  if (resources.size > 0) notifications["resourceSubscriptions"] = [...resources];
  turn.say(
    tagged({ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged", params: { notifications } }),
  );
  const listener: Listener = {
    resources,
    take(from: Attached, message: ServerMessage) {
      // a request needs somebody to answer it, and there is nobody on this stream
      if (message.id !== undefined || !allowed.has(from.name)) return;
      const updated = message.method === "notifications/resources/updated";
      if (!updated && !heard.has(message.method)) return;
      const said = hear(message, false, { subscribed: resources });
      if (said !== undefined) turn.say(tagged(said));
    },
  };
  peer.listeners.add(listener);
  const settle = recheck(
    turn,
    allowed.keys(),
    async () => {
      const calls = agreed.map(({ uri, server }) => again(resourceCall("resource.subscribe", server, uri)));
      return (await askInTurns(turn, calls)).every(({ allow }) => allow);
    },
    () => {
      stream.stop.abort();
    },
  );
  try {
    for (const [server, one] of allowed) {
      const linked = await linkTo(turn, server, one);
      if ("failed" in linked) continue;
      const { link, attached } = linked;
      const caller = callerOf(exchange, one);
      listenAll(peer, link, attached, caller);
      if (link.era === "stateless") continue;
      for (const { uri } of agreed.filter((each) => each.server === server))
        await link.request({
          ...{ method: "resources/subscribe", params: { uri: uri.text }, onMessage: () => undefined },
          ...{ signal: turn.signal, caller },
        });
    }
    await ended(turn.signal);
    return { reply: { kind: "aborted" }, decision };
  } finally {
    settle();
    peer.listeners.delete(listener);
    for (const { uri, server } of agreed) await unsubscribe(turn, server, uri.text);
  }
}

/** Ends a subscription at a server of sessions that nobody here needs any more. */
async function unsubscribe({ peer, exchange, place }: Turn, server: string, uri: string): Promise<void> {
  const attached = peer.attached.get(server);
  const needed = [...peer.listeners].some(({ resources }) => resources.has(uri));
  if (attached === undefined || needed || place.servers.get(server) !== attached.config) return;
  const link = await attached.link;
  if ("kind" in link || link.era === "stateless") return;
  await link.request({
    ...{ method: "resources/unsubscribe", params: { uri }, onMessage: () => undefined },
    ...{ signal: AbortSignal.timeout(5_000), caller: callerOf(exchange, undefined) },
  });
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

/** @returns the resources of a filter; undefined where it isn't one */
function readFilter(filter: Json | undefined): UriFacts[] | undefined {
  if (!isObject(filter)) return undefined;
  const { resourceSubscriptions = [], ...others } = filter;
  const fit = Object.entries(others).every(
    ([name, value]) => Object.hasOwn(flags, name) && typeof value === "boolean",
  );
  if (!fit || !Array.isArray(resourceSubscriptions) || resourceSubscriptions.length > mostResources)
    return undefined;
  const uris = resourceSubscriptions.map(readUri);
  const read = uris.filter((uri): uri is UriFacts => "text" in uri);
  return read.length === uris.length ? read : undefined;
}
