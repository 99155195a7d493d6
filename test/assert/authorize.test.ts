/** Where signing stands among the steps: after the decision, before the record, and never in either. */
import { expect, test } from "@jest/globals";
import type { Assert } from "../../sidecar/assert/assert.js";
import { createAuthorize } from "../../sidecar/pipeline/authorize.js";
import type { Asked, Decided } from "../../sidecar/pipeline/refusal.js";
import type { State } from "../../sidecar/pipeline/remember.js";
import { nothingFenced } from "../../sidecar/state/fences/fences.js";
import { createMemoryEngine } from "../../sidecar/state/engine/memory.js";
import { createLimits } from "../../sidecar/state/limits/create-limits.js";
import type { BundleSet } from "../../sidecar/bundles/active.js";
import type { DecisionRequest, Json } from "../../sidecar/contract.js";
import type { Describer } from "../../sidecar/describe/describe.js";
import { mintIdentity } from "../../sidecar/identify/mint.js";
import { startTasks } from "../state/tasks/world.js";
import { caller } from "./facts.js";

const token = "head.body.signature";
const audience = "https://files.internal";
const request = {
  call: {
    kind: "tool",
    action: { name: "tool.call", properties: {} },
    resource: { type: "tool", id: "files/read", properties: {} },
  },
  credentials: {},
  context: { request: { id: "r", method: "POST", path: "/" } },
  obligations: [],
  assertion: { audience },
} as const satisfies DecisionRequest;

interface Setting {
  readonly result?: Json;
  readonly assert?: Assert;
  readonly record?: (decided: Decided) => void | Promise<void>;
  readonly state?: State;
}

function setUp({ result = { allow: true, ttl: 60 }, assert, record, state }: Setting) {
  const recorded: Decided[] = [];
  const entrypoint = "a/decision";
  const authorize = createAuthorize({
    identifier: {
      identify: () => Promise.resolve({ kind: "identified", identity: mintIdentity(caller()), cached: true }),
    },
    describer: { describe: () => ({}) } as unknown as Describer,
    evaluate: () => ({ kind: "evaluated", result, rules: [], cache: "l1", lookups: {}, micros: {} }),
    bundles: () =>
      ({
        bundles: [{ name: "b", revision: "r-7", entrypoints: new Map([[entrypoint, {}]]) }],
      }) as unknown as BundleSet,
    record(decided) {
      recorded.push(decided);
      return record?.(decided);
    },
    onRefused: () => undefined,
    ...(assert === undefined ? {} : { assert }),
    ...(state === undefined ? {} : { state }),
    entrypoint,
    newId: () => "d-1",
    now: () => 0,
    micros: () => 0,
  });
  const asked: Asked = { bytes: 1, by: "unix" };
  return { recorded, ask: async () => (await authorize(request, asked))[0] };
}

const signs: Assert = () => ({ kind: "asserted", assertion: { token, id: "j-1" }, kid: "k-1" });

test("an allow brings it; the record has its name, and nothing of the token", async () => {
  const { recorded, ask } = setUp({ assert: signs });
  expect(await ask()).toMatchObject({ allow: true, assertion: { token, id: "j-1" } });
  expect(recorded).toHaveLength(1);
  expect(recorded[0]?.asserted).toEqual({ id: "j-1", audience, kid: "k-1" });
  expect(JSON.stringify(recorded)).not.toContain("signature");
});

test("it is about this decision, by the revision that decided", async () => {
  const about: unknown[] = [];
  const { ask } = setUp({
    assert(wanted, { decisionId, revision, identity }) {
      about.push([wanted.audience, decisionId, revision, identity.id]);
      return signs(wanted, { decisionId, revision, identity });
    },
  });
  await ask();
  expect(about).toEqual([[audience, "d-1", "r-7", "agent:helper"]]);
});

const never: Assert = () => {
  throw new Error("signed what wasn't allowed");
};
test.each<readonly [string, Setting, string]>([
  [
    "a deny isn't signed",
    { result: { allow: false, reasons: [{ code: "no", message: "m" }] }, assert: never },
    "no",
  ],
  ["what is no decision isn't signed", { result: "yes", assert: never }, "invalid_decision"],
  [
    "a duty that can't be carried out isn't signed",
    { result: { allow: true, obligations: [{ id: "o", type: "t", properties: {} }] }, assert: never },
    "obligation_unsatisfiable",
  ],
  ["without a signer, an allow is a deny", {}, "assertion_unavailable"],
  [
    "what the signer refuses is a deny",
    { assert: () => ({ kind: "refused", code: "assertion_too_large" }) },
    "assertion_too_large",
  ],
  ["a bug of the signer is a deny", { assert: never }, "internal_error"],
  [
    "what can't be recorded isn't given out",
    { assert: signs, record: () => Promise.reject(new Error("full")) },
    "record_failed",
  ],
])("%s", async (_name, setting, code) => {
  const { ask, recorded } = setUp(setting);
  const decision = await ask();
  expect(decision).toMatchObject({ allow: false, reasons: [{ code }], obligations: [] });
  expect(decision).not.toHaveProperty("assertion");
  expect(recorded[0]?.decision).not.toHaveProperty("assertion");
});

test("what a call held that a bug denies afterwards is there for the next one", async () => {
  const { tasks } = await startTasks();
  let broken = true;
  const state: State = {
    tasks,
    engine: createMemoryEngine({ now: () => 0 }),
    limits: createLimits({ config: [], now: () => 0, onCounted: () => undefined }),
    fences: { mark: () => nothingFenced } as State["fences"],
    identityHandles: () => [],
    readFence: () => undefined,
    watch: {
      seen() {
        if (broken) throw new Error("a bug");
      },
    },
  };
  const properties = { name: "one", unit: "concurrent", amount: 1, key: { who: "a" } };
  const { ask } = setUp({
    result: { allow: true, obligations: [{ id: "o", type: "limit", properties }] },
    ...{ assert: signs, state },
  });
  expect(await ask()).toMatchObject({ allow: false, reasons: [{ code: "internal_error" }] });
  broken = false;
  expect(await ask()).toMatchObject({ allow: true, limits: [{ name: "one", remaining: 0 }] });
  expect(await ask()).toMatchObject({ allow: false, reasons: [{ code: "rate_limited" }] });
});
