import type { Call, Json, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { RouteConfig } from "../config.js";

/** Models have one name each, to the letter: aliases of the server's own are unknown here. */
export const modelForm = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,255}$/;

export interface NamedModel {
  readonly kind: "model";
  readonly resource: Call["resource"];
  /** Undefined where the route has no such model. */
  readonly upstreamModel: string | undefined;
}

/** Describes the model that a request names; one that the route doesn't list is decided on without facts. */
export function describeModel(route: RouteConfig, name: Json | undefined): NamedModel | Refusal {
  if (typeof name !== "string" || !modelForm.test(name)) return refuse("invalid_request", "model");
  const model = route.models.get(name);
  return {
    kind: "model",
    resource: { type: "model", id: name, properties: model?.facts ?? {} },
    upstreamModel: model?.upstreamModel,
  };
}
