/** Watches the answer of one call: its stream by a meter, its sum by an account. */
import type { JsonObject, TokenUsage } from "../../sidecar/contract.js";
import type { Deployment } from "../routing/deployment.js";
import type { Used, UsedFacts } from "./account.js";
import { accountStream, accountWhole } from "./account.js";
import { inputOf } from "./estimate.js";
import { Meter } from "./meter.js";
import type { PriceTable } from "./price-table.js";
import type { Trace } from "./telemetry/trace.js";

export interface WatchParts {
  readonly prices: PriceTable | undefined;
  readonly metrics: WatchMetrics;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** When the request arrived, on the same clock. */
  readonly started: number;
  /** The model's name in the configuration. */
  readonly model: string;
  readonly deployment: Deployment;
  /** What was asked. */
  readonly body: JsonObject;
  /** How the upstream speaks. */
  readonly spoken: Spoken;
  /** Whether the gateway asked for usage, and the client hadn't. */
  readonly asked: boolean;
  readonly trace: Pick<Trace, "sees" | "answered"> | undefined;
}

export interface WatchMetrics {
  gatewayUsed(facts: UsedFacts): void;
  /** The wait between two pieces of a streamed answer. */
  gatewayBetweenTokens(micros: number): void;
}

export interface Spoken {
  /** What an answer, or one event of its stream, says of usage; added to what was said before. */
  usage(data: JsonObject, before: TokenUsage | undefined): TokenUsage | undefined;
  /** The members of events that hold pieces of an answer's text, each as `"name":`; absent: answers are no text. */
  readonly pieces?: readonly string[];
}

export interface Watch {
  /** Sees an event of the stream; false: it is for the gateway alone. */
  see(data: string, value?: JsonObject): boolean;
  /** Leaves out a while in which the client kept the stream waiting, milliseconds. */
  skip(ms: number): void;
  /** Gives what a stream has used by now. */
  soFar(): { readonly input_tokens: number; readonly output_tokens: number };
  /** Sums up a stream that ended; the same again where it is asked again. */
  ended(whole: boolean): Used;
  /** Tells whether the stream ended with an error of the upstream, in its words. */
  broke(): boolean;
  /** Sums up an answer that came at once. */
  answered(said: JsonObject): Used;
}

export function watch(parts: WatchParts): Watch {
  const { spoken, trace } = parts;
  let meter: Meter | undefined;
  let sum: Used | undefined;
  return {
    see(data, value) {
      trace?.sees(data);
      return (meter ??= meterOf(parts)).see(data, value);
    },
    skip: (ms) => {
      meter?.skip(ms);
    },
    soFar() {
      const { told, seen = 0 } = meter?.soFar() ?? {};
      return {
        input_tokens: told?.input_tokens ?? inputOf(parts.body),
        output_tokens: Math.max(told?.output_tokens ?? 0, seen),
      };
    },
    ended: (whole) => (sum ??= accountStream(parts, (meter ?? meterOf(parts)).result(whole))),
    broke: () => meter?.broke() ?? false,
    answered(said) {
      trace?.answered(said);
      return (sum ??= accountWhole(parts, spoken.usage(said, undefined), said));
    },
  };
}

function meterOf({ spoken, asked, metrics, clock, started }: WatchParts): Meter {
  return new Meter({
    clock,
    started,
    hides: asked,
    texts: spoken.pieces ?? [],
    usage: (data, before) => spoken.usage(data, before),
    waited: (micros) => {
      metrics.gatewayBetweenTokens(micros);
    },
  });
}
