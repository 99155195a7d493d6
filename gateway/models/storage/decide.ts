/** Has what concerns something kept at an upstream decided. It goes to that upstream, and nowhere else. */
import type { Call, Decision, JsonObject, Obligation, Outcome, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { ActionName } from "../../../sidecar/contract.js";
import type { UpstreamConfig } from "../../config.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude, used } from "../../exchange.js";
import { drain } from "../../http.js";
import { keptObligations, labelsOf, owed, pay } from "./beside.js";
import { modelProperties } from "../classify.js";
import type { Bound } from "../operations/bind.js";
import type { Speaker } from "../operations/operation.js";
import { refusalOf, refuseIn } from "../refuse.js";

export interface About {
  readonly speaker: Pick<Speaker, "error">;
  /** All must be allowed; what the first one's allow brings is sent. */
  readonly calls: readonly [Call, ...Call[]];
  readonly upstream: { readonly name: string; readonly config: UpstreamConfig };
  readonly prompt?: JsonObject;
  readonly content?: JsonObject | undefined;
  /** Obligations on the first call that who asks carries out. */
  readonly more?: readonly string[];
}

export interface Allowed {
  readonly decision: Decision;
  readonly upstream: About["upstream"];
  readonly speaker: About["speaker"];
  /** Who asks, and where it is kept. */
  readonly bound: Omit<Bound, "model">;
  /** Of the first call, those of {@link About.more}: to be carried out. */
  readonly others: readonly Obligation[];
  /** @param decision the one that says why, where it isn't the request's */
  refuse(refusal: Refusal, outcome: Outcome["outcome"], decision?: Decision): void;
  end(outcome: Outcome["outcome"], status: number, more?: Partial<Outcome>): void;
}

/** Gives what was allowed; undefined where it was refused, which has been said and recorded. */
export async function decide(
  parts: GatewayParts,
  exchange: Exchange,
  { speaker, calls, upstream, prompt, content, more: also = [] }: About,
): Promise<Allowed | undefined> {
  const [chief, ...others] = calls;
  const context = { ...(prompt === undefined ? {} : { prompt }), content };
  const about = { ...context, upstream: upstream.config };
  const first = await askAbout(parts, exchange, [chief], [...keptObligations, ...also], about);
  const more = others.length === 0 ? [] : await askAbout(parts, exchange, others, keptObligations, context);
  const decisions = [...first, ...more];
  const [decision] = decisions;
  const owing = decisions.map((one) => (one.allow ? owed(parts, one) : undefined));
  const refuseHere = refuseIn(speaker);
  const { subject } = decision ?? {};
  const wrong = decisions.find(({ allow }) => !allow);
  const told = wrong ?? decision;
  const end: Allowed["end"] = (outcome, status, said = {}) => {
    decisions.forEach((one, i) => {
      const labels = new Set([...(labelsOf(one, owing[i]).labels ?? []), ...(said.labels ?? [])]);
      const labelled = labels.size === 0 ? {} : { labels: [...labels] };
      conclude(parts, exchange, one, { kind: chief.kind, outcome, status, ...said, ...labelled });
    });
  };
  const refuseAs: Allowed["refuse"] = (refusal, outcome, why = told) => {
    refuseHere(exchange, refusal, why);
    end(outcome, refusal.status);
  };
  if (decision === undefined || decisions.length !== calls.length) {
    refuseHere(exchange, refuse("pdp_unavailable"));
    return undefined;
  }
  // an allow that doesn't say for whom binds nothing
  const refusal =
    wrong !== undefined ? refusalOf(wrong) : subject === undefined ? refuse("pdp_unavailable") : undefined;
  if (refusal !== undefined || subject === undefined) {
    // of what isn't held, a client may be sending still
    await drain(exchange.req);
    refuseAs(refusal ?? refuse("pdp_unavailable"), "denied");
    return undefined;
  }
  const [{ others: duties = [] } = {}] = owing;
  const whole = owing
    .filter((one, i) => one?.others.every(({ type }) => i === 0 && also.includes(type)))
    .filter((one) => one !== undefined);
  if (whole.length < decisions.length || !(await pay(parts, whole))) {
    refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
    return undefined;
  }
  return {
    ...{ decision, upstream, speaker, others: duties, refuse: refuseAs },
    bound: { subject, upstream: upstream.name, secret: parts.sessionSecret },
    end: (outcome, status, said = {}) => {
      end(outcome, status, { ...used(upstream.name, upstream.config), ...said });
    },
  };
}

/** The question about something kept in the configured account. */
export function storageCall(
  { config }: GatewayParts,
  name: ActionName,
  properties: JsonObject,
  kind: Call["kind"] = "model",
): Call {
  const { upstream = "", provider = "", region = "", environment = "" } = config.storage ?? {};
  return {
    kind,
    action: { name, properties: { phase: "request", ...properties } },
    resource: { type: "storage", id: upstream, properties: { provider, region, environment } },
  };
}

/** The question about a batch on a model. */
export function batchCall(
  { config }: GatewayParts,
  name: ActionName,
  model: string,
  properties: JsonObject = {},
): Call {
  return {
    kind: "model",
    action: { name, properties: { phase: "request", ...properties } },
    resource: { type: "model", id: model, properties: modelProperties(config.models.get(model)) },
  };
}
