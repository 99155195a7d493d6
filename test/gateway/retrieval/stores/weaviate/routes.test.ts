import { expect, test } from "@jest/globals";
import type { StoreRequest } from "../../../../../gateway/retrieval/adapter.js";
import type { StoreConfig } from "../../../../../gateway/retrieval/config.js";
import { classify } from "../../../../../gateway/retrieval/stores/weaviate/classify.js";
import { matchRoute, routes } from "../../../../../gateway/retrieval/stores/weaviate/routes.js";

const store = { settings: {}, byName: () => undefined } as unknown as StoreConfig;
const request = (method: string, path: string): StoreRequest => ({
  ...{ kind: "request", query: new Map(), form: "json", headers: {}, body: {} },
  method: method as StoreRequest["method"],
  segments: path
    .replace(/\{\w+\}/g, "x")
    .split("/")
    .slice(1)
    .filter((one) => one !== ""),
});

test.each(routes.map((one) => [one.name, one] as const))("%s", (_name, route) => {
  const asked = request(route.method, route.path);
  const found = matchRoute(asked);
  // what is written out goes before what varies
  expect(typeof found === "object" ? found.route : found).toBe(route);
  const said = classify(asked, store);
  if (route.treated === "denied") {
    expect(route.why).not.toBe("");
    expect(said).toMatchObject({ kind: "refusal", code: "unknown_operation" });
  } else expect(route.handled).toBeDefined();
});

test("nothing else", () => {
  expect(classify(request("GET", "/v1/other"), store)).toMatchObject({ code: "unknown_route" });
  expect(classify(request("GET", "/v2/objects"), store)).toMatchObject({ code: "unknown_route" });
  expect(classify(request("DELETE", "/v1/graphql"), store)).toMatchObject({ code: "method_not_allowed" });
  expect(new Set(routes.map(({ name }) => name)).size).toBe(routes.length);
});

test.each([
  ["/v1/schema/Rooms/tenants", "collection.update"],
  ["/v1/schema/Rooms/shards", "collection.update"],
  ["/v1/schema/Rooms", "collection.describe"],
  ["/v1/schema/Docs/tenants", "collection.describe"],
])("who else is in a collection is for who manages it: %s", (path, action) => {
  const rooms = {
    ...store,
    byName: (name: string) => (name === "Rooms" ? { namespaceField: "tenant" } : {}),
  };
  const asked = { ...request("GET", path), form: "none", body: undefined } as const;
  expect(classify(asked, rooms as unknown as StoreConfig)).toMatchObject({ asks: [{ action }] });
});
