/** What is kept until the clock may change it is the decision until then, whatever else the policy does. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Json } from "../../../../sidecar/contract.js";
import { stringifyJson } from "../../../../sidecar/contract.js";
import { createToolchain } from "../../../../sidecar/rego/toolchain.js";
import { createRandom } from "../../../filters/policies.js";
import { anyTimed, beginning, timedData } from "./clocked.js";
import { anyPolicy } from "./policies.js";
import { asker } from "./prove.js";
import { createWorld } from "./world.js";

const long = Number(process.env["CACHE_PROOF_PAIRS"] ?? 0) > 0;
const seed = Number(process.env["CACHE_PROOF_SEED"] ?? 20_261_122);
const toolchain = createToolchain({});
const figures = { pairs: 0, bounded: 0, turned: 0 };
const wrong: string[] = [];

async function round(from: number): Promise<void> {
  let nowNs = beginning;
  const policies = Array.from({ length: long ? 20 : 6 }, (_, i) =>
    anyPolicy(createRandom(from + i), `p${from + i}`, "v1", true),
  );
  const world = await createWorld(toolchain, policies, "v1", timedData, () => nowNs);
  const random = createRandom(from);
  const inputs = Array.from({ length: long ? 40 : 25 }, () => anyTimed(random));
  const decide = (
    entrypoint: string,
    input: Json,
    at: bigint,
  ): { readonly told: string; readonly until: number | undefined } => {
    nowNs = at;
    const answer = world.bundle.policy.evaluate(entrypoint, input);
    const { until, ...rest } = { until: undefined, ...answer };
    return { told: stringifyJson(rest as unknown as Json), until };
  };
  for (const { facts, key } of world.bundle.entrypoints.values()) {
    if (key === undefined || facts.clock !== "bounded") continue;
    figures.bounded++;
    const kept = new Map<
      string,
      { readonly told: string; readonly from: bigint; readonly until: bigint; readonly input: Json }
    >();
    for (const input of inputs) {
      const at = beginning + BigInt(random.below(8_000_000)) * random.of([1n, 1_000n, 1_000_000n]);
      const first = decide(facts.path, input, at);
      // failures and what is undefined aren't kept
      if (!first.told.startsWith('{"kind":"value"')) continue;
      const end = first.until === undefined ? at + 10n ** 17n : BigInt(first.until) * 1_000_000n;
      const named = key(input, asker) ?? "";
      const known = kept.get(named);
      const moments =
        end <= at
          ? []
          : [
              at,
              at + (end - at) / 2n,
              end - 1n,
              at + BigInt(random.below(Number((end - at) % 1_000_000_007n) + 1)),
            ];
      for (const moment of moments) {
        figures.pairs++;
        const later = decide(facts.path, input, moment);
        if (later.told !== first.told) {
          wrong.push(
            `${facts.path} at ${at}, until ${end}: ${first.told}; at ${moment}: ${later.told}\n${stringifyJson(input)}`,
          );
        }
      }
      if (known !== undefined && known.from <= at && at < known.until && known.told !== first.told) {
        wrong.push(
          `${facts.path}: one key, at ${known.from} ${known.told}, at ${at} ${first.told}\n${stringifyJson(known.input)}\n${stringifyJson(input)}`,
        );
      }
      if (known === undefined) kept.set(named, { told: first.told, from: at, until: end, input });
      if (first.until !== undefined && decide(facts.path, input, end + 1_000_000n).told !== first.told)
        figures.turned++;
    }
  }
}

beforeAll(async () => {
  for (let n = 0; n < (long ? 6 : 1); n++) await round(seed + 100 * n);
  if (long) console.info(JSON.stringify(figures));
}, 3_600_000);
afterAll(() => toolchain.close());

test("a decision holds until the moment that it names", () => {
  expect(wrong.slice(0, 3).join("\n\n")).toBe("");
  expect(figures.pairs).toBeGreaterThan(500);
  // and many change then
  expect(figures.turned).toBeGreaterThan(20);
});
