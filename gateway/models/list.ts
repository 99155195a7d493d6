/** Which models there are: only those that the caller may use. */
import { refuse, stringifyJson } from "../../sidecar/contract.js";
import { modelDuties } from "../enforce/registry.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude } from "../exchange.js";
import { send } from "../http.js";
import { routeObligations } from "../routing/restrict.js";
import { modelProperties } from "./classify.js";
import type { ModelConfig, UpstreamConfig } from "../config.js";
import type { ModelProtocol } from "./protocol.js";
import { isPipeline, refusalOf, refuseIn } from "./refuse.js";

// what narrows a call of a model has nothing to do with its being seen
const obligations = [...Object.keys(modelDuties), ...routeObligations];

/** How clients write an id in a path: OpenAI's leave colons, others encode them. */
function spellings(model: string): readonly string[] {
  const encoded = encodeURIComponent(model);
  return [encoded, encoded.replaceAll("%3A", ":")];
}

/**
 * Serves `GET /v1/models` and `GET /v1/models/{id}`.
 * @param only the protocol whose clients reach models of that protocol alone
 */
export async function serveModels(
  parts: GatewayParts,
  exchange: Exchange,
  protocol: Pick<ModelProtocol, "models" | "error">,
  given?: string,
  only?: UpstreamConfig["protocol"],
): Promise<void> {
  const refuseAs = refuseIn(protocol);
  const { upstreams } = parts.config;
  const reached = ({ deployments }: ModelConfig): boolean =>
    only === undefined || deployments.some(({ upstream }) => upstreams.get(upstream)?.protocol === only);
  const models = new Map([...parts.config.models].filter(([, model]) => reached(model)));
  const id = [...models.keys()].find((model) => spellings(model).includes(given ?? "")) ?? given;
  if (id?.includes("%") === true) return refuseAs(exchange, refuse("unknown_route"));
  const asked = id === undefined ? [...models.keys()] : [id];
  const calls = asked.map((model) => ({
    kind: "model" as const,
    action: { name: "model.list" as const, properties: { phase: "request" } },
    resource: { type: "model", id: model, properties: modelProperties(models.get(model)) },
  }));
  const decisions = await askAbout(parts, exchange, calls, obligations, { passing: true });
  const [first] = decisions;
  const refused = decisions.length > 0 && decisions.every((d) => !d.allow && isPipeline(d));
  if (first !== undefined && refused) {
    const refusal = refusalOf(first);
    refuseAs(exchange, refusal, first);
    return conclude(parts, exchange, first, { kind: "model", outcome: "denied", status: refusal.status });
  }
  const allowed = asked.filter((model, i) => decisions[i]?.allow === true && models.has(model));
  // what one may not use and what there isn't look the same
  if (id !== undefined && allowed.length === 0) return refuseAs(exchange, refuse("unknown_model"));
  const listed = allowed.map((model) => ({ id: model, provider: models.get(model)?.provider ?? "" }));
  send(exchange.res, 200, stringifyJson(protocol.models(listed, id !== undefined)), {
    ...(first === undefined ? {} : { "x-countersign-decision-id": first.decision_id }),
    ...(id === undefined ? { "cache-control": "private" } : {}),
  });
}
