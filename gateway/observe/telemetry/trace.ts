/** What a request's way through the gateway tells OpenTelemetry. Nothing of this is there unless it is configured. */
import type { Decision, JsonObject, Outcome } from "../../../sidecar/contract.js";
import type { Deployment } from "../../routing/deployment.js";

export interface Telemetry {
  /** Begins the trace of a request. */
  begin(request: RequestFacts): Trace;
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>;
}

export interface RequestFacts {
  readonly method: string;
  /** Names the route: of few values, and never a client's. */
  readonly route: string;
  /** As the client sent it (W3C Trace Context); believed only where that is configured. */
  readonly traceparent: string | undefined;
}

/** One request. */
export interface Trace {
  /** Begins a question to the sidecar; what it gives ends it. */
  ask(calls: number): (decisions: readonly Decision[]) => void;
  /** Begins an attempt at an upstream; one that is under way ends. */
  attempt(facts: AttemptFacts): AttemptTrace;
  /** Sees an event of the streamed answer. */
  sees(data: string): void;
  /** Sees the whole answer. */
  answered(said: JsonObject): void;
  /** Learns what became of a decided call; ends the attempt that was made under that decision. */
  concluded(outcome: Pick<Outcome, "outcome" | "kind" | "decision_id"> & Partial<Outcome>): void;
  /** Ends the trace. */
  end(status: number): void;
}

export interface AttemptFacts {
  /** `chat`, `embeddings`, …: the name of OpenTelemetry's conventions. */
  readonly operation: string;
  /** The model's name in the configuration. */
  readonly model: string;
  readonly deployment: Deployment;
  readonly url: URL;
  readonly stream: boolean;
  /** Of which numbers that limit the answer are told; nothing else. */
  readonly body: JsonObject;
  readonly decisionId: string;
}

export interface AttemptTrace {
  /** For the upstream, where it is to be told. */
  readonly traceparent: string | undefined;
  /** Learns how the upstream answered; an error ends the attempt. */
  became(answer: { readonly kind: string; readonly status?: number; readonly code?: string }): void;
}
