/** Serves requests each for itself: of clients of 2026-07-28, and of older ones that have no session. */
import { createHash } from "node:crypto";
import type { Credentials, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import type { Era, Subject } from "../links/link.js";
import type { Answering } from "./answer.js";
import { answer, tooLate } from "./answer.js";
import { undecided } from "./call.js";
import { askToSpeak, dispatch, refusedToSpeak } from "./dispatch.js";
import { carriedCapabilities } from "./inputs.js";
import { listen } from "./listen.js";
import { logLevels, metaKeys } from "./methods.js";
import type { Place } from "./place.js";
import type { RpcRequest } from "./read-message.js";
import { createRequestStream } from "./stream.js";
import type { Done, Turn } from "./turn.js";

/** Requests of one caller at a time. */
const mostUnderWay = 1_000;

/** Serves a request. */
export async function serveStateless(
  parts: GatewayParts,
  exchange: Exchange,
  place: Place,
  request: RpcRequest,
  era: Era,
): Promise<void> {
  const stream = createRequestStream(parts, exchange, undefined);
  const { channel } = stream;
  const about: Answering = {
    parts,
    exchange,
    era,
    id: request.id,
    method: request.method,
    channel,
    stop: stream.stop.signal,
  };
  const unfit = checkRequest(request, era);
  if (unfit !== undefined) return answer(about, undecided(unfit));
  const meta = request.params["_meta"];
  const said = isObject(meta) ? meta : {};
  const level = said[metaKeys.logLevel];
  const key = callerKey(exchange.credentials);
  const serve = async (subject: Subject): Promise<Done> => {
    const peer = parts.mcp.sessions.peer(subject, carriedCapabilities(said[metaKeys.capabilities]));
    if (peer === undefined || peer.underWay.size >= mostUnderWay)
      return undecided(refuse("too_many_sessions"));
    const underWay = parts.newId();
    peer.underWay.set(underWay, stream.stop);
    const late = setTimeout(() => {
      stream.stop.abort(tooLate);
    }, parts.config.mcp.requestMs).unref();
    const turn: Turn = {
      ...{ parts, exchange, place, peer, era, request },
      signal: stream.stop.signal,
      level: typeof level === "string" && logLevels.includes(level) ? level : undefined,
      say(message) {
        if (stream.begin()) stream.channel.say(message);
      },
    };
    try {
      if (request.row.how !== "listen") return await dispatch(turn, () => undefined);
      clearTimeout(late);
      return await listen(turn, stream);
    } finally {
      clearTimeout(late);
      peer.underWay.delete(underWay);
      peer.lastUsed = parts.clock();
    }
  };
  const guess = parts.mcp.callers.get(key);
  let done = guess === undefined ? undefined : await serve(guess);
  // a guess only finds the links; whoever isn't the one is served anew, as whom the decision says
  if (done === undefined || isOther(done)) {
    parts.mcp.callers.delete(key);
    const { decision } = await askToSpeak({ parts, exchange, place });
    const denied = refusedToSpeak(decision);
    if (denied !== undefined || decision?.subject === undefined)
      done = denied ?? undecided(refuse("pdp_unavailable"));
    else {
      done = await serve(decision.subject);
      if (!isOther(done)) parts.mcp.callers.set(key, decision.subject);
    }
  }
  answer(about, done);
}

function isOther({ reply }: Done): boolean {
  return reply.kind === "refused" && reply.refusal.code === "unknown_session";
}

function checkRequest({ row, params }: RpcRequest, era: Era): Refusal | undefined {
  // without a session there is nobody to tell later
  const needsSession = era === "session" && (row.how === "subscribe" || row.how === "unsubscribe");
  if (needsSession)
    return refuse("invalid_request", "the header Mcp-Session-Id is missing; initialize first");
  if (!row.eras.includes(era)) return refuse("unknown_method");
  const meta = params["_meta"];
  const level = isObject(meta) ? meta[metaKeys.logLevel] : undefined;
  const fit = level === undefined || (typeof level === "string" && logLevels.includes(level));
  return fit
    ? undefined
    : refuse("invalid_params", `${metaKeys.logLevel} must be one of ${logLevels.join(", ")}`);
}

/** Names what a caller presents. INVARIANT: finds links only; who it is, each decision says anew. */
function callerKey({ target, dpop, ...presented }: Credentials): string {
  return createHash("sha256")
    .update(JSON.stringify([presented, dpop?.token]))
    .digest("base64url");
}
