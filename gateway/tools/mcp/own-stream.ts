/** Serves `GET` and `DELETE` of a session: what servers say of their own accord, what a client missed, and the end. */
import { randomBytes } from "node:crypto";
import { again } from "../../again.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { conclude } from "../../exchange.js";
import type { ServerMessage } from "../links/link.js";
import { refuseTool } from "../refuse.js";
import { headersOf } from "./answer.js";
import { stopped } from "./call.js";
import { createChannel } from "./channel.js";
import { readUri, resourceCall } from "./describe-call.js";
import { askToSpeak } from "./dispatch.js";
import { eventHeaders } from "./event-headers.js";
import { hear } from "./from-server.js";
import { judgeInput, judgeInputAnswer } from "./inputs.js";
import { askInTurns } from "./listing.js";
import type { Attached, Listener } from "./peer.js";
import { attach } from "./peer.js";
import { placeOf } from "./place.js";
import { recheck } from "./recheck.js";
import { askClient, findSession } from "./serve-session.js";
import type { Session } from "./sessions.js";
import { listenAll } from "./subscribe.js";
import { callerOf } from "./turn.js";
import type { Turn } from "./turn.js";
import { refuseUnknown } from "./unknown.js";

/** Serves `GET`: takes up a stream after its last event, or opens the session's own. */
export async function serveOwnStream(
  parts: GatewayParts,
  exchange: Exchange,
  name: string | undefined,
): Promise<void> {
  const entered = await enter(parts, exchange, name);
  if (entered === undefined) return;
  const { session, spoken } = entered;
  const { decision } = spoken;
  const refuseAs = (refusal: ReturnType<typeof refuse>): void => {
    const status = refuseTool(exchange, refusal, decision);
    conclude(parts, exchange, decision, { kind: "tool", outcome: "denied", status });
  };
  if (!/\btext\/event-stream\b|\*\/\*/.test(exchange.req.headers.accept ?? ""))
    return refuseAs(refuse("invalid_request", "accept text/event-stream to listen"));
  const last = exchange.req.headers["last-event-id"];
  const [, key = "", number = ""] = /^([\w-]{12})\.([0-9]{1,9})$/.exec(String(last)) ?? [];
  const own = (session.own ??= createOwn(parts));
  // INVARIANT: only streams of this session are found
  const channel = last === undefined || own.key === key ? own : session.channels.get(key);
  if (channel === undefined) return refuseAs(refuse("unknown_event"));
  const after = last === undefined ? undefined : Number(number);
  if (after !== undefined && !channel.keeps(after)) return refuseAs(refuse("unknown_event"));
  exchange.res.writeHead(200, { ...headersOf(decision), ...eventHeaders });
  exchange.alive.become("stream");
  exchange.endBy({
    after() {
      exchange.res.end();
    },
  });
  channel.attach(exchange.res, after);
  conclude(parts, exchange, decision, { kind: "tool", outcome: "forwarded", status: 200 });
  if (channel !== own) return;
  for (const listener of session.listeners) session.listeners.delete(listener);
  const listener = listenerOf(parts, exchange, session, spoken.allowed);
  session.listeners.add(listener);
  const about = { parts, exchange, place: entered.place, peer: session };
  const settle = recheck(
    about,
    spoken.allowed.keys(),
    () => keepAllowed(about),
    () => {
      session.listeners.delete(listener);
      exchange.res.end();
    },
  );
  exchange.res.on("close", () => {
    settle();
    session.listeners.delete(listener);
  });
  for (const [server, one] of spoken.allowed) {
    const config = entered.place.servers.get(server);
    if (config === undefined) continue;
    const caller = callerOf(exchange, one);
    const attached = attach(session, parts.mcp.openLink, server, config, caller, exchange.signal);
    const link = await attached.link;
    if (!("kind" in link)) listenAll(session, link, attached, caller);
  }
}

/** Forgets subscriptions to what the caller may not hear of any more. */
async function keepAllowed(about: Pick<Turn, "parts" | "exchange" | "peer">): Promise<boolean> {
  const all = [...about.peer.attached.values()].flatMap(({ name, subscribed }) =>
    [...subscribed].flatMap((text) => {
      const uri = readUri(text);
      return "text" in uri
        ? [{ subscribed, text, call: again(resourceCall("resource.subscribe", name, uri)) }]
        : [];
    }),
  );
  const decisions = await askInTurns(
    about,
    all.map(({ call }) => call),
  );
  all.forEach(({ subscribed, text }, i) => {
    if (decisions[i]?.allow !== true) subscribed.delete(text);
  });
  return true;
}

function createOwn(parts: GatewayParts): ReturnType<typeof createChannel> {
  return createChannel({
    key: randomBytes(9).toString("base64url"),
    ...{ resumable: parts.config.mcp.resumeMs > 0, primes: false, mostKept: parts.config.mcp.resumeBytes },
  });
}

/** Takes what servers say of their own accord to the session's own stream. */
function listenerOf(
  parts: GatewayParts,
  exchange: Exchange,
  session: Session,
  allowed: ReadonlyMap<string, unknown>,
): Listener {
  return {
    resources: new Set(),
    take(from, message) {
      // what was allowed once needn't be now
      if (!allowed.has(from.name)) return;
      if (message.id !== undefined) {
        void answerServer(parts, exchange, session, from, { ...message, id: message.id });
        return;
      }
      const said = hear(message, false, {
        level: session.level,
        subscribed: from.subscribed,
        elicited: session.elicited,
      });
      if (said !== undefined) session.own?.say(said);
    },
  };
}

/** What a server asks of its own accord is decided in the name of who listens. */
async function answerServer(
  parts: GatewayParts,
  exchange: Exchange,
  session: Session,
  from: Attached,
  { id, method, params }: ServerMessage & { readonly id: string },
): Promise<void> {
  const link = await from.link;
  if ("kind" in link) return;
  const caller = callerOf(exchange, undefined);
  if (method === "ping") return void (await link.respond(id, { result: {} }, caller));
  const context = { parts, exchange, peer: session, server: from.name };
  const input = await judgeInput(context, method, params);
  if (!("method" in input)) return void (await link.respond(id, input, caller));
  const given = await askClient(parts, session, exchange.signal, method, input.params, (message) => {
    if (session.own?.attached !== true) return false;
    session.own.say(message);
    return true;
  });
  await link.respond(id, await judgeInputAnswer(context, input, given), caller);
}

/** Serves `DELETE`: ends a session of the caller's own. */
export async function endSession(
  parts: GatewayParts,
  exchange: Exchange,
  name: string | undefined,
): Promise<void> {
  const entered = await enter(parts, exchange, name);
  if (entered === undefined) return;
  const { session, spoken } = entered;
  parts.mcp.sessions.end(session);
  exchange.res.writeHead(200, headersOf(spoken.decision)).end();
  conclude(parts, exchange, spoken.decision, { kind: "tool", outcome: "forwarded", status: 200 });
}

/** Finds the caller's own session, or refuses. */
async function enter(parts: GatewayParts, exchange: Exchange, name: string | undefined) {
  const place = placeOf(parts.config, name);
  if (place === undefined) return void (await refuseUnknown(parts, exchange, name, null));
  const found = findSession(parts, exchange, place);
  const spoken = await askToSpeak({ parts, exchange, place });
  const { decision, allowed } = spoken;
  // who isn't known learns that first
  const stop =
    "kind" in found && decision?.allow === true
      ? { reply: { kind: "refused", refusal: found } as const }
      : stopped(
          { peer: "kind" in found ? { subject: { type: "", id: "", tenant: "" } } : found } as never,
          decision,
        );
  if (stop === undefined && decision !== undefined && !("kind" in found)) {
    found.lastUsed = parts.clock();
    return { place, session: found, spoken: { allowed, decision } };
  }
  const refusal = stop?.reply.kind === "refused" ? stop.reply.refusal : refuse("pdp_unavailable");
  const status = refuseTool(exchange, refusal, decision);
  if (decision !== undefined)
    conclude(parts, exchange, decision, { kind: "tool", outcome: "denied", status });
  return undefined;
}
