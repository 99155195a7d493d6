import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Found, StoreRequest } from "../../adapter.js";
import type { StoreConfig } from "../../config.js";
import type { Cursors } from "../../cursors.js";
import type { Dialect } from "./dialect.js";
import type { SearchOperation } from "./plan.js";

/** A request at one of the routes that are decided. */
export interface Context {
  readonly request: StoreRequest;
  readonly store: StoreConfig;
  readonly cursors: Cursors;
  readonly dialect: Dialect;
  /** What stands in the path, by its name in the route. */
  readonly path: Readonly<Record<string, string>>;
}

export type Planned = Omit<SearchOperation, "route">;
export type Handler = (context: Context) => Planned | Refusal;

export function isRefusal(value: object): value is Refusal {
  return "kind" in value && value.kind === "refusal";
}

/** The body of a request that takes an object; none is an empty one. */
export function objectBody({ form, body }: StoreRequest): JsonObject | Refusal {
  if (form === "none") return {};
  return form === "json" && isObject(body) ? body : refuse("invalid_request", "the body is an object");
}

/** An answer in which no document is. */
export function withoutItems(value: Json | undefined, count?: number): Found {
  return { kind: "found", items: [], rebuild: () => value, ...(count === undefined ? {} : { count }) };
}
