import { expect, test } from "@jest/globals";
import type { StoreConfig } from "../../../../gateway/retrieval/config.js";
import { createAddresses } from "../../../../gateway/retrieval/serve/addresses.js";

const store = (name: string, url: string): StoreConfig =>
  ({ name, upstream: { url: new URL(url) } }) as unknown as StoreConfig;

test("an address counts for a while, of its own store and path only", () => {
  let now = 0;
  const addresses = createAddresses(() => now, 1_000);
  const [one, other, moved] = [store("a", "http://x"), store("b", "http://x"), store("a", "http://y")];
  addresses.keep(one, "/c", { status: 200, value: "id" });
  expect(addresses.get(one, "/c")).toEqual({ status: 200, value: "id" });
  for (const [of, path] of [
    [one, "/d"],
    [other, "/c"],
    [moved, "/c"],
  ] as const)
    expect(addresses.get(of, path)).toBeUndefined();
  now = 999;
  expect(addresses.get(one, "/c")).toBeDefined();
  now = 1_000;
  expect(addresses.get(one, "/c")).toBeUndefined();
  addresses.keep(one, "/c", { status: 200, value: "id" });
  addresses.drop(one, "/c");
  expect(addresses.get(one, "/c")).toBeUndefined();
});
