/** What fences by itself: rules over what is seen, and obligations. */
import { describe, expect, test } from "@jest/globals";
import type { Handle, Json } from "../../../sidecar/contract.js";
import { Fields, Problems } from "../../../sidecar/contract.js";
import type { NewFence } from "../../../sidecar/state/fences/fences.js";
import { readFences } from "../../../sidecar/state/fences/config.js";
import { readFenceObligation } from "../../../sidecar/state/watch/obligation.js";
import type { Seen, Watch } from "../../../sidecar/state/watch/watch.js";
import { createWatch } from "../../../sidecar/state/watch/watch.js";
import { open } from "../fences/world.js";

const handles: Handle[] = [
  ...["subject:agent:helper", "tenant:acme", "chain:ann", "chain:agent:helper", "session:s-1"],
  ...["token:j-1", "token:j-2", "tool:shell/run", "server:shell", "task:t-root", "task:t-1"],
];
const denied: Seen = { handles, decided: { allow: false, action: "tool.call", tool: "shell/run" } };
const allowed: Seen = { handles, decided: { allow: true, action: "tool.call", tool: "shell/run" } };

function read(rules: Json): { problems: readonly string[]; config: ReturnType<typeof readFences> } {
  const problems = new Problems();
  const fields = new Fields({ rules }, "fences", problems);
  const config = readFences(fields, problems);
  fields.end();
  return { problems: problems.list, config };
}

function begin(rules: Json, mostTimes?: number) {
  const { problems, config } = read(rules);
  expect(problems).toEqual([]);
  const set: NewFence[] = [];
  let at = 1_000_000_000;
  const watch: Watch = createWatch({
    rules: config.rules,
    fence: (fence) => set.push(fence),
    now: () => at,
    ...(mostTimes === undefined ? {} : { mostTimes }),
  });
  return { watch, set, pass: (ms: number) => (at += ms) };
}

describe("rules", () => {
  test("ten denials in a minute fence the task and who calls, once for each cool-down", () => {
    const { watch, set, pass } = begin([
      {
        ...{ name: "denials", when: { denials: 10, within: "60s" }, by: ["task", "subject"] },
        ...{ seconds: 600, cool_down: 120 },
      },
    ]);
    for (let i = 0; i < 9; i++) watch.seen(denied);
    for (let i = 0; i < 20; i++) watch.seen(allowed);
    expect(set).toEqual([]);
    watch.seen(denied);
    const reason = "rule denials: 10 denials within 60 s";
    expect(set).toEqual([
      { match: { tenant: "acme", task: "t-1" }, reason, by: "rule:denials", seconds: 600 },
      { match: { tenant: "acme", subject: "agent:helper" }, reason, by: "rule:denials", seconds: 600 },
    ]);
    for (let i = 0; i < 50; i++) watch.seen(denied);
    expect(set).toHaveLength(2);
    pass(120_001);
    for (let i = 0; i < 9; i++) watch.seen(denied);
    expect(set).toHaveLength(2);
    watch.seen(denied);
    expect(set).toHaveLength(4);
  });

  test("denials that lie further apart don't", () => {
    const { watch, set, pass } = begin([{ name: "denials", when: { denials: 3, within: "60s" } }]);
    for (let i = 0; i < 20; i++) {
      watch.seen(denied);
      pass(30_001);
    }
    expect(set).toEqual([]);
  });

  test("each caller is counted apart", () => {
    const { watch, set } = begin([{ name: "denials", when: { denials: 3, within: "60s" }, by: ["subject"] }]);
    for (const name of ["a", "b", "a", "b"])
      watch.seen({ ...denied, handles: [`subject:${name}`, "tenant:acme"] });
    for (const tenant of ["x", "y"]) watch.seen({ ...denied, handles: ["subject:a", `tenant:${tenant}`] });
    expect(set).toEqual([]);
    watch.seen({ ...denied, handles: ["subject:a", "tenant:acme"] });
    expect(set.map(({ match }) => match)).toEqual([{ tenant: "acme", subject: "a" }]);
  });

  test("a canary is touched: allowed or not, at once; of a chain the human, of credentials each", () => {
    const { watch, set } = begin([
      { name: "canary", when: { tool: "shell/run" }, by: ["chain", "token", "session"], seconds: 60 },
    ]);
    watch.seen({ ...allowed, decided: { allow: true, action: "tool.call", tool: "shell/ls" } });
    expect(set).toEqual([]);
    watch.seen(allowed);
    expect(set.map(({ match }) => match)).toEqual([
      { tenant: "acme", session: "s-1" },
      { tenant: "acme", token: "j-1" },
      { tenant: "acme", token: "j-2" },
      { tenant: "acme", chain: "ann" },
    ]);
  });

  test("an action, so often", () => {
    const { watch, set } = begin([{ name: "pulls", when: { action: "model.pull", count: 2, within: "1h" } }]);
    const pull: Seen = { handles, decided: { allow: true, action: "model.pull" } };
    watch.seen(pull);
    watch.seen(allowed);
    expect(set).toEqual([]);
    watch.seen(pull);
    expect(set).toHaveLength(1);
  });

  test.each<[string, Json, NonNullable<Seen["spend"]>, boolean]>([
    ["below twice the plan", { spend_factor: 2 }, { currency: "EUR", spent: 19, budget: 10 }, false],
    ["twice the plan", { spend_factor: 2 }, { currency: "EUR", spent: 20, budget: 10 }, true],
    ["no plan", { spend_factor: 2 }, { currency: "EUR", spent: 1e12 }, false],
    ["an amount", { spend: { amount: "1.5", currency: "EUR" } }, { currency: "EUR", spent: 1.5e9 }, true],
    ["less than it", { spend: { amount: "1.5", currency: "EUR" } }, { currency: "EUR", spent: 1.4e9 }, false],
    ["another currency", { spend: { amount: "1", currency: "EUR" } }, { currency: "USD", spent: 9e9 }, false],
  ])("spend: %s", (_name, when, spend, fences) => {
    const { watch, set } = begin([{ name: "spend", when }]);
    watch.seen({ handles, spend });
    expect(set).toHaveLength(fences ? 1 : 0);
  });

  test("counts are bounded: those that were quiet for longest go", () => {
    const { watch, set } = begin([{ name: "d", when: { denials: 3, within: "60s" }, by: ["subject"] }], 50);
    const of = (name: string): Seen => ({ ...denied, handles: [`subject:${name}`, "tenant:acme"] });
    watch.seen(of("busy"));
    for (let i = 0; i < 10; i++) watch.seen(of(`s${i}`));
    watch.seen(of("busy"));
    for (let i = 0; i < 20; i++) watch.seen(of(`t${i}`));
    watch.seen(of("busy"));
    expect(set.map(({ match }) => match.subject)).toEqual(["busy"]);
  });

  test.each<[string, Json, string]>([
    ["no condition", { name: "x", when: {} }, "give one of"],
    ["two conditions", { name: "x", when: { denials: 3, tool: "a/b" } }, "give one of"],
    ["a kind that others share", { name: "x", when: { denials: 3 }, by: ["tool"] }, "must be some of"],
    ["no kind", { name: "x", when: { denials: 3 }, by: [] }, "must be some of"],
    ["a name of another form", { name: "X y", when: { denials: 3 } }, "fences.rules[0].name"],
    ["a time of another form", { name: "x", when: { denials: 3, within: "soon" } }, "within"],
    ["too long a time", { name: "x", when: { denials: 3, within: "2h" } }, "within"],
    ["a typo", { name: "x", when: { denial: 3 } }, "did you mean denials?"],
  ])("%s is refused", (_name, rule, says) => {
    expect(read([rule]).problems.join("\n")).toContain(says);
  });
});

test("a fenced task is cut off in the same turn", async () => {
  const fences = await open();
  const { config } = read([{ name: "canary", when: { tool: "shell/run" } }]);
  const watch = createWatch({
    rules: config.rules,
    fence: (fence) => void fences.add(fence),
    now: Date.now,
  });
  expect(fences.check(handles)).toBeUndefined();
  watch.seen(denied);
  expect(fences.check(handles)).toMatchObject({ match: { tenant: "acme", task: "t-1" } });
  // its siblings and parents aren't
  expect(fences.check(["tenant:acme", "task:t-root", "task:t-2"])).toBeUndefined();
  expect(fences.list()).toMatchObject([{ by: "rule:canary" }]);
  await fences.close();
});

describe("an obligation `fence`", () => {
  const properties = { kinds: ["task", "subject"], reason: "canary", seconds: 60 };
  const obligation = (more: object) => ({
    id: "tool.canary",
    type: "fence",
    properties: { ...properties, ...more } as never,
  });
  test("names what the call has, in its tenant", () => {
    const fixed = { reason: "canary", by: "policy:tool.canary", seconds: 60 };
    expect(readFenceObligation(obligation({}), handles)).toEqual([
      { match: { tenant: "acme", task: "t-1" }, ...fixed },
      { match: { tenant: "acme", subject: "agent:helper" }, ...fixed },
    ]);
    // what the call doesn't have is left out, while there is something
    expect(readFenceObligation(obligation({ kinds: ["device", "task"] }), handles)).toHaveLength(1);
  });
  test.each<[string, object]>([
    ["no kinds", { kinds: [] }],
    ["kinds that others share", { kinds: ["task", "tenant"] }],
    ["everything", { kinds: ["everything"] }],
    ["a tool", { kinds: ["tool"] }],
    ["only what the call doesn't have", { kinds: ["device"] }],
    ["no end", { seconds: undefined }],
    ["too late an end", { seconds: 1e9 }],
    ["no time at all", { seconds: 0 }],
    ["no reason", { reason: "" }],
    ["a reason that is too long", { reason: "x".repeat(201) }],
    ["something that isn't known", { tenant: "globex" }],
  ])("isn't understood with %s", (_name, more) => {
    expect(readFenceObligation(obligation(more), handles)).toBeUndefined();
  });
  test("isn't understood of who is of no tenant", () => {
    expect(readFenceObligation(obligation({}), ["subject:x", "task:t"])).toBeUndefined();
  });
});
