/** Reaches a model: the one that was asked for, then its fallbacks, each of which is decided on before it is tried. */
import type { Decision, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../sidecar/contract.js";
import type { UpstreamConfig } from "../config.js";
import { used } from "../exchange.js";
import type { Attempted, Send } from "../routing/attempt.js";
import type { Deployment, FallbackKind } from "../routing/deployment.js";
import type { Asking, Target } from "./open.js";
import { open } from "./open.js";
import type { ModelProtocol } from "./protocol.js";
import { protocols } from "./protocols.js";
import type { ModelRequest } from "./translate/canonical.js";
import { Untranslatable } from "./translate/canonical.js";

/** Who was asked, and what came of it. */
export interface Reached {
  /** That of the model that was asked last. */
  readonly decision: Decision | undefined;
  readonly result: Exclude<Attempted, Refusal> | (Refusal & { readonly outcome: Outcome["outcome"] });
  /** Absent where nobody was asked. */
  readonly asked?: Asked;
}

export interface Asked {
  readonly target: Target;
  readonly server: ModelProtocol;
  /** What was asked, where it was translated. */
  readonly request: ModelRequest | undefined;
  readonly used: Pick<Outcome, "upstream" | "credential" | "attempts">;
}

export async function reach(asking: Asking): Promise<Reached> {
  const { asks, exchange, past } = asking;
  const opened = await open(asking, asks.model);
  if (opened.kind === "shut") {
    return { decision: opened.decision, result: { ...opened.refusal, outcome: opened.outcome } };
  }
  const { name, model } = opened.target;
  let reached = await send(asking, opened.target);
  const kind = fallbackOf(reached.result);
  for (const other of kind === undefined ? [] : model.fallbacks[kind]) {
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

function fallbackOf(result: Reached["result"]): FallbackKind | undefined {
  return result.kind === "failed" || result.kind === "error" ? result.fallback : undefined;
}

/** Sends to a model whose decision allows it. */
async function send(asking: Asking, opened: Target): Promise<Reached> {
  const { parts, exchange, client, asks, past } = asking;
  const now: { target: Target; decision: Decision | undefined; fresh: boolean; asked?: Asked } = {
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
    const spoken = speak(target.body, deployment, client, upstream);
    if (spoken.kind === "refusal") return spoken;
    const { server } = spoken;
    const attempts = (now.asked?.used.attempts ?? (now.asked === undefined ? 0 : 1)) + 1;
    const whom = { ...used(deployment.name, upstream), ...(attempts > 1 ? { attempts } : {}) };
    now.asked = { target, server, request: spoken.request, used: whom };
    return parts.forward({
      upstream,
      method: "POST",
      path: server.path(upstream.url),
      headers: { accept: asks.stream ? "text/event-stream" : "application/json", ...server.headers },
      // what was decided, and nothing else
      body: stringifyJson(spoken.body),
      assertion: target.decision.assertion,
      signal,
    });
  };
  const { name, model, body } = opened;
  const alone = opened.candidates.length === 1;
  const speaking = opened.candidates.filter((one) => {
    const upstream = upstreamOf(asking, one);
    return alone || upstream.protocol === client.name || speak(body, one, client, upstream).kind === "spoken";
  });
  const { attempted } = await parts.routing.route({
    ...{ name, model, stream: asks.stream, send: sendTo, signal: exchange.signal },
    // where none speaks the request's language, the one that is asked says why
    candidates: speaking.length === 0 ? opened.candidates : speaking,
    stickyKey: stickyKey(asking, opened),
  });
  const result = attempted.kind === "refusal" ? { ...attempted, outcome: "denied" as const } : attempted;
  return { decision: now.decision, result, ...(now.asked === undefined ? {} : { asked: now.asked }) };
}

function upstreamOf({ parts }: Asking, { upstream: name }: Deployment): UpstreamConfig {
  const upstream = parts.config.upstreams.get(name);
  if (upstream === undefined) throw new Error("a deployment's upstream isn't configured");
  return upstream;
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

type Spoken =
  | {
      readonly kind: "spoken";
      readonly server: ModelProtocol;
      readonly body: JsonObject;
      readonly request: ModelRequest | undefined;
    }
  | Refusal;

/** Says the request in the upstream's words: the same body where both speak alike, or its translation. */
function speak(
  body: JsonObject,
  deployment: Deployment,
  client: ModelProtocol,
  upstream: UpstreamConfig,
): Spoken {
  const { upstreamModel } = deployment;
  const named = upstreamModel === undefined ? body : { ...body, model: upstreamModel };
  // nothing is translated to it yet
  if (upstream.protocol === "gemini") return refuse("untranslatable", "the operation");
  const server = protocols[upstream.protocol];
  if (client === server) return { kind: "spoken", server, body: named, request: undefined };
  try {
    const request = client.readRequest(named);
    return { kind: "spoken", server, body: server.writeRequest(request, deployment), request };
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    return refuse("untranslatable", error.place);
  }
}
