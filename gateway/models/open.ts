/** Has a request for a model decided, and finds where it may go then. Every model that is tried has been decided on. */
import type { Decision, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { UpstreamConfig } from "../config.js";
import { enforce } from "../enforce/enforce.js";
import type { Able, Beside } from "../enforce/beside.js";
import { joinBeside, nothingBeside, takeBeside } from "../enforce/beside.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout } from "../exchange.js";
import { withEstimate } from "../limits/estimate.js";
import type { Deployment, ModelConfig } from "../routing/deployment.js";
import { narrow } from "../routing/narrow.js";
import type { Route } from "../routing/restrict.js";
import { joinRoutes, readRoute } from "../routing/restrict.js";
import { modelProperties } from "./classify.js";
import { hooksOf, tell } from "./inspect.js";
import type { Manner } from "./manner.js";
import type { ModelCall } from "./protocol.js";
import { refusalOf } from "./refuse.js";

/** What a client asks, and what has been decided on the way. */
export interface Asking<Said = unknown> {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly manner: Manner<Said>;
  readonly asks: ModelCall;
  /** Decisions that another one took the place of, for the record. */
  readonly past: Past[];
}

export type Past = { readonly decision: Decision } & Pick<
  Outcome,
  "outcome" | "upstream" | "credential" | "attempts"
>;

/** A model that may be asked. */
export interface Target {
  readonly name: string;
  readonly model: ModelConfig;
  readonly decision: Decision;
  /** What policy left of its deployments; at least one. */
  readonly candidates: readonly Deployment[];
  /** The request, as the obligations left it. */
  readonly body: JsonObject;
  /** What else obligations ask for: of the answer, and of its record. */
  readonly beside: Beside;
  /** The upstream that the decision's assertion is for. */
  readonly told: UpstreamConfig | undefined;
  readonly before: Before | undefined;
}

/** What a decision that selected another model asks of that one, too. */
interface Before {
  readonly body: JsonObject;
  readonly beside: Beside;
  readonly route: Route;
}

export type Opened =
  | { readonly kind: "opened"; readonly target: Target }
  | {
      readonly kind: "shut";
      readonly refusal: Refusal;
      readonly outcome: Outcome["outcome"];
      readonly decision: Decision | undefined;
    };

/**
 * Asks about one model.
 * @param upstream the one that an assertion is to be for; the model's first unless given
 */
export async function open(
  asking: Asking,
  name: string,
  { upstream, before }: { readonly upstream?: UpstreamConfig; readonly before?: Before | undefined } = {},
): Promise<Opened> {
  const { parts, exchange, manner, asks, past } = asking;
  const { models, upstreams } = parts.config;
  const model = models.get(name);
  const told = upstream ?? (model === undefined ? undefined : upstreams.get(model.upstream));
  const resource = { ...asks.call.resource, id: name, properties: modelProperties(model) };
  const call = withEstimate(
    name === asks.model ? asks.call : { ...asks.call, resource },
    before?.body ?? asks.body,
    {
      ...{ limits: parts.config.limits, prices: parts.prices, model: name },
      deployments: model?.deployments ?? [],
    },
  );
  const { prompt, content } = asks;
  const about = { prompt, content, upstream: told, reusable: true };
  const [decision] = await askAbout(parts, exchange, [call], manner.obligations, about);
  const shut = (refusal: Refusal, outcome: Outcome["outcome"] = "denied"): Opened => {
    return { kind: "shut", refusal, outcome, decision };
  };
  if (decision === undefined) return shut(refuse("pdp_unavailable"));
  if (!decision.allow) return shut(refusalOf(decision));
  const unsatisfiable = (): Opened => shut(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  if (model === undefined) return before === undefined ? shut(refuse("unknown_model")) : unsatisfiable();
  const read = readRoute(decision.obligations);
  const asked = before?.body ?? asks.body;
  const named = name === asks.model ? asked : manner.named(asked, name);
  const taken = read === undefined ? undefined : takeBeside(read.others, ableTo(parts, manner));
  if (read === undefined || taken === undefined) return unsatisfiable();
  const body = enforce(named, taken.others, manner.duties, manner.words);
  if (body === undefined) return unsatisfiable();
  const beside = joinBeside(before?.beside ?? nothingBeside, taken.beside);
  const route = joinRoutes(before?.route ?? {}, read.route);
  const selected = read.route.model;
  if (selected !== undefined && selected !== name) {
    // one change of mind is policy, two are a circle
    if (before !== undefined) return unsatisfiable();
    if (!(await tell(parts, taken.beside, decision, "request"))) return unsatisfiable();
    past.push({ decision, outcome: "forwarded" });
    return open(asking, selected, { before: { body, beside, route } });
  }
  const candidates = narrow(model.deployments, route);
  if (candidates.length === 0) return unsatisfiable();
  // last, so that nobody is told of what isn't done
  if (!(await tell(parts, taken.beside, decision, "request"))) return unsatisfiable();
  return { kind: "opened", target: { name, model, decision, candidates, body, beside, told, before } };
}

function ableTo(parts: GatewayParts, { answers, words }: Manner<unknown>): Able {
  return {
    answer: answers === undefined ? undefined : (words.said?.answer ?? []),
    scans: parts.answers !== undefined,
    hasHook: hooksOf(parts),
  };
}
