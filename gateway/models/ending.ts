/** How a decided call of a model ends, in the client's words and in the record: chats and operations alike. */
import type { Decision, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { Inspector } from "../content/answer/inspect.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { conclude, decisionHeaders } from "../exchange.js";
import { mediaType } from "../forward/forward.js";
import { rateHeaders } from "../limits/headers.js";
import { denyAs } from "../live/cutting.js";
import { rateLimits } from "../observe/rate-limits.js";
import type { Answered } from "../routing/attempt.js";
import type { Past } from "./open.js";
import type { ModelProtocol } from "./protocol.js";
import type { Reached } from "./reach.js";
import { refuseIn } from "./refuse.js";
import type { Relayed } from "./relay.js";
import type { StreamParts } from "./send-stream.js";

type More = Partial<Outcome> | undefined;

export interface EndingParts {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly speaker: Pick<ModelProtocol, "error" | "errorEvent">;
  readonly decision: Decision;
  /** Decisions that another one took the place of. */
  readonly past: readonly Past[];
  readonly asked: { readonly used: Partial<Outcome> } | undefined;
}

/** What an answer that was passed on is told by. */
export interface Passing {
  readonly status: number;
  readonly timedOut: () => boolean;
  readonly inspector: Inspector | undefined;
  /** What detectors found in it. */
  readonly inspected: () => Partial<Outcome>;
}

export interface Ending {
  /** Records what became of the call. */
  end(outcome: Outcome["outcome"], status: number, ...more: readonly More[]): void;
  /** Refuses, and records it. */
  refuseAs(refusal: Refusal, outcome: Outcome["outcome"], more?: More): void;
  /** Ends a call that got no answer. */
  unanswered(result: Reached<unknown>["result"]): void;
  /** Ends a call whose answer was passed on, as far as it was. */
  passed(relayed: Relayed, passing: Passing): void;
  /** Makes what tells a client that its stream was cut, or denied. */
  errorEvent(inspector: Inspector | undefined): StreamParts["errorEvent"];
  /** Makes what tells a client that its stream was cut because it is allowed no more. */
  readonly lastEvent: StreamParts["lastEvent"];
}

export function createEnding({ parts, exchange, speaker, decision, past, asked }: EndingParts): Ending {
  const refuseHere = refuseIn(speaker);
  exchange.endBy({
    before: (refusal) => {
      refuseHere(exchange, refusal, denyAs(decision, refusal));
    },
  });
  const end: Ending["end"] = (outcome, status, ...more) => {
    for (const { decision: one, ...what } of past)
      conclude(parts, exchange, one, { kind: "model", status, ...what });
    conclude(parts, exchange, decision, { kind: "model", outcome, status }, asked?.used, ...more);
  };
  const refuseAs: Ending["refuseAs"] = (refusal, outcome, more) => {
    refuseHere(exchange, refusal, decision);
    end(outcome, refusal.status, more);
  };
  return {
    end,
    refuseAs,
    unanswered(result) {
      if (result.kind === "refusal") return refuseAs(result, result.outcome);
      if (result.kind === "aborted") return end("client_disconnected", 499);
      const code = result.kind === "failed" ? result.code : "upstream_unavailable";
      refuseAs(refuse(code), code === "upstream_timeout" ? "upstream_timeout" : "upstream_error");
    },
    passed(relayed, { status, timedOut, inspector, inspected }) {
      const denied = inspector?.denial();
      if (denied !== undefined) {
        // what has begun ended with the refusal
        if (relayed.kind === "refused") refuseHere(exchange, denied.refusal, denied.decision);
        const sent = relayed.kind === "refused" ? denied.refusal.status : status;
        return end("denied", sent, relayed.used, inspected());
      }
      if (relayed.kind === "refused") {
        const slow = timedOut();
        return refuseAs(
          refuse(slow ? "upstream_timeout" : "upstream_invalid"),
          slow ? "upstream_timeout" : "upstream_error",
          relayed.used,
        );
      }
      const { ended, bytes, stalled, used, broke = false } = relayed;
      const cut = stalled ? "upstream_timeout" : "upstream_error";
      const outcome = {
        whole: broke ? "upstream_error" : "forwarded",
        cut,
        aborted: "client_disconnected",
      } as const;
      end(outcome[ended], status, { bytes }, used, inspected());
    },
    lastEvent() {
      const cut = exchange.wasCut();
      return cut && speaker.errorEvent(cut, denyAs(decision, cut));
    },
    errorEvent: (inspector) => (code) => {
      const denied = inspector?.denial();
      return denied === undefined
        ? speaker.errorEvent(refuse(code, "the stream was cut"), decision)
        : speaker.errorEvent(denied.refusal, denied.decision);
    },
  };
}

const passedHeaders = ["retry-after", "openai-processing-ms", "request-id"];

/** Makes the headers of an answer that is passed on, from the protocol of the server to the client's. */
export function answerHead(
  { parts, decision }: Pick<EndingParts, "parts" | "decision">,
  { headers: received }: Answered,
  server: string,
  client: "openai" | "anthropic",
): Record<string, string> {
  const headers: Record<string, string> = decisionHeaders(decision, client);
  // INVARIANT: what was read as UTF-8 isn't called anything else
  headers["content-type"] = mediaType(received);
  for (const name of passedHeaders) {
    const value = received[name];
    if (typeof value === "string") headers[name] = value;
  }
  const upstream = rateLimits(received, server, client, parts.now);
  return Object.assign(headers, rateHeaders(decision.limits, client, parts.now(), upstream));
}
