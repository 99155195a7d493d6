/** What is derived of a rule holds of a document where the rule does: random rules, callers and documents. */
import { afterAll, expect, test } from "@jest/globals";
import { holds } from "../../gateway/retrieval/conditions/holds.js";
import { createPolicyData } from "../../sidecar/bundles/data-names.js";
import type { Json } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { conditionOf } from "../../sidecar/filters/condition-of.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { anyCaller, anyDocument, anyPolicy, createRandom, facts } from "./policies.js";

/** Comparisons in all; `make test-all` asks for more. */
const total = Number(process.env["DIFFERENTIAL_RUNS"] ?? 2_500);
const seed = Number(process.env["FILTER_SEED"] ?? 20_261_121);
const rulesAtOnce = 40;
const callers = 8;
const documents = 25;
const rounds = Math.max(1, Math.round(total / (rulesAtOnce * callers * documents)));

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

test.each(Array.from({ length: rounds }, (_, round) => seed + round))(
  "seed %d",
  async (from) => {
    const random = createRandom(from);
    const names = Array.from({ length: rulesAtOnce }, (_, i) => `p${i}`);
    const policies = names.map((name) => anyPolicy(random, name));
    const built = await toolchain.build({
      files: {
        ...Object.fromEntries(policies.map((policy, i) => [`p${i}.rego`, policy])),
        "data.json": JSON.stringify({ facts }),
      },
      entrypoints: names.map((name) => `${name}/include`),
    });
    if (built.kind === "rejected") {
      const [error] = built.errors;
      throw new Error(`${JSON.stringify(error)}\n${policies[Number(error?.file?.match(/\d+/)?.[0])] ?? ""}`);
    }
    const policy = loadPolicy({
      wasm: new Uint8Array(Buffer.from(built.result.wasm, "base64")),
      data: built.result.data,
      budget: 20_000_000,
      maxPages: 1_024,
      builtins: serveBuiltins(),
    });
    const seen = { yes: 0, no: 0, failed: 0 };
    const wrong: unknown[] = [];
    for (const [i, name] of names.entries()) {
      const entrypoint = `countersign_filter/${name}/include`;
      const reads = built.result.entrypoints.find(({ path }) => path === entrypoint);
      expect(reads?.input.some((path) => path.join() === "resource,document")).toBe(false);
      if (reads === undefined) throw new Error(`no facts: ${entrypoint}`);
      const policyData = createPolicyData({ policy, digest: "", size: built.result.data.length });
      const key = createKeyer({ policyDigest: "d", facts: reads, data: policyData.namesFor(reads) });
      const keyed = new Map<string, string>();
      for (let c = 0; c < callers; c++) {
        const subject = anyCaller(random) as Json;
        const resource = { kind: random.of(["k", "l"]) };
        const input = { subject, resource } as Json;
        const answer = policy.evaluate(entrypoint, input);
        if (answer.kind !== "value")
          throw new Error(`${answer.kind}: ${JSON.stringify(answer)}\n${policies[i] ?? ""}`);
        const derived = conditionOf(answer.value);
        if (derived.kind !== "derived")
          throw new Error(`${derived.kind}: ${JSON.stringify(answer.value)}\n${policies[i] ?? ""}`);
        const text = JSON.stringify(derived.condition);
        const named = key(input, { tenant: "t", epoch: 0 }) ?? "";
        expect(keyed.get(named) ?? text).toBe(text);
        keyed.set(named, text);
        for (let d = 0; d < documents; d++) {
          const document = anyDocument(random);
          const direct = policy.evaluate(`${name}/include`, {
            subject,
            resource: { ...resource, document },
          } as Json);
          // two values of one rule: whoever asks for one document is denied
          if (direct.kind === "failed") {
            seen.failed++;
            continue;
          }
          const expected = direct.kind === "value" && direct.value === true;
          seen[expected ? "yes" : "no"]++;
          if (holds(derived.condition, document) !== expected)
            wrong.push({ expected, subject, resource, document, condition: text, policy: policies[i] });
        }
      }
    }
    if (wrong.length > 0) throw new Error(`${wrong.length} differ, e.g. ${format(wrong)}`);
    // the grammar makes rules that tell documents apart
    expect(seen.yes).toBeGreaterThan(rulesAtOnce * 10);
    expect(seen.no).toBeGreaterThan(rulesAtOnce * 10);
    expect(seen.failed).toBeLessThan((seen.yes + seen.no) / 10);
  },
  120_000,
);

function format(wrong: readonly unknown[]): string {
  const shortest = [...wrong].sort((a, b) => JSON.stringify(a).length - JSON.stringify(b).length)[0];
  const { policy, ...rest } = shortest as { policy: string };
  return `${JSON.stringify(rest)}\n${policy}`;
}
