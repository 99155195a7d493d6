/** The engine beside `@open-policy-agent/opa-wasm`, the SDK that others use, where the two must agree. */
import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { readBundle } from "../../sidecar/rego/read.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

interface OpaWasm {
  loadPolicySync(
    wasm: Uint8Array,
    memory: { initial: number },
    builtins: Record<string, unknown>,
  ): { setData(data: unknown): void; evaluate(input: unknown, entrypoint: string): { result: unknown }[] };
}
const opaWasm = createRequire(import.meta.url)("@open-policy-agent/opa-wasm") as OpaWasm;
const entrypoint = "countersign/decision";
let ours: Policy;
let theirs: ReturnType<OpaWasm["loadPolicySync"]>;

const toolchain = createToolchain({});
afterAll(() => toolchain.close());
beforeAll(async () => {
  const read = await readBundle(new URL("../../../policies", import.meta.url).pathname);
  if (read.kind !== "source") throw new Error(read.kind);
  const built = await toolchain.build({ files: read.files });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
  const { data } = built.result;
  ours = loadPolicy({ wasm, data, budget: 10_000_000, maxPages: 1_024, builtins: serveBuiltins() });
  theirs = opaWasm.loadPolicySync(wasm, { initial: 200 }, { "countersign.rule_held": () => true });
  theirs.setData(JSON.parse(data));
});

const group = fc.constantFrom("engineering", "support", "finance", "data-science", "contractors");
const input = fc.record({
  subject: fc.record({
    type: fc.constantFrom("user", "agent", "service"),
    id: fc.constantFrom("ann", "bob", "agent-1"),
    properties: fc.record({
      tenant: fc.constantFrom("acme", "globex", ""),
      groups: fc.array(group, { maxLength: 3 }),
      roles: fc.array(fc.constantFrom("admin", "dev"), { maxLength: 2 }),
      assurance: fc.constantFrom("low", "substantial", "high"),
      chain: fc.array(
        fc.record({ type: fc.constantFrom("user", "agent"), id: fc.string({ maxLength: 5 }) }),
        {
          maxLength: 3,
        },
      ),
    }),
  }),
  action: fc.record({
    name: fc.constantFrom(
      "model.invoke",
      "model.list",
      "tool.call",
      "tool.list",
      "retrieval.query",
      "nonsense",
    ),
    properties: fc.record({
      phase: fc.constantFrom("request", "response"),
      stream: fc.boolean(),
      parameters: fc.dictionary(fc.constantFrom("max_tokens", "temperature", "model"), fc.integer(), {
        noNullPrototype: true,
      }),
    }),
  }),
  resource: fc.record({
    type: fc.constantFrom("model", "tool", "collection"),
    id: fc.constantFrom("gpt-4o", "gpt-4o-mini", "claude-sonnet-4", "tickets.delete", "handbook", "unknown"),
    properties: fc.record({
      provider: fc.constantFrom("openai", "anthropic"),
      region: fc.constantFrom("eu", "us"),
      classification: fc.constantFrom("public", "restricted"),
    }),
  }),
  context: fc.record({
    source: fc.record({
      ip: fc.constantFrom("10.0.0.1", "203.0.113.9"),
      network: fc.constantFrom("office", "internet"),
    }),
    environment: fc.constantFrom("production", "staging"),
    time: fc.record({ hour: fc.integer({ min: 0, max: 23 }) }),
  }),
});

/** The order of items isn't what opa-wasm promises. */
function unordered(value: Json): Json {
  if (Array.isArray(value))
    return value.map(unordered).sort((a, b) => (stringifyJson(a) < stringifyJson(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, unordered(member as Json)]),
  );
}

describe("the shipped policies decide as with opa-wasm", () => {
  test("on 1,000 inputs", () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(input, (one) => {
        const text = JSON.stringify(one);
        const answer = ours.evaluate(entrypoint, parseJson(text));
        const [other] = theirs.evaluate(JSON.parse(text), entrypoint);
        if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
        expect(stringifyJson(unordered(parseJson(stringifyJson(answer.value))))).toBe(
          stringifyJson(unordered(parseJson(JSON.stringify(other?.result)))),
        );
        outcomes.add(JSON.stringify((answer.value as { allow: boolean }).allow));
      }),
      { numRuns: 1_000 },
    );
    expect([...outcomes]).toContain("false");
  });
});
