/** How a client is answered, in its own binding and version. */
import type { Decision, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { stringifyJson } from "../../sidecar/contract.js";
import { challengeHeaders } from "../challenge.js";
import type { Exchange } from "../exchange.js";
import { decisionHeaders } from "../exchange.js";
import { send } from "../http.js";
import type { Fault } from "./errors.js";
import { faultError, faultStatus, refusalError, refusalStatus } from "./errors.js";
import type { Version } from "./methods.js";
import { writeEvent } from "./wire/v03.js";

export type Answer =
  | { readonly kind: "event"; readonly event: JsonObject }
  | { readonly kind: "tasks"; readonly tasks: JsonObject }
  | { readonly kind: "card"; readonly card: JsonObject };

export interface Door {
  readonly version: Version;
  /** Writes a refusal; gives the HTTP status. */
  refuse(exchange: Exchange, refusal: Refusal, decision?: Decision): number;
  /** Says what the agent's error was, in standard words; gives the HTTP status. */
  fault(exchange: Exchange, fault: Fault, decision: Decision): number;
  /** @param whole whether an event stands for the answer itself (a task, without what says so) */
  answer(exchange: Exchange, answer: Answer, whole: boolean, decision: Decision): number;
  /** One event of a stream, and one that ends it. */
  event(event: JsonObject): Buffer;
  lastRefusal(refusal: Refusal, decision?: Decision): Buffer;
  lastFault(fault: Fault): Buffer;
}

const write = (value: Json): Buffer => Buffer.from(`data: ${stringifyJson(value)}\n\n`);

/** The task alone, where that is what is asked for; else what says which of two it is. */
function resultOf(answer: Answer, whole: boolean, version: Version): Json {
  if (answer.kind === "tasks") return answer.tasks;
  if (answer.kind === "card") return answer.card;
  if (version === "0.3") return writeEvent(answer.event);
  return whole ? (answer.event["task"] ?? null) : answer.event;
}

/** JSON-RPC; the id is the request's own. */
export function rpcDoor(version: Version, id: Json): Door {
  const message = (members: JsonObject): JsonObject => ({ jsonrpc: "2.0", id, ...members });
  return {
    version,
    refuse(exchange, refusal, decision) {
      const body = stringifyJson(message({ error: refusalError(version, refusal, decision) }));
      send(exchange.res, refusal.status, body, {
        ...challengeHeaders(refusal, exchange.challenge, decision),
        ...(decision === undefined ? {} : decisionHeaders(decision)),
      });
      return refusal.status;
    },
    fault(exchange, fault, decision) {
      // an error is an answer: JSON-RPC has its own statuses
      const body = stringifyJson(message({ error: faultError(version, fault) }));
      send(exchange.res, 200, body, privately(decision));
      return 200;
    },
    answer(exchange, answer, whole, decision) {
      const body = stringifyJson(message({ result: resultOf(answer, whole, version) }));
      send(exchange.res, 200, body, privately(decision));
      return 200;
    },
    event: (event) => write(message({ result: version === "0.3" ? writeEvent(event) : event })),
    lastRefusal: (refusal, decision) => write(message({ error: refusalError(version, refusal, decision) })),
    lastFault: (fault) => write(message({ error: faultError(version, fault) })),
  };
}

const restType = { "content-type": "application/a2a+json" };

/** HTTP+JSON of 1.0. */
export const restDoor: Door = {
  version: "1.0",
  refuse(exchange, refusal, decision) {
    send(exchange.res, refusal.status, stringifyJson(refusalStatus(refusal, decision)), {
      ...restType,
      ...challengeHeaders(refusal, exchange.challenge, decision),
      ...(decision === undefined ? {} : decisionHeaders(decision)),
    });
    return refusal.status;
  },
  fault(exchange, fault, decision) {
    const headers = { ...restType, ...privately(decision) };
    send(exchange.res, fault.status, stringifyJson(faultStatus(fault)), headers);
    return fault.status;
  },
  answer(exchange, answer, whole, decision) {
    const body = stringifyJson(resultOf(answer, whole, "1.0"));
    send(exchange.res, 200, body, { ...restType, ...privately(decision) });
    return 200;
  },
  event: write,
  lastRefusal: (refusal, decision) =>
    Buffer.from(`event: error\ndata: ${stringifyJson(refusalStatus(refusal, decision))}\n\n`),
  lastFault: (fault) => Buffer.from(`event: error\ndata: ${stringifyJson(faultStatus(fault))}\n\n`),
};

export function privately(decision: Decision): Record<string, string> {
  return { ...decisionHeaders(decision), "cache-control": "private, no-store" };
}
