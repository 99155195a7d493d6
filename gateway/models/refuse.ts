/** Denials in OpenAI's error form, so that its clients raise their own typed errors. */
import type { Decision, Reason, Refusal } from "../../sidecar/contract.js";
import { errorTable } from "../../sidecar/contract.js";
import { asksForMore, challengeHeaders } from "../challenge.js";
import type { Exchange } from "../exchange.js";
import { decisionHeaders } from "../exchange.js";
import { send } from "../http.js";
import { isOver } from "../limits/headers.js";
import type { ModelProtocol } from "./protocol.js";

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "invalid_request_error",
  415: "invalid_request_error",
};

/** Source: OpenAI's guide to error codes and rate limits. */
const limitCodes = { rate_limited: "rate_limit_exceeded", budget_exceeded: "insufficient_quota" } as const;

/** Says a refusal in one sentence, with what it is traced by: some clients keep nothing but the message. */
export function sayRefusal({ code, message, fix }: Refusal, decision?: Decision): string {
  if (decision === undefined) return `${message}; ${fix}`;
  const codes = decision.reasons.map((reason) => reason.code).filter((one) => /^[\w.:-]{1,128}$/.test(one));
  return `${message}; ${fix} [${codes.join(", ") || code}; decision ${decision.decision_id}]`;
}

/** Gives the status and body of a refusal; the reasons of a decision where there is one. */
export function openAiError(refusal: Refusal, decision?: Decision): string {
  const { code, status } = refusal;
  const limit = isOver(code) ? limitCodes[code] : undefined;
  return JSON.stringify({
    error: {
      message: sayRefusal(refusal, decision),
      type: limit ?? types[status] ?? "api_error",
      code: limit ?? code,
      param: null,
      ...(decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons }),
    },
  });
}

/** Makes what refuses in a protocol's words. */
export function refuseIn(protocol: Pick<ModelProtocol, "error"> & { readonly name?: string }) {
  const speaker = protocol.name === "anthropic" ? "anthropic" : "openai";
  return (exchange: Exchange, refusal: Refusal, decision?: Decision): void => {
    send(exchange.res, refusal.status, protocol.error(refusal, decision), {
      ...challengeHeaders(refusal, exchange.challenge, decision),
      ...(decision === undefined ? {} : decisionHeaders(decision, speaker)),
    });
  };
}

/** Tells a refusal of the pipeline (who is calling, is there a decision at all) from a policy's deny. */
export function isPipeline(decision: Decision): boolean {
  return refusalOf(decision).code !== "denied";
}

/**
 * Finds the refusal that a deny is: the pipeline's own code where it has one, else `denied`. A client is asked for more
 * where that would be enough: every reason asks for it.
 */
export function refusalOf(decision: Decision): Refusal {
  const { reasons } = decision;
  const more = reasons.filter(({ code }) => asksForMore(code));
  const [first] =
    more.length < reasons.length
      ? reasons.filter((reason) => !more.includes(reason))
      : more.sort((a, b) => a.code.localeCompare(b.code));
  // a rule's code is the policy's, also where it reads like one of ours; what asks for more may come from a rule
  const ours = first !== undefined && (first.rule === undefined || asksForMore(first.code));
  const own =
    ours && Object.hasOwn(errorTable, first.code) ? (first.code as keyof typeof errorTable) : "denied";
  const [status, message, fix] = errorTable[own];
  const why = decision.reasons.map(({ message: text }: Reason) => text).join("; ");
  return {
    kind: "refusal",
    code: own,
    status,
    message: own === "denied" && why !== "" ? `${message}: ${why}` : message,
    fix,
  };
}
