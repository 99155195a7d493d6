/** Which models an Ollama has, and which run: only those that the route lists and the caller may see. */
import type { Call, Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { modelDuties } from "../../enforce/registry.js";
import { askAbout } from "../../exchange.js";
import type { RouteConfig } from "../config.js";
import type { Attempting, ServerAttempt } from "./attempt.js";
import { asItIs } from "./attempt.js";
import type { Serving } from "./serve.js";

/** The route itself, to who wants to know what is there at all. */
function onRoute(route: RouteConfig, path: string): Call {
  return {
    kind: "route",
    action: { name: "http.request", properties: { phase: "request", method: "GET" } },
    resource: { type: "route", id: route.name, properties: { ...route.facts, path } },
  };
}

const bare = { obligations: [], body: asItIs("none"), method: "GET", model: "", offered: [] } as const;

export function attemptVersion({ route }: Attempting): ServerAttempt {
  const path = "/api/version";
  return { ...bare, kind: "attempt", calls: [onRoute(route, path)], path, answer: { kind: "json" } };
}

export function attemptList(
  { route }: Attempting,
  { parts, exchange }: Serving,
  name: "tags" | "ps",
): ServerAttempt {
  const path = `/api/${name}`;
  return {
    ...bare,
    kind: "attempt",
    calls: [onRoute(route, path)],
    path,
    answer: {
      kind: "json",
      async rewrite(said) {
        const listed = [...route.models].map(([id, model]) => ({ id, model }));
        const calls = listed.map(({ id, model }): Call => ({
          kind: "model",
          action: { name: "model.list", properties: { phase: "request" } },
          resource: { type: "model", id, properties: model.facts },
        }));
        const decisions =
          calls.length === 0
            ? []
            : await askAbout(parts, exchange, calls, Object.keys(modelDuties), { passing: true });
        const shown = new Map(
          listed.flatMap(({ id, model }, i) =>
            decisions[i]?.allow === true ? [[model.upstreamModel, id] as const] : [],
          ),
        );
        return { models: objects(said["models"]).flatMap((one) => renamed(one, shown) ?? []) };
      },
    },
  };
}

const objects = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

function renamed(one: JsonObject, shown: ReadonlyMap<string, string>): JsonObject | undefined {
  const { name = null } = one;
  // Ollama adds the tag that stands for none
  const id =
    typeof name === "string" ? (shown.get(name) ?? shown.get(name.replace(/:latest$/, ""))) : undefined;
  return id === undefined ? undefined : { ...one, name: id, model: id };
}
