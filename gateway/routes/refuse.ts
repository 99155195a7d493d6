/** Denials of named routes, in the words that their servers' clients read. */
import type { Decision, Refusal } from "../../sidecar/contract.js";
import { challengeHeaders } from "../challenge.js";
import type { GatewayConfig } from "../config.js";
import type { Exchange } from "../exchange.js";
import { decisionHeaders } from "../exchange.js";
import { send } from "../http.js";
import { openAiError } from "../models/refuse.js";
import type { RouteKind } from "./config.js";
import { nameOf } from "./match.js";

/** Writes a refusal: for Ollama's clients with `error`, for LangServe's with `detail`, for vLLM's as OpenAI does. */
export function refusalBody(kind: RouteKind | undefined, refusal: Refusal, decision?: Decision): string {
  const { code, message, fix } = refusal;
  if (kind === "vllm") return openAiError(refusal, decision);
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  const words = {
    ...(kind === "ollama" ? { error: `${message}; ${fix}` } : {}),
    ...(kind === "langserve" ? { detail: `${message}; ${fix}` } : {}),
  };
  return JSON.stringify({ ...words, code, message, fix, ...why });
}

export function isRefusal(value: object): value is Refusal {
  return (value as { kind?: unknown }).kind === "refusal" && "fix" in value;
}

export type RefuseRoute = (exchange: Exchange, refusal: Refusal, decision?: Decision) => void;

/** Makes what refuses on named routes. */
export function refuseRoute({ routes }: Pick<GatewayConfig, "routes">): RefuseRoute {
  return (exchange, refusal, decision) => {
    const { kind } = routes.get(nameOf(exchange.path) ?? "") ?? {};
    send(exchange.res, refusal.status, refusalBody(kind, refusal, decision), {
      ...challengeHeaders(refusal, exchange.challenge, decision),
      ...(decision === undefined ? {} : decisionHeaders(decision)),
    });
  };
}
