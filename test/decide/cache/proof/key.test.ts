/**
 * The cache's proof: generated policies, built by the real toolchain, asked by the real evaluator, keyed by the real keyer.
 * Equal keys mean equal decisions, rules and failures; without any one thing that is in a key, they wouldn't.
 *
 * `CACHE_PROOF_PAIRS`: questions that differ in one place, in all (`make test-all`: 100,000). `CACHE_PROOF_SEED`: where to begin;
 * a failure names the seed of its policy, which alone is then built with `CACHE_PROOF_ONLY=<dialect>:<seed>`.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { stringifyJson } from "../../../../sidecar/contract.js";
import { createToolchain } from "../../../../sidecar/rego/toolchain.js";
import { createRandom } from "../../../filters/policies.js";
import type { Dialect } from "./policies.js";
import { anyPolicy } from "./policies.js";
import type { Unsound } from "./prove.js";
import { noFigures, prove } from "./prove.js";
import { anyOf } from "./values.js";
import { dataShape } from "./vocabulary.js";
import { weaker } from "./weaken.js";
import { createWorld } from "./world.js";

const pairs = Number(process.env["CACHE_PROOF_PAIRS"] ?? 0);
const seed = Number(process.env["CACHE_PROOF_SEED"] ?? 20_261_122);
const only = process.env["CACHE_PROOF_ONLY"]?.split(":");
/** Policies in one build. */
const atOnce = only === undefined ? (pairs > 0 ? 24 : 10) : 1;
const effort = { inputs: 6, changes: only === undefined ? 14 : 60, patches: 8 };

const toolchain = createToolchain({});
const figures = noFigures();
const unsound: string[] = [];
let refused = 0;

async function round(dialect: Dialect, from: number): Promise<void> {
  const policies = Array.from({ length: atOnce }, (_, i) =>
    anyPolicy(createRandom(from + i), `p${from + i}`, dialect),
  );
  const data = stringifyJson(anyOf(createRandom(from), dataShape) ?? {});
  const world = await createWorld(toolchain, policies, dialect, data);
  refused += policies.length - world.policies.length;
  for (const policy of world.policies) {
    const policySeed = Number(policy.name.slice(1));
    const found = prove(world, policy, createRandom(policySeed), effort, figures);
    const [first] = found.sort((a, b) => sizeOf(a) - sizeOf(b));
    if (first === undefined) continue;
    const { facts } = world.keyers.get(first.entrypoint) ?? {};
    const { entrypoint, one, other } = first;
    const shown = [one, other].map(({ input, ...rest }) => ({ input: stringifyJson(input), ...rest }));
    const told = { found: found.length, entrypoint, shown, facts };
    unsound.push(
      `CACHE_PROOF_ONLY=${dialect}:${policySeed}\n${JSON.stringify(told, undefined, 1)}\n${Object.values(policy.files).join("\n")}`,
    );
  }
}

function sizeOf({ one, other }: Unsound): number {
  return stringifyJson(one.input).length + stringifyJson(other.input).length;
}

beforeAll(async () => {
  if (only !== undefined) return round(only[0] === "v0" ? "v0" : "v1", Number(only[1]));
  let from = seed;
  do {
    await round("v1", from);
    await round("v0", from + atOnce);
    from += 2 * atOnce;
  } while (figures.pairs < pairs);
  const { weak, ...rest } = figures;
  if (pairs > 0) console.info(JSON.stringify({ ...rest, refused, weak: weak.size }));
}, 3_600_000);
afterAll(() => toolchain.close());

test("equal keys mean equal decisions", () => {
  expect(unsound.slice(0, 3).join("\n\n")).toBe("");
  expect(figures.equal).toBeGreaterThan(figures.pairs / 4);
});

test.each(["input", "lookup", "data", "branch"] as const)(
  "a key without any one %s that matters is found out",
  (what) => {
    const { matter, caught } = figures.drops[what];
    expect(caught).toBe(matter);
    if (only === undefined) expect(matter).toBeGreaterThan(what === "lookup" ? 2 : 9);
  },
);

test("most keys that blur values are found out", () => {
  // all of them by the tables of forms.test.ts: here, few decisions tell 0 from -0
  if (only === undefined) expect(figures.weak.size).toBeGreaterThan(weaker.size / 2);
});

test("most of what is generated is Rego", () => {
  expect(figures.policies).toBeGreaterThan(refused * 8);
});
