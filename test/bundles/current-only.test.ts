/** No result comes under a key that names other data than it was made from. */
import { expect, test } from "@jest/globals";
import type { Operation } from "../../sidecar/bundles/change-json.js";
import { currentOnly } from "../../sidecar/bundles/current-only.js";
import { createDocuments } from "../../sidecar/bundles/documents.js";
import type { DecisionCache } from "../../sidecar/decide/cache/layered.js";

test("what was asked before a change isn't stored after it, not even when the data are again what they were", () => {
  const stored: string[] = [];
  const inner: DecisionCache = {
    lookup: () => undefined,
    store: (key) => stored.push(key),
    noteEvaluation: () => undefined,
    close: () => Promise.resolve(),
  };
  const documents = createDocuments();
  const cache = currentOnly(inner, documents);
  const write = (operation: Operation): void => {
    const outcome = documents.change([operation], () => false);
    if (outcome.kind === "changed") outcome.commit();
  };
  const store = (key: string): void => {
    cache.store(key, { result: true, rules: [], expiresAt: 0 }, "a/b");
  };
  const before = `${documents.digest("all")}rest`;
  store(before);
  expect(stored).toEqual([before]);
  write({ op: "add", path: ["a"], value: 1 });
  store(before);
  const between = `${documents.digest("all")}rest`;
  write({ op: "remove", path: ["a"] });
  store(before);
  store(between);
  expect(stored).toEqual([before]);
  expect(`${documents.digest("all")}rest`).toBe(before);
  store(before);
  expect(stored).toEqual([before, before]);
});
