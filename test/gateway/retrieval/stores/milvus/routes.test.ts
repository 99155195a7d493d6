import { describe, expect, test } from "@jest/globals";
import type { StoreRequest } from "../../../../../gateway/retrieval/adapter.js";
import type { StoreConfig } from "../../../../../gateway/retrieval/config.js";
import { classify } from "../../../../../gateway/retrieval/stores/milvus/classify.js";
import { routes } from "../../../../../gateway/retrieval/stores/milvus/routes.js";

const store = { settings: { database: "default" }, byName: () => undefined } as unknown as StoreConfig;
const request = (path: string, body: unknown, method: StoreRequest["method"] = "POST"): StoreRequest => ({
  ...{
    kind: "request",
    method,
    segments: path.split("/").slice(1),
    query: new Map(),
    form: "json",
    headers: {},
  },
  body: body as never,
});

describe("every route is decided, or denied by name", () => {
  test.each(routes.map((one) => [one.name, one] as const))("%s", (_name, route) => {
    if (route.treated === "denied") {
      const said = classify(request(route.path, {}), store);
      expect(said).toMatchObject({ kind: "refusal", code: "unknown_operation" });
      expect(route.why).not.toBe("");
      return;
    }
    expect(route.handled ?? route.managed).toBeDefined();
    expect(classify(request(route.path, {}, "GET"), store)).toMatchObject({ code: "method_not_allowed" });
    // a member that isn't known
    expect(classify(request(route.path, { collectionName: "x", COLLECTIONNAME: "y" }), store)).toMatchObject({
      ...{ kind: "refusal", code: "invalid_request" },
    });
    expect(classify(request(route.path, { dbName: "other" }), store)).toMatchObject({
      code: "unknown_collection",
    });
  });

  test.each([
    ["partitions/list", "Rooms", "collection.update"],
    ["partitions/has", "Rooms", "collection.update"],
    ["partitions/list", "Docs", "collection.describe"],
    ["collections/describe", "Rooms", "collection.describe"],
  ])("who else is in a collection is for who manages it: %s of %s", (path, collectionName, action) => {
    const byName = (name: string) => (name === "Rooms" ? { namespaceField: "tenant" } : {});
    const body = { collectionName, ...(path === "partitions/has" ? { partitionName: "acme" } : {}) };
    const rooms = { ...store, byName } as unknown as StoreConfig;
    expect(classify(request(`/v2/vectordb/${path}`, body), rooms)).toMatchObject({ asks: [{ action }] });
  });

  test("each once, and nothing else", () => {
    expect(new Set(routes.map(({ path }) => path)).size).toBe(routes.length);
    for (const path of [
      "/v2/vectordb/entities/search/",
      "/v2/vectordb/Entities/search",
      "/v1/vector/search",
      "/",
    ])
      expect(classify(request(path, {}), store)).toMatchObject({ code: "unknown_route" });
  });

  test.each<[string, string, Record<string, string>, string[]]>([
    ["an alias is a collection", "aliases/create", { collectionName: "a", aliasName: "b" }, ["a", "b"]],
    ["an alias that is turned", "aliases/alter", { collectionName: "a", aliasName: "b" }, ["a", "b"]],
    ["a new name", "collections/rename", { collectionName: "a", newCollectionName: "b" }, ["a", "b"]],
    ["one", "collections/drop", { collectionName: "a" }, ["a"]],
  ])("%s: each name is decided on", (_name, path, body, names) => {
    const said = classify(request(`/v2/vectordb/${path}`, body), store);
    expect(said).toMatchObject({ asks: names.map((name) => ({ name })) });
  });

  test.each<[string, string, Record<string, unknown>]>([
    [
      "to another database",
      "collections/rename",
      { collectionName: "a", newCollectionName: "b", newDbName: "c" },
    ],
    ["a name that is a pattern", "collections/drop", { collectionName: "a*" }],
    ["no name", "collections/drop", {}],
    ["a list of one", "collections/list", { collectionName: "a" }],
  ])("%s is refused", (_name, path, body) => {
    expect(classify(request(`/v2/vectordb/${path}`, body), store)).toMatchObject({ code: "invalid_request" });
  });
});
