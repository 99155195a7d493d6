/** What clients want to hear of: resources that change, lists that change, log messages. */
import type { Decision, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import type { Link, LinkCaller } from "../links/link.js";
import { sanitizeError } from "../results/sanitize.js";
import { stopped, undecided } from "./call.js";
import { readUri, resourceCall } from "./describe-call.js";
import { logLevels } from "./methods.js";
import { ownerOf } from "./owner.js";
import type { Attached, Peer } from "./peer.js";
import { wantedResources } from "./peer.js";
import type { Done, Turn } from "./turn.js";
import { callerOf, failure, linkTo, usedServer } from "./turn.js";

const mostSubscriptions = 1_000;

/** Serves `resources/subscribe` and `resources/unsubscribe`. */
export async function subscribe(turn: Turn): Promise<Done> {
  const uri = readUri(turn.request.params["uri"]);
  if (!("text" in uri)) return undecided(uri);
  const server = await ownerOf(turn, uri.text);
  if (typeof server !== "string") return undecided(server);
  const [decision] = await askAbout(
    turn.parts,
    turn.exchange,
    [resourceCall("resource.subscribe", server, uri)],
    [],
    { upstream: turn.place.servers.get(server)?.upstream },
  );
  const stop = stopped(turn, decision);
  if (stop !== undefined) return stop;
  const told = usedServer(turn, server);
  const linked = await linkTo(turn, server, decision as Decision);
  if ("failed" in linked) return { reply: linked.failed, decision, told };
  const { link, attached } = linked;
  const wants = turn.request.row.how === "subscribe";
  if (wants && attached.subscribed.size >= mostSubscriptions)
    return {
      reply: {
        kind: "refused",
        refusal: refuse("invalid_request", "too many subscriptions"),
        outcome: "denied",
      },
      decision,
      told,
    };
  if (wants) attached.subscribed.add(uri.text);
  else attached.subscribed.delete(uri.text);
  const caller = callerOf(turn.exchange, decision);
  if (link.era === "stateless") {
    listenAll(turn.peer, link, attached, caller);
    return { reply: { kind: "result", result: {} }, decision, told };
  }
  const answer = await link.request({
    method: turn.request.method,
    params: { uri: uri.text },
    onMessage: () => undefined,
    signal: turn.signal,
    caller,
  });
  if (answer.kind === "result") return { reply: { kind: "result", result: {} }, decision, told };
  if (wants) attached.subscribed.delete(uri.text);
  if (answer.kind === "aborted") return { reply: answer, decision, told };
  if (answer.kind === "failed") return { reply: failure(answer.code), decision, told };
  return { reply: { kind: "error", ...sanitizeError(answer) }, decision, told };
}

/** Has a link listen to all that a client may hear of, of its own accord. */
export function listenAll(peer: Peer, link: Link, attached: Attached, caller: LinkCaller): void {
  link.listen(
    {
      ...{ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true },
      resourceSubscriptions: wantedResources(peer, attached),
    },
    caller,
  );
}

/** Serves `logging/setLevel`: the level holds for the whole session, at all its servers. */
export async function setLevel(
  turn: Turn,
  allowed: ReadonlyMap<string, Decision>,
  take: (level: string) => void,
): Promise<Done> {
  const { level } = turn.request.params;
  const [decision] = allowed.values();
  if (typeof level !== "string" || !logLevels.includes(level))
    return {
      ...undecided(refuse("invalid_params", `level must be one of ${logLevels.join(", ")}`)),
      decision,
    };
  take(level);
  await Promise.all(
    [...allowed].map(async ([server, one]) => {
      const linked = await linkTo(turn, server, one);
      if (!("failed" in linked)) await tellLevel(turn, linked.link, linked.attached, level, one);
    }),
  );
  return { reply: { kind: "result", result: {} }, decision };
}

/** Tells a server of sessions the level, where it doesn't know it. */
export async function tellLevel(
  { exchange, signal }: Pick<Turn, "exchange" | "signal">,
  link: Link,
  attached: Attached,
  level: string | undefined,
  decision: Decision,
): Promise<void> {
  if (level === undefined || attached.level === level) return;
  if (link.era === "stateless" || !isObject(link.hello.capabilities["logging"])) return;
  const params: JsonObject = { level };
  const caller = callerOf(exchange, decision);
  const answer = await link.request({
    method: "logging/setLevel",
    params,
    onMessage: () => undefined,
    signal,
    caller,
  });
  if (answer.kind === "result") attached.level = level;
}
