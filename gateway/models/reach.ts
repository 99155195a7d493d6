/** Reaches a model: the one that was asked for, then its fallbacks, each of which is decided on before it is tried. */
import type { Decision, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { UpstreamConfig } from "../config.js";
import { used } from "../exchange.js";
import { operationName } from "../observe/telemetry/attributes.js";
import type { Attempted, Send } from "../routing/attempt.js";
import type { Deployment, FallbackKind } from "../routing/deployment.js";
import type { Asking, Target } from "./open.js";
import type { Spoken } from "./manner.js";
import { open } from "./open.js";
import { shape } from "../upstreams/shape.js";

/** Who was asked, and what came of it. */
export interface Reached<Said> {
  /** That of the model that was asked last. */
  readonly decision: Decision | undefined;
  readonly result: Exclude<Attempted, Refusal> | (Refusal & { readonly outcome: Outcome["outcome"] });
  /** Absent where nobody was asked. */
  readonly asked?: Asked<Said>;
}

export interface Asked<Said> {
  readonly target: Target;
  /** The deployment that was asked last. */
  readonly deployment: Deployment;
  readonly said: Said;
  readonly used: Pick<Outcome, "upstream" | "credential" | "attempts">;
}

export async function reach<Said>(asking: Asking<Said>): Promise<Reached<Said>> {
  const { asks, exchange, manner, past } = asking;
  const opened = await open(asking, asks.model);
  if (opened.kind === "shut") {
    return { decision: opened.decision, result: { ...opened.refusal, outcome: opened.outcome } };
  }
  const { name, model } = opened.target;
  let reached = await send(asking, opened.target);
  const kind = fallbackOf(reached.result);
  for (const other of kind === undefined || !manner.fallsBack ? [] : model.fallbacks[kind]) {
    if (exchange.signal.aborted) break;
    if (other === asks.model || other === name) continue;
    const next = await open(asking, other);
    if (next.kind === "shut") {
      if (next.decision !== undefined) past.push({ decision: next.decision, outcome: next.outcome });
      continue;
    }
    const { decision, asked } = reached;
    if (decision !== undefined) past.push({ decision, outcome: "upstream_error", ...asked?.used });
    reached = await send(asking, next.target);
    if (fallbackOf(reached.result) === undefined) break;
  }
  return reached;
}

function fallbackOf(result: Reached<unknown>["result"]): FallbackKind | undefined {
  return result.kind === "failed" || result.kind === "error" ? result.fallback : undefined;
}

/** Sends to a model whose decision allows it. */
async function send<Said>(asking: Asking<Said>, opened: Target): Promise<Reached<Said>> {
  const { parts, exchange, manner, asks, past } = asking;
  const now: { target: Target; decision: Decision | undefined; fresh: boolean; asked?: Asked<Said> } = {
    target: opened,
    decision: opened.decision,
    fresh: true,
  };
  const sendTo: Send = async (deployment, signal) => {
    const upstream = upstreamOf(asking, deployment);
    // an assertion is for one upstream and one request; another one comes with a decision of its own
    if (upstream.assertion !== undefined && !(now.fresh && wantAlike(upstream, now.target.told))) {
      const { name, before, decision } = now.target;
      const again = await open(asking, name, { upstream, before });
      past.push({
        decision,
        outcome: now.asked === undefined ? "forwarded" : "upstream_error",
        ...now.asked?.used,
      });
      delete now.asked;
      if (again.kind === "shut") {
        now.decision = again.decision;
        return again.refusal;
      }
      now.decision = again.target.decision;
      if (again.target.name !== name || !again.target.candidates.includes(deployment)) {
        return refuse("obligation_unsatisfiable");
      }
      now.target = again.target;
    }
    now.fresh = false;
    const { target } = now;
    // what was decided, and nothing else
    const spoken = say(asking, target, deployment);
    if (spoken.kind === "refusal") return spoken;
    const attempts = (now.asked?.used.attempts ?? (now.asked === undefined ? 0 : 1)) + 1;
    const whom = { ...used(deployment.name, upstream), ...(attempts > 1 ? { attempts } : {}) };
    const { said, method, path, headers = {}, body, contentType, readAnswer } = spoken;
    now.asked = { target, deployment, said, used: whom };
    const trace = exchange.trace?.attempt({
      model: target.name,
      deployment,
      url: upstream.url,
      stream: asks.stream,
      body: target.body,
      operation: operationName(exchange.path, asks.call.action.name),
      decisionId: target.decision.decision_id,
    });
    const traceparent = trace?.traceparent;
    const answer = await parts.forward({
      upstream,
      method,
      path,
      assertion: target.decision.assertion,
      signal,
      headers: traceparent === undefined ? headers : { ...headers, traceparent },
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
      readAnswer,
    });
    trace?.became(answer);
    return exchange.signal.aborted ? answer : (manner.wrong?.() ?? answer);
  };
  const { name, model } = opened;
  const alone = opened.candidates.length === 1;
  const speaking = opened.candidates.filter(
    (one) => alone || speaksPlainly(asking, one) || say(asking, opened, one).kind === "spoken",
  );
  const { attempted } = await parts.routing.route({
    name,
    model,
    stream: asks.stream,
    send: sendTo,
    signal: exchange.signal,
    // where none speaks the request's language, the one that is asked says why
    candidates: speaking.length === 0 ? opened.candidates : speaking,
    stickyKey: stickyKey(asking, opened),
    once: manner.once === true,
    ...(manner.expects === undefined ? {} : { expects: manner.expects }),
  });
  const result = attempted.kind === "refusal" ? { ...attempted, outcome: "denied" as const } : attempted;
  return { decision: now.decision, result, ...(now.asked === undefined ? {} : { asked: now.asked }) };
}

function upstreamOf({ parts }: Asking, { upstream: name }: Deployment): UpstreamConfig {
  const upstream = parts.config.upstreams.get(name);
  if (upstream === undefined) throw new Error("a deployment's upstream isn't configured");
  return upstream;
}

/** Tells, without saying it, that a request can surely be said to a deployment. */
function speaksPlainly(asking: Asking, deployment: Deployment): boolean {
  const upstream = upstreamOf(asking, deployment);
  return upstream.wire === undefined && asking.manner.speaks(upstream);
}

function wantAlike(one: UpstreamConfig, other: UpstreamConfig | undefined): boolean {
  return (
    other === one ||
    (other !== undefined &&
      JSON.stringify(one.assertion?.request) === JSON.stringify(other.assertion?.request))
  );
}

/** INVARIANT: a key holds who calls: nobody moves another caller's requests by a header. */
function stickyKey({ exchange }: Asking, { model, decision }: Target): string | undefined {
  const { sticky } = model;
  const { subject } = decision;
  if (sticky === undefined || subject === undefined) return undefined;
  const who = JSON.stringify([subject.tenant, subject.type, subject.id]);
  if (sticky.by === "user") return who;
  const said = exchange.req.headers[sticky.header];
  return typeof said === "string" && said.length <= 256 ? `${who} ${said}` : undefined;
}

function say<Said>(
  asking: Asking<Said>,
  { body, name, decision }: Target,
  deployment: Deployment,
): Spoken<Said> | Refusal {
  const upstream = upstreamOf(asking, deployment);
  const spoken = asking.manner.speak(body, { deployment, upstream, name, decision });
  if (spoken.kind === "refusal" || upstream.wire === undefined) return spoken;
  return shape(upstream, spoken, deployment.upstreamModel ?? name);
}
