/** What was asked most is asked again of a new bundle; what splits the cache is told without a value. */
import { expect, test } from "@jest/globals";
import type { ActiveBundle } from "../../../sidecar/bundles/active.js";
import type { Json } from "../../../sidecar/contract.js";
import { createKeyer } from "../../../sidecar/decide/cache/key.js";
import { createDecisionCache } from "../../../sidecar/decide/cache/layered.js";
import { createMemoryCache } from "../../../sidecar/decide/cache/memory.js";
import { Splits } from "../../../sidecar/decide/cache/splits.js";
import { createWarm } from "../../../sidecar/decide/cache/warm.js";
import { createEvaluate } from "../../../sidecar/decide/evaluate.js";

function world(most: number) {
  const asked: Json[] = [];
  const data = { whole: () => "", member: () => "" };
  const bundleOf = (version: string, name = "b"): ActiveBundle => {
    const facts = { path: "e", input: [["x"]], data: [], deterministic: true, nondeterministic: [] };
    const evaluateOne = (_entrypoint: string, input: Json) => {
      asked.push(input);
      return { kind: "value", value: { allow: true, version }, rules: [] };
    };
    return {
      ...{ name, rules: [], dataVersion: () => 0, policy: { evaluate: evaluateOne } },
      entrypoints: new Map([["e", { facts, key: createKeyer({ policyDigest: version, facts, data }) }]]),
    } as unknown as ActiveBundle;
  };
  let clock = 0;
  const micros = (): number => (clock += 300);
  const l1 = createMemoryCache({ maxEntries: 1_000, maxBytes: 1_000_000 });
  const cache = createDecisionCache({ l1, l2Mode: "never", now: () => 0, micros, random: () => 0 });
  const warm = createWarm(most, micros);
  const evaluate = createEvaluate({ cache, cacheTtl: 60, denyTtl: 60, warm, now: () => 0, micros });
  const ask = (bundle: ActiveBundle, input: Json) => evaluate(bundle, "e", input, { tenant: "t", epoch: 0 });
  return { bundleOf, ask, asked, warm, evaluate, cache };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("the questions that were asked most are asked of the new bundle, most of all first, a few at a time", async () => {
  const { bundleOf, ask, asked, warm, evaluate } = world(20);
  const [before, after] = [bundleOf("1"), bundleOf("2")];
  const changing = { x: 0, other: "as it was" };
  for (let n = 0; n < 64 * 200; n++) {
    changing.x = n % 3 === 0 ? 7 : n % 10;
    await ask(before, changing);
  }
  changing.other = "changed since";
  asked.length = 0;
  warm.activated(after, evaluate);
  expect(asked).toEqual([]);
  await turn();
  const first = asked.length;
  for (let n = 0; n < 10; n++) await turn();
  expect(asked[0]).toMatchObject({ x: 7, other: "as it was" });
  expect(asked).toHaveLength(10);
  expect(first).toBeLessThan(10);
  // and who asks finds it
  expect(await ask(after, { x: 7 })).toMatchObject({ cache: "l1", result: { version: "2" } });
  expect(asked).toHaveLength(10);
});

test("a newer version is asked in the place of one that is over, another bundle's questions stay, and there are never more than so many", async () => {
  const { bundleOf, ask, asked, warm, evaluate } = world(5);
  const [one, other] = [bundleOf("1"), bundleOf("9", "other")];
  for (let n = 0; n < 64 * 500; n++) {
    await ask(one, { x: n % 50 });
    if (n % 5 === 0) await ask(other, { x: "of the other" });
  }
  asked.length = 0;
  warm.activated(bundleOf("2"), evaluate);
  warm.activated(bundleOf("3"), evaluate);
  for (let n = 0; n < 10; n++) await turn();
  warm.activated(bundleOf("10", "other"), evaluate);
  for (let n = 0; n < 10; n++) await turn();
  expect(asked.length).toBeLessThanOrEqual(5);
  expect(await ask(bundleOf("2"), asked[0] ?? {})).toMatchObject({ cache: "none" });
  expect(asked).toContainEqual({ x: "of the other" });
});

test("fields are told by how many values they had, and no value is", () => {
  const splits = new Splits();
  const paths = [["subject", "id"], ["subject", "groups"], ["action"], ["none"]];
  for (let n = 0; n < 900; n++)
    splits.note(paths, { subject: { id: `secret-${n}`, groups: [n % 20, "g"] }, action: "read" });
  const [id, groups, ...rest] = splits.told();
  expect(id?.path).toEqual(["subject", "id"]);
  expect(id?.values).toBeGreaterThan(800);
  expect(id?.values).toBeLessThan(1_000);
  expect(groups).toEqual({ path: ["subject", "groups"], values: 20 });
  expect(rest).toEqual([]);
  expect(JSON.stringify(splits)).not.toContain("secret");
  // the same fields of a version that was loaded again go on; others begin anew
  splits.note(structuredClone(paths), { action: "write" });
  expect([splits.looked, splits.told()[2]]).toEqual([901, { path: ["action"], values: 2 }]);
  for (const city of ["a", "b"]) splits.note([["city"]], { city });
  expect([splits.looked, splits.told()]).toEqual([2, [{ path: ["city"], values: 2 }]]);
});
