/** Refusals in the form of Google's APIs. Source: Google AIP-193, "Errors". */
import type { Decision, Refusal } from "../../../sidecar/contract.js";
import type { Speaker } from "./operation.js";

const states: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  413: "INVALID_ARGUMENT",
  415: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

function error({ code, message, fix, status }: Refusal, decision?: Decision): string {
  const info = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: code,
    domain: "countersign",
    metadata:
      decision === undefined
        ? {}
        : {
            decision_id: decision.decision_id,
            reasons: decision.reasons.map((reason) => reason.code).join(","),
          },
  };
  return JSON.stringify({
    error: {
      code: status,
      message: `${message}; ${fix}`,
      status: states[status] ?? "UNKNOWN",
      details: [info],
    },
  });
}

export const geminiSpeaker: Speaker = {
  error,
  errorEvent: (refusal, decision) => `data: ${error(refusal, decision)}\n\n`,
};
