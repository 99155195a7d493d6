/** What ends the reuse of a decision, in every order that a link and two clocks can bring. */
import { expect, test } from "@jest/globals";
import type { Ask } from "../../../gateway/ask.js";
import { createReuse } from "../../../gateway/reuse/reuse.js";
import type { Decision, DecisionRequest } from "../../../sidecar/contract.js";

const at0 = Date.parse("2026-11-22T10:00:00Z");

function lab(decided: Partial<Decision> = {}) {
  const at = { now: at0, clock: 0 };
  let asked = 0;
  const fenced = { is: false };
  const reuse = createReuse({
    live: { fencing: () => (fenced.is ? { id: "f", match: { subject: "ann" } } : undefined) },
    newId: () => `new-${Math.random()}`,
    now: () => at.now,
    clock: () => at.clock,
  });
  const ask: Ask = () => {
    asked++;
    return Promise.resolve([
      {
        ...{
          decision_id: `d${asked}`,
          allow: true,
          reasons: [],
          obligations: [],
          labels: [],
          ttl: 60,
          rules: [],
        },
        ...{ cache: "l1", bundles: {}, reusable: true, expires_at: new Date(at0 + 30_000).toISOString() },
        subject: { type: "user", id: "ann", tenant: "acme", handles: ["subject:ann", "tenant:acme"] },
        ...decided,
      } as Decision,
    ]);
  };
  const question = (more: Partial<DecisionRequest> = {}, id = "r"): DecisionRequest =>
    ({
      calls: [
        {
          kind: "model",
          action: { name: "model.invoke", properties: {} },
          resource: { type: "model", id: "m", properties: {} },
        },
      ],
      credentials: { bearer: "token" },
      context: { request: { id, method: "POST", path: "/" } },
      obligations: [],
      task: { issue: true },
      ...more,
    }) as unknown as DecisionRequest;
  const isReused = async (more?: Partial<DecisionRequest>, id?: string): Promise<boolean> => {
    const before = asked;
    const [decision] = await reuse.ask(question(more, id), ask);
    expect(decision?.reused !== undefined).toBe(asked === before);
    return asked === before;
  };
  const hear = (): void => {
    reuse.fences({ kind: "all", fences: [] });
    reuse.epochs({ kind: "listening", handles: [] });
  };
  return { at, reuse, ask, question, isReused, hear, fenced };
}

test("nothing is kept before it is heard that all is told", async () => {
  const { isReused, hear, reuse } = lab();
  expect([await isReused(), await isReused()]).toEqual([false, false]);
  reuse.fences({ kind: "all", fences: [] });
  expect([await isReused(), await isReused()]).toEqual([false, false]);
  hear();
  expect([await isReused(), await isReused({}, "another")]).toEqual([false, true]);
});

type Lab = ReturnType<typeof lab>;
const ends: { name: string; make: (one: Lab) => void }[] = [
  { name: "the link is lost", make: ({ reuse }) => void reuse.lost() },
  {
    name: "the link is lost and back",
    make: ({ reuse, hear }) => {
      reuse.lost();
      hear();
    },
  },
  { name: "bumps may be missed", make: ({ reuse }) => void reuse.epochs({ kind: "deaf", handles: [] }) },
  {
    name: "bumps were missed",
    make: ({ reuse, hear }) => {
      reuse.epochs({ kind: "deaf", handles: [] });
      hear();
    },
  },
  { name: "policies are others", make: ({ reuse }) => void reuse.epochs({ kind: "changed", handles: [] }) },
  {
    name: "the caller is bumped",
    make: ({ reuse }) => void reuse.epochs({ kind: "bumped", handles: ["subject:ann"] }),
  },
  {
    name: "the caller is bumped in its tenant",
    make: ({ reuse }) => void reuse.epochs({ kind: "bumped", handles: ["tenant:acme\nsubject:ann"] }),
  },
  {
    name: "everything is bumped",
    make: ({ reuse }) => void reuse.epochs({ kind: "bumped", handles: ["everything:*"] }),
  },
  { name: "fences are stale", make: ({ reuse }) => void reuse.fences({ kind: "stale", fences: [] }) },
  {
    name: "the sidecar says nothing",
    make: ({ at }) => {
      at.clock += 3_000;
    },
  },
  {
    name: "it has expired",
    make: ({ at }) => {
      at.now += 30_000;
    },
  },
  {
    name: "it has expired by the other clock, though this one was set back",
    make: ({ at, hear }) => {
      at.now -= 86_400_000;
      at.clock += 30_000;
      hear();
    },
  },
  {
    name: "a fence fits",
    make: ({ fenced }) => {
      fenced.is = true;
    },
  },
];
test.each(ends)("a decision isn't given again when $name", async ({ make }) => {
  const one = lab();
  one.hear();
  expect([await one.isReused(), await one.isReused()]).toEqual([false, true]);
  make(one);
  expect(await one.isReused()).toBe(false);
});

test("one who isn't meant is left alone", async () => {
  const { isReused, hear, reuse } = lab();
  hear();
  await isReused();
  reuse.epochs({ kind: "bumped", handles: ["subject:bob", "tenant:globex\nsubject:ann", "task:t"] });
  reuse.fences({ kind: "added", fences: [] });
  expect(await isReused()).toBe(true);
});

test.each(["bumped", "changed", "deaf", "listening"] as const)(
  "what was asked before news of the kind %s, and answered after, isn't kept",
  async (kind) => {
    const { reuse, ask, question, isReused, hear } = lab();
    hear();
    await reuse.ask(question(), (request) => {
      reuse.epochs({ kind, handles: ["subject:ann"] });
      return ask(request);
    });
    expect(await isReused()).toBe(false);
  },
);

test("what was asked under another configuration, and answered after, isn't kept", async () => {
  const { reuse, ask, question, isReused, hear } = lab();
  hear();
  await reuse.ask(question(), (request) => {
    reuse.clear();
    return ask(request);
  });
  expect(await isReused()).toBe(false);
});

const others: { name: string; more: Partial<DecisionRequest> }[] = [
  { name: "another token", more: { credentials: { bearer: "other" } } },
  { name: "a proof", more: { credentials: { bearer: "token", dpop: { token: "t", proof: "p" } } } },
  {
    name: "a workload's proof",
    more: { credentials: { bearer: "token", workload: { token: "t", proof: "p" } } },
  },
  { name: "a transaction token", more: { credentials: { bearer: "token", transaction: "t" } } },
  { name: "a proxy's word", more: { credentials: { bearer: "token", xfcc: { proxy: "p", value: "v" } } } },
  { name: "another certificate", more: { credentials: { bearer: "token", certificates: ["c"] } } },
  {
    name: "another address",
    more: { context: { request: { id: "r", method: "POST", path: "/" }, source: { ip: "10.0.0.1" } } },
  },
  { name: "another path", more: { context: { request: { id: "r", method: "POST", path: "/other" } } } },
  { name: "other duties", more: { obligations: ["mask"] } },
  { name: "a task token", more: { task: { issue: true, token: "t" } } },
  { name: "a hint", more: { task: { issue: true, hints: [{ kind: "thread", value: "v" }] as never } } },
  { name: "a task's end", more: { task: { end: true } } },
  { name: "an assertion", more: { assertion: { audience: "a" } as never } },
  { name: "two calls", more: { calls: [lab().question().calls, lab().question().calls].flat() as never } },
];
test.each(others)("$name is another question, or one that is always asked", async ({ more }) => {
  const { isReused, hear } = lab();
  hear();
  await isReused();
  expect(await isReused()).toBe(true);
  expect(await isReused(more)).toBe(false);
});

const notKept: { name: string; decided: Partial<Decision> }[] = [
  { name: "the sidecar doesn't say so", decided: { reusable: undefined as never } },
  { name: "it is a denial", decided: { allow: false } },
  { name: "no fence would find it", decided: { subject: { type: "user", id: "ann", tenant: "acme" } } },
  { name: "it has ended", decided: { expires_at: new Date(at0).toISOString() } },
  { name: "its end isn't a time", decided: { expires_at: "soon" } },
];
test.each(notKept)("a decision isn't kept where $name", async ({ decided }) => {
  const { isReused, hear } = lab(decided);
  hear();
  expect([await isReused(), await isReused()]).toEqual([false, false]);
});

test("what is given again names no task, no token, and the decision that was made", async () => {
  const { reuse, ask, question, hear } = lab({
    task: { id: "t1", lineage: ["t1"], proven: false },
    task_token: { token: "x", expires_at: "2026-11-22T10:00:30Z" },
  });
  hear();
  await reuse.ask(question(), ask);
  const [again] = await reuse.ask(question(), ask);
  expect(again).toMatchObject({ allow: true, reused: "d1" });
  expect(again?.decision_id).toMatch(/^new-/);
  expect([again?.task, again?.task_token, again?.reusable]).toEqual([undefined, undefined, undefined]);
});
