/** Indices and the store itself: no document is in these answers. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { ActionName } from "../../../../sidecar/contract.js";
import type { SentRequest } from "../../adapter.js";
import type { Context, Handler } from "./context.js";
import { isRefusal, objectBody, withoutItems } from "./context.js";
import { readName } from "./names.js";
import type { parameterSets } from "./parameters.js";
import { pathOf, readParameters } from "./parameters.js";

interface Kind {
  readonly action: ActionName;
  readonly effect: "manage" | "describe";
  readonly set: keyof typeof parameterSets;
  readonly method: SentRequest["method"];
  /** Reads the body; absent: there must be none. */
  readonly body?: (body: JsonObject) => JsonObject | Refusal;
}

/** One index, as it is named. */
export const ofIndex =
  ({ action, effect, set, method, body }: Kind): Handler =>
  ({ request, store, path }: Context) => {
    const parameters = readParameters(request, set);
    if (isRefusal(parameters)) return parameters;
    const named = readName(path["index"] ?? "", store);
    if (isRefusal(named)) return named;
    const given = body === undefined ? noBody(request.form) : objectBody(request);
    if (given !== undefined && isRefusal(given)) return given;
    const sent = given === undefined || body === undefined ? undefined : body(given);
    if (sent !== undefined && isRefusal(sent)) return sent;
    const to = pathOf([named.name, ...request.segments.slice(1)], parameters);
    return {
      kind: "operation",
      asks: [{ action, effect, name: named.name, collection: named.collection }],
      plan: {
        narrow: () => ({
          kind: "narrowed",
          request: {
            method,
            path: to,
            ...(sent === undefined || request.form === "none" ? {} : { body: sent }),
          },
          exact: [true],
        }),
        empty: () => ({}),
        results: ({ value }) => withoutItems(request.method === "HEAD" ? undefined : value),
      },
    };
  };

function noBody(form: string): undefined | Refusal {
  return form === "none" ? undefined : refuse("invalid_request", "there is no body");
}

/** What tells of the store as a whole. */
export const ofStore =
  (set: keyof typeof parameterSets, read: (value: Json | undefined) => Json | undefined): Handler =>
  ({ request }) => {
    const parameters = readParameters(request, set);
    if (isRefusal(parameters)) return parameters;
    if (request.form !== "none") return refuse("invalid_request", "there is no body");
    return {
      kind: "operation",
      asks: [{ action: "store.describe", effect: "describe", name: "" }],
      plan: {
        narrow: () => ({
          kind: "narrowed",
          request: { method: "GET", path: pathOf(request.segments, parameters) },
          exact: [true],
        }),
        empty: () => ({}),
        results: ({ value }) => withoutItems(request.method === "HEAD" ? undefined : read(value)),
      },
    };
  };

/**
 * Reads what an index is made of. Not taken: `aliases` (another name for it), and in mappings what makes one field readable by
 * another name: `alias` fields, `copy_to`, `runtime` fields.
 */
export function readIndexBody(body: JsonObject): JsonObject | Refusal {
  const unknown = Object.keys(body).find((name) => name !== "settings" && name !== "mappings");
  if (unknown !== undefined) return refuse("filter_refused", "an index has settings and mappings");
  const { mappings, settings } = body;
  if (mappings !== undefined && !plain(mappings)) return refuse("filter_refused", "mappings");
  return settings === undefined || !pipes(settings)
    ? body
    : refuse("filter_refused", "settings of pipelines");
}

export function readMappingBody(body: JsonObject): JsonObject | Refusal {
  return plain(body) ? body : refuse("filter_refused", "mappings");
}

export function readSettingsBody(body: JsonObject): JsonObject | Refusal {
  return pipes(body) ? refuse("filter_refused", "settings of pipelines") : body;
}

/** A pipeline changes documents after they were looked at, or searches after they were narrowed. */
function pipes(value: Json): boolean {
  if (Array.isArray(value)) return value.some(pipes);
  return (
    isObject(value) && Object.entries(value).some(([name, one]) => name.includes("pipeline") || pipes(one))
  );
}

function plain(value: Json): boolean {
  if (Array.isArray(value)) return value.every(plain);
  if (!isObject(value)) return true;
  if (value["type"] === "alias" || value["copy_to"] !== undefined || value["runtime"] !== undefined)
    return false;
  return Object.values(value).every(plain);
}
