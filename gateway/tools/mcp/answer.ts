/** Writes the reply to a request, in the words of the client's era. */
import type { Decision, Json, JsonObject, Outcome } from "../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { conclude, decisionHeaders } from "../../exchange.js";
import { send } from "../../http.js";
import { giveMeta } from "../../tasks/meta.js";
import type { Era } from "../links/link.js";
import { refuseTool, rpcErrorOf } from "../refuse.js";
import type { Channel } from "./channel.js";
import type { Done } from "./turn.js";

export interface Answering {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly era: Era;
  readonly id: Json;
  readonly method: string;
  readonly channel: Channel;
  readonly headers?: Readonly<Record<string, string>>;
  /** What ended the request early. */
  readonly stop?: AbortSignal;
}

/** Why a request was ended that took too long. */
export const tooLate = "too late";

/** What may be given on unchanged for how long isn't the server's to say here. */
const cacheable: ReadonlySet<string> = new Set([
  ...[
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "prompts/list",
    "resources/read",
    "server/discover",
  ],
]);

/** Gives the client its reply, and the record what became of it. */
export function answer(about: Answering, { reply, decision, told = {} }: Done): void {
  const { parts, exchange, id, channel, headers = {} } = about;
  const end = (outcome: Outcome["outcome"], status: number, bytes?: number): void => {
    if (decision !== undefined)
      conclude(
        parts,
        exchange,
        decision,
        { kind: "tool", outcome, status },
        told,
        bytes === undefined ? {} : { bytes },
      );
  };
  const give = (message: JsonObject, status = 200): number => {
    if (channel.begun) {
      channel.say(message);
      channel.end();
      return stringifyJson(message).length;
    }
    const body = stringifyJson(message);
    return send(exchange.res, status, body, { ...headersOf(decision), ...headers });
  };
  switch (reply.kind) {
    case "aborted": {
      // who is still there isn't left waiting, whatever it wished
      const late = about.stop?.reason === tooLate;
      if (channel.attached || !(channel.begun || exchange.res.destroyed)) {
        const why = exchange.wasCut() ?? refuse(late ? "upstream_timeout" : "request_cancelled");
        if (channel.begun) give(rpcErrorOf(why, decision, id));
        else refuseTool(exchange, why, decision, id, about.era);
      }
      channel.end();
      return end(late ? "upstream_timeout" : "client_disconnected", late ? 504 : 499);
    }
    case "result":
      return end(
        "forwarded",
        200,
        give({ jsonrpc: "2.0", id, result: giveMeta(exchange.task, inWordsOf(about, reply.result)) }),
      );
    case "error": {
      const { code, message, data } = reply;
      const error = { code, message, ...(data === undefined ? {} : { data }) };
      // what a client lacks is HTTP's matter, too
      const status = about.era === "stateless" && code === -32021 && !channel.begun ? 400 : 200;
      return end("forwarded", status, give({ jsonrpc: "2.0", id, error }, status));
    }
    case "refused": {
      const { refusal, outcome } = reply;
      const why = reply.decision ?? decision;
      if (channel.begun) {
        give(rpcErrorOf(refusal, why, id));
        return end(outcome, 200);
      }
      return end(outcome, refuseTool(exchange, refusal, why, id, about.era));
    }
  }
}

/** Gives the headers of an answer that is this caller's own. */
export function headersOf(decision: Decision | undefined): Record<string, string> {
  return {
    ...(decision === undefined ? {} : decisionHeaders(decision)),
    "cache-control": "private, no-store",
  };
}

function inWordsOf({ era, method }: Answering, result: JsonObject): JsonObject {
  if (era === "session") {
    const { resultType, ttlMs, cacheScope, ...others } = result;
    return others;
  }
  const said = { resultType: "complete", ...result };
  if (said["resultType"] !== "complete" || !cacheable.has(method)) return said;
  return { ...said, ttlMs: typeof result["ttlMs"] === "number" ? result["ttlMs"] : 0, cacheScope: "private" };
}
