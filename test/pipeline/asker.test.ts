/** For whom policy is asked: METADATA keeps results to a subject by this name. */
import { expect, test } from "@jest/globals";
import type { Identity } from "../../sidecar/contract.js";
import { askerOf } from "../../sidecar/pipeline/epoch.js";

const callers: readonly (readonly [issuer: string, id: string])[] = [
  ["https://a", "ann"],
  ["https://a", "bob"],
  ["https://b", "ann"],
  ["https://a ann", "b"],
  ["https://a", "ann b"],
  ["https://a", 'x","y'],
  ['https://a","x', "y"],
];

test("who isn't the same has another name", () => {
  const askers = callers.map(([issuer, id]) => askerOf({ issuer, id, tenant: "acme" } as Identity));
  expect(new Set(askers.map(({ subject }) => subject)).size).toBe(callers.length);
  for (const { tenant, task } of askers) expect([tenant, task]).toEqual(["acme", undefined]);
});
