/** One request's spans and metrics, by OpenTelemetry's SDK. */
import { createHmac } from "node:crypto";
import type { Span, Tracer } from "@opentelemetry/api";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Decision, JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson } from "../../../sidecar/contract.js";
import type { Attributes } from "./attributes.js";
import { commonAttributes, readAnswer, requestAttributes, usageAttributes } from "./attributes.js";
import type { Histograms } from "./metrics.js";
import type { TelemetryConfig } from "./read-config.js";
import type { AttemptFacts, AttemptTrace, RequestFacts, Trace } from "./trace.js";
import { readTraceparent, writeTraceparent } from "./traceparent.js";

export interface TraceParts {
  readonly config: TelemetryConfig;
  /** Keys the hash that stands for a tenant. */
  readonly secret: Uint8Array;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

interface Attempt {
  readonly facts: AttemptFacts;
  readonly span: Span;
  readonly common: Attributes;
  readonly started: number;
  /** What the answer said of itself. */
  readonly answer: Attributes;
}

/** What an event has that says who answers, and why it ended. */
const says = {
  model: /"(?:model|modelVersion)"\s*:\s*"/,
  finish: /"(?:finish_reason|stop_reason|finishReason)"\s*:\s*"/,
};

export class OtlpTrace implements Trace {
  private readonly span: Span;
  private readonly started: number;
  private attempting: Attempt | undefined;

  constructor(
    private readonly parts: TraceParts,
    private readonly histograms: Histograms,
    private readonly tracer: Tracer,
    { method, route, traceparent }: RequestFacts,
  ) {
    this.started = parts.clock();
    const parent = parts.config.trustTraceparent ? readTraceparent(traceparent) : undefined;
    const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    const attributes = { "http.request.method": method, "http.route": route };
    this.span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, context);
  }

  ask(calls: number): (decisions: readonly Decision[]) => void {
    const span = this.child("ask", SpanKind.CLIENT, { "countersign.calls": calls });
    return (decisions) => {
      const [first] = decisions;
      const denied = decisions.find(({ allow }) => !allow);
      span.setAttribute("countersign.denied", decisions.filter(({ allow }) => !allow).length);
      if (first !== undefined) {
        span.setAttributes({
          "countersign.decision.id": first.decision_id,
          "countersign.cache": first.cache,
        });
        const tenant = first.subject?.tenant;
        if (tenant !== undefined && this.span.isRecording())
          this.span.setAttribute("countersign.tenant", this.hash(tenant));
      }
      const code = denied?.reasons[0]?.code;
      if (code !== undefined && /^[\w.:-]{1,128}$/.test(code)) span.setAttribute("countersign.reason", code);
      span.end();
    };
  }

  attempt(facts: AttemptFacts): AttemptTrace {
    this.endAttempt("superseded");
    const common = commonAttributes(facts);
    const name = `${facts.operation} ${String(common["gen_ai.request.model"])}`;
    const span = this.child(
      name,
      SpanKind.CLIENT,
      this.span.isRecording() ? { ...common, ...requestAttributes(facts) } : {},
    );
    const attempt: Attempt = { facts, span, common, started: this.parts.clock(), answer: {} };
    this.attempting = attempt;
    return {
      traceparent: this.parts.config.propagate ? writeTraceparent(span.spanContext()) : undefined,
      became: ({ kind, status, code }) => {
        if (this.attempting !== attempt) return;
        if (kind !== "answered") this.endAttempt(code ?? kind);
        else if (status !== undefined && status >= 400) this.endAttempt(String(status));
      },
    };
  }

  sees(data: string): void {
    const known = this.attempting?.answer["gen_ai.response.model"] !== undefined;
    if (this.attempting === undefined || !(known ? says.finish : says.model).test(data)) return;
    try {
      const said = parseJson(data);
      if (isObject(said)) this.answered(said);
    } catch {
      // no JSON: it says nothing
    }
  }

  answered(said: JsonObject): void {
    if (this.attempting !== undefined) readAnswer(said, this.attempting.answer);
  }

  concluded(outcome: Parameters<Trace["concluded"]>[0]): void {
    this.span.setAttributes({
      "countersign.decision.id": outcome.decision_id,
      "countersign.outcome": outcome.outcome,
      "countersign.kind": outcome.kind,
    });
    const attempt = this.attempting;
    if (attempt?.facts.decisionId !== outcome.decision_id) return;
    const { span, common, answer, started } = attempt;
    if (span.isRecording()) span.setAttributes({ ...answer, ...usageAttributes(outcome) });
    const { usage, stream } = outcome;
    const model = answer["gen_ai.response.model"];
    const by = { ...common, ...(model === undefined ? {} : { "gen_ai.response.model": model }) };
    // INVARIANT: what was only estimated isn't told as usage
    if (usage !== undefined && usage.estimated !== true) {
      const count = this.histograms["gen_ai.client.token.usage"];
      count.record(usage.input_tokens, { ...by, "gen_ai.token.type": "input" });
      count.record(usage.output_tokens, { ...by, "gen_ai.token.type": "output" });
    }
    if (stream?.first_token_ms !== undefined) {
      const whole = stream.first_token_ms / 1000;
      const own = Math.max(0, whole - (started - this.started) / 1000);
      span.setAttribute("gen_ai.response.time_to_first_chunk", own);
      this.histograms["gen_ai.client.operation.time_to_first_chunk"].record(own, by);
      this.histograms["gen_ai.server.time_to_first_token"].record(whole, by);
    }
    if (stream?.tokens_per_second !== undefined && stream.tokens_per_second > 0)
      this.histograms["gen_ai.server.time_per_output_token"].record(1 / stream.tokens_per_second, by);
    const failed = outcome.outcome === "forwarded" ? undefined : outcome.outcome;
    this.endAttempt(failed);
    const server = { ...by, ...(failed === undefined ? {} : { "error.type": failed }) };
    this.histograms["gen_ai.server.request.duration"].record(
      (this.parts.clock() - this.started) / 1000,
      server,
    );
  }

  end(status: number): void {
    this.endAttempt("ended");
    this.span.setAttribute("http.response.status_code", status);
    if (status >= 500) {
      this.span.setAttribute("error.type", String(status));
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }

  private endAttempt(error: string | undefined): void {
    const attempt = this.attempting;
    if (attempt === undefined) return;
    this.attempting = undefined;
    const { span, common, started, answer } = attempt;
    const model = answer["gen_ai.response.model"];
    if (error !== undefined) {
      span.setAttribute("error.type", error);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.histograms["gen_ai.client.operation.duration"].record((this.parts.clock() - started) / 1000, {
      ...common,
      ...(model === undefined ? {} : { "gen_ai.response.model": model }),
      ...(error === undefined ? {} : { "error.type": error }),
    });
    span.end();
  }

  private child(name: string, kind: SpanKind, attributes: Attributes): Span {
    return this.tracer.startSpan(name, { kind, attributes }, trace.setSpan(ROOT_CONTEXT, this.span));
  }

  /** INVARIANT: who calls isn't told, nor of which tenant: this tells requests of one tenant apart from others'. */
  private hash(tenant: string): string {
    return createHmac("sha256", this.parts.secret)
      .update(`telemetry tenant ${tenant}`)
      .digest("hex")
      .slice(0, 16);
  }
}
