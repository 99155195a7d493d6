/** Serves clients up to 2025-11-25: a session, bound to whom it was opened for and to its route. */
import { randomBytes } from "node:crypto";
import type { Decision, Json, Refusal } from "../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { conclude } from "../../exchange.js";
import { refuseTool } from "../refuse.js";
import { answer, headersOf, tooLate } from "./answer.js";
import { stopped } from "./call.js";
import { askToSpeak, dispatch, refusedToSpeak } from "./dispatch.js";
import { greet } from "./greet.js";
import type { InputAnswer } from "./inputs.js";
import { carriedCapabilities, noAnswer } from "./inputs.js";
import { sessionVersions } from "./methods.js";
import type { Place } from "./place.js";
import type { Incoming, RpcRequest } from "./read-message.js";
import { serveStateless } from "./serve-stateless.js";
import type { Session } from "./sessions.js";
import type { RequestStream } from "./stream.js";
import { createRequestStream } from "./stream.js";
import { callerOf } from "./turn.js";
import type { Turn } from "./turn.js";

/** Serves a message that was posted. */
export async function serveSession(
  parts: GatewayParts,
  exchange: Exchange,
  place: Place,
  message: Incoming,
): Promise<void> {
  if (message.kind === "request" && message.row.how === "initialize")
    return begin(parts, exchange, place, message);
  if (exchange.req.headers["mcp-session-id"] === undefined) {
    if (message.kind === "request") return serveStateless(parts, exchange, place, message, "session");
    if (message.kind === "notification") return takeMessage(parts, exchange, place, undefined, message);
  }
  const id: Json = message.kind === "notification" ? null : message.id;
  const found = findSession(parts, exchange, place);
  if ("kind" in found) {
    // who isn't known learns that first, and what sessions there are not at all
    const { decision } = await askToSpeak({ parts, exchange, place });
    const denied = refusedToSpeak(decision);
    const refusal = denied?.reply.kind === "refused" ? denied.reply.refusal : found;
    const status = refuseTool(exchange, refusal, decision, id);
    if (decision !== undefined)
      conclude(parts, exchange, decision, { kind: "tool", outcome: "denied", status });
    return;
  }
  found.lastUsed = parts.clock();
  return message.kind === "request"
    ? serveRequest(parts, exchange, place, found, message)
    : takeMessage(parts, exchange, place, found, message);
}

/** Finds the session that a request names. Whose it is shows with the decision. */
export function findSession({ mcp }: GatewayParts, { req }: Exchange, place: Place): Session | Refusal {
  const id = req.headers["mcp-session-id"];
  if (id === undefined)
    return refuse("invalid_request", "the header Mcp-Session-Id is missing; initialize first");
  const session = typeof id === "string" ? mcp.sessions.find(id, place.route) : undefined;
  if (session === undefined) return refuse("unknown_session");
  const version = req.headers["mcp-protocol-version"];
  return version === undefined || version === session.version ? session : refuse("unsupported_version");
}

async function begin(
  parts: GatewayParts,
  exchange: Exchange,
  place: Place,
  request: RpcRequest,
): Promise<void> {
  const { id, params } = request;
  const refuseAs = (refusal: Refusal, decision?: Decision): void => {
    const status = refuseTool(exchange, refusal, decision, id);
    if (decision !== undefined)
      conclude(parts, exchange, decision, { kind: "tool", outcome: "denied", status });
  };
  if (exchange.req.headers["mcp-session-id"] !== undefined)
    return refuseAs(refuse("invalid_request", "initialize begins a session; it has none yet"));
  const said = params["protocolVersion"];
  if (typeof said !== "string")
    return refuseAs(refuse("invalid_params", "params.protocolVersion must be text"));
  const { allowed, decision } = await askToSpeak({ parts, exchange, place });
  const denied = refusedToSpeak(decision);
  if (decision === undefined || denied !== undefined || decision.subject === undefined)
    return refuseAs(
      denied?.reply.kind === "refused" ? denied.reply.refusal : refuse("pdp_unavailable"),
      decision,
    );
  const [newest = ""] = sessionVersions;
  const version = sessionVersions.includes(said) ? said : newest;
  const session = parts.mcp.sessions.begin({
    ...{ route: place.route, version, subject: decision.subject, decision },
    servers: [...place.servers.keys()],
    capabilities: carriedCapabilities(params["capabilities"]),
  });
  if (session === undefined) return refuseAs(refuse("too_many_sessions"), decision);
  const stream = createRequestStream(parts, exchange, undefined);
  const turn = turnOf(parts, exchange, place, session, request, stream);
  const hello = await greet(turn, allowed);
  const about = {
    parts,
    exchange,
    era: "session",
    id,
    method: request.method,
    channel: stream.channel,
  } as const;
  if ("kind" in hello || exchange.signal.aborted) {
    parts.mcp.sessions.end(session);
    return answer(about, { reply: "kind" in hello ? hello : { kind: "aborted" }, decision });
  }
  const { capabilities, serverInfo, instructions } = hello;
  const result = {
    protocolVersion: version,
    capabilities,
    serverInfo,
    ...(instructions === undefined ? {} : { instructions }),
  };
  answer(
    { ...about, headers: { "mcp-session-id": session.id } },
    { reply: { kind: "result", result }, decision },
  );
}

/** Requests of one session at a time. */
const mostUnderWay = 256;

async function serveRequest(
  parts: GatewayParts,
  exchange: Exchange,
  place: Place,
  session: Session,
  request: RpcRequest,
): Promise<void> {
  const key = stringifyJson(request.id);
  // requests go on for a while without their clients, so that connections don't limit them
  const full = session.underWay.size >= mostUnderWay;
  if (full || session.underWay.has(key)) {
    const { decision } = await askToSpeak({ parts, exchange, place });
    const stop = stopped({ peer: session }, decision)?.reply;
    refuseTool(
      exchange,
      stop?.kind === "refused"
        ? stop.refusal
        : refuse("request_under_way", full ? `${mostUnderWay} are under way in this session` : undefined),
      decision,
      request.id,
    );
    return;
  }
  const stream = createRequestStream(parts, exchange, session);
  session.underWay.set(key, stream.stop);
  // it may go on for a while without its client
  const letGo = exchange.alive.hold();
  const late = setTimeout(() => {
    stream.stop.abort(tooLate);
  }, parts.config.mcp.requestMs).unref();
  try {
    const turn = turnOf(parts, exchange, place, session, request, stream);
    const done = await dispatch(turn, (level) => {
      session.level = level;
    });
    const { channel } = stream;
    const { id, method } = request;
    answer({ parts, exchange, era: "session", id, method, channel, stop: stream.stop.signal }, done);
  } finally {
    clearTimeout(late);
    session.underWay.delete(key);
    session.lastUsed = parts.clock();
    stream.channel.end();
    stream.done();
    letGo();
  }
}

function turnOf(
  parts: GatewayParts,
  exchange: Exchange,
  place: Place,
  session: Session,
  request: RpcRequest,
  stream: RequestStream,
): Turn {
  return {
    ...{ parts, exchange, place, peer: session, era: "session", request },
    signal: stream.stop.signal,
    level: session.level,
    say(message) {
      if (stream.begin()) stream.channel.say(message);
    },
    askClient: (method, params) =>
      askClient(parts, session, stream.stop.signal, method, params, (message) => {
        if (!stream.begin()) return false;
        stream.channel.say(message);
        return true;
      }),
  };
}

/** What a client is asked at a time, in one session. */
const mostPending = 32;

/** Asks a client, and waits for its answer as long as it may take. */
export function askClient(
  parts: GatewayParts,
  session: Session,
  signal: AbortSignal,
  method: string,
  params: object,
  say: (message: { [key: string]: Json }) => boolean,
): Promise<InputAnswer> {
  return new Promise((resolve) => {
    const id = randomBytes(12).toString("base64url");
    const settle = (given: InputAnswer): void => {
      clearTimeout(timer);
      session.pending.delete(id);
      signal.removeEventListener("abort", abandon);
      resolve(given);
    };
    const abandon = (): void => {
      settle(noAnswer);
    };
    const timer = setTimeout(abandon, parts.config.mcp.inputMs).unref();
    if (session.pending.size >= mostPending || signal.aborted || session.ended) {
      abandon();
      return;
    }
    session.pending.set(id, { settle, abandon });
    signal.addEventListener("abort", abandon);
    const fields = params as { [key: string]: Json };
    const none = Object.keys(fields).length === 0;
    if (!say({ jsonrpc: "2.0", id, method, ...(none ? {} : { params: fields }) })) abandon();
  });
}

/** Takes what isn't answered: a notification, or an answer to what the client was asked. */
async function takeMessage(
  parts: GatewayParts,
  exchange: Exchange,
  place: Place,
  session: Session | undefined,
  message: Exclude<Incoming, RpcRequest>,
): Promise<void> {
  const { allowed, decision } = await askToSpeak({ parts, exchange, place });
  const stop = session === undefined ? refusedToSpeak(decision) : stopped({ peer: session }, decision);
  const refuseAs = (refusal: Refusal): void => {
    const status = refuseTool(exchange, refusal, decision);
    if (decision !== undefined)
      conclude(parts, exchange, decision, { kind: "tool", outcome: "denied", status });
  };
  if (stop !== undefined || decision === undefined)
    return refuseAs(stop?.reply.kind === "refused" ? stop.reply.refusal : refuse("pdp_unavailable"));
  if (session === undefined) {
    // there is nothing under way that it could mean
  } else if (message.kind === "answer") {
    // INVARIANT: answers only what this session was asked, under the id that it was asked under, once
    const pending = typeof message.id === "string" ? session.pending.get(message.id) : undefined;
    if (pending === undefined) return refuseAs(refuse("invalid_request", "nothing was asked under this id"));
    pending.settle(message.answer);
  } else if (message.does === "cancels") {
    const { requestId } = message.params;
    if (requestId !== undefined) session.underWay.get(stringifyJson(requestId))?.abort();
  } else if (message.does === "tells") {
    for (const one of session.attached.values()) {
      const spoken = allowed.get(one.name);
      if (spoken === undefined || session.capabilities["roots"] === undefined) continue;
      const link = await one.link;
      if (!("kind" in link) && link.era === "session")
        await link.notify(message.method, {}, callerOf(exchange, spoken));
    }
  }
  exchange.res.writeHead(202, headersOf(decision)).end();
  conclude(parts, exchange, decision, { kind: "tool", outcome: "forwarded", status: 202 });
}
