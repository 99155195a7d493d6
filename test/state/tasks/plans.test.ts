import { describe, expect, test } from "@jest/globals";
import type { TaskExchange, TaskPlan } from "../../../sidecar/contract.js";
import { Fields, Problems } from "../../../sidecar/contract.js";
import { readTasks } from "../../../sidecar/state/tasks/config.js";
import type { Task } from "../../../sidecar/state/tasks/tasks.js";
import type { TasksWorld } from "./world.js";
import { ada, bob, codeOf, reader, start, startTasks, svid, taskOf, who, writer } from "./world.js";

const agent = who([ada, writer], { scopes: ["docs.read", "docs.write", "mail.send"] });
const sub = who([ada, reader]);
const soon = new Date(start + 600_000).toISOString();
const later = new Date(start + 1_200_000).toISOString();

const plan: TaskPlan = {
  purpose: "research",
  scopes: ["docs.read", "docs.write"],
  budget: { tokens: 1_000, tool_calls: 5, cost: { amount: "1.50", currency: "EUR" } },
  deadline: soon,
};

async function created(world: TasksWorld, wanted: TaskPlan = plan): Promise<Task> {
  return taskOf(world.tasks.plan(taskOf(await world.tasks.resolve({}, agent)), wanted, agent));
}

test("a task is created with what it is for, and goes on with it", async () => {
  const world = await startTasks();
  const task = await created(world);
  const token = world.token(task, agent);
  const again = taskOf(await world.tasks.resolve({ token }, agent));
  expect(world.tasks.describe(again)).toEqual({
    ...{ id: task.id, proven: true, born: "created", depth: 0, chain: ["writer"] },
    ...plan,
    deadline: soon,
  });
  expect(again.budgets).toEqual([{ task: task.id, budget: plan.budget }]);
});

describe("more than its caller may: refused", () => {
  const cases: readonly { name: string; plan: TaskPlan; code: string }[] = [
    { name: "scope", plan: { scopes: ["docs.read", "admin"] }, code: "task_scope_exceeded" },
    { name: "past", plan: { deadline: "2026-03-02T08:59:59Z" }, code: "task_deadline_exceeded" },
  ];
  test.each(cases)("$name", async ({ plan: wanted, code }) => {
    const world = await startTasks();
    const asking = taskOf(await world.tasks.resolve({}, agent));
    expect(codeOf(world.tasks.plan(asking, wanted, agent))).toBe(code);
  });
});

test("a first task may name what it uses and whom it writes to, whatever its caller's scopes; one under it less", async () => {
  const world = await startTasks();
  const scopes = ["docs.read", "tool:mail/*", "recipient:*@acme.example", "recipient:bob@partner.example"];
  const task = await created(world, { scopes });
  const under = (wanted: string[]) => world.tasks.plan(task, { audience: "reader", scopes: wanted }, agent);
  for (const less of ["tool:mail/send", "recipient:ada@acme.example", "recipient:bob@partner.example"])
    expect(taskOf(under([less])).scopes).toEqual([less]);
  for (const more of [
    ...["tool:mai", "tool:*", "tool:web/read", "model:large", "mail.send"],
    ...["recipient:*", "recipient:eve@partner.example", "recipient:eve@notacme.example.evil"],
  ])
    expect(codeOf(under([more]))).toBe("task_scope_exceeded");
});

describe("wider than the task above it: refused, for a sub-agent and for a task of its own", () => {
  const cases: readonly { name: string; plan: TaskPlan; code: string }[] = [
    { name: "scope that the caller has", plan: { scopes: ["mail.send"] }, code: "task_scope_exceeded" },
    { name: "one scope more", plan: { scopes: ["docs.read", "mail.send"] }, code: "task_scope_exceeded" },
    { name: "another purpose", plan: { purpose: "mail" }, code: "task_scope_exceeded" },
    { name: "a purpose that begins alike", plan: { purpose: "research2" }, code: "task_scope_exceeded" },
    { name: "tokens", plan: { budget: { tokens: 1_001 } }, code: "task_budget_exceeded" },
    { name: "calls", plan: { budget: { tokens: 1, tool_calls: 6 } }, code: "task_budget_exceeded" },
    {
      name: "cost",
      plan: { budget: { cost: { amount: "1.500000001", currency: "EUR" } } },
      code: "task_budget_exceeded",
    },
    {
      name: "cost in other money",
      plan: { budget: { cost: { amount: "0.01", currency: "KWD" } } },
      code: "task_budget_exceeded",
    },
    { name: "deadline", plan: { deadline: later }, code: "task_deadline_exceeded" },
  ];
  test.each(cases)("$name", async ({ plan: wanted, code }) => {
    const world = await startTasks();
    const task = await created(world);
    const token = world.token(task, agent);
    const asking = taskOf(await world.tasks.resolve({ token }, agent));
    expect(codeOf(world.tasks.plan(asking, { ...wanted, audience: "reader" } as TaskPlan, agent))).toBe(code);
    expect(codeOf(world.tasks.plan(asking, wanted, agent))).toBe(code);
  });

  test("budgets of all above count, not only of the next", async () => {
    const world = await startTasks();
    const middle = taskOf(world.tasks.plan(await created(world), { budget: { requests: 9 } }, agent));
    expect(codeOf(world.tasks.plan(middle, { budget: { tokens: 1_001 } }, agent))).toBe(
      "task_budget_exceeded",
    );
    const last = taskOf(world.tasks.plan(middle, { budget: { tokens: 10 } }, agent));
    expect(world.tasks.describe(last)["budget"]).toEqual({ ...plan.budget, requests: 9, tokens: 10 });
    expect(last.budgets.map(({ task }) => task)).toEqual([last.lineage[0], middle.id, last.id]);
  });
});

describe("handed to a sub-agent", () => {
  const exchange: TaskExchange = { audience: "reader", scopes: ["docs.read"], budget: { tokens: 100 } };
  const handed = async (world: TasksWorld, wanted: TaskExchange = exchange, from?: Task) => {
    const parent = from ?? (await created(world));
    const task = taskOf(world.tasks.plan(parent, wanted, agent));
    return { parent, task, token: world.token(task, agent) };
  };

  test("it is narrower, below the first one, and keeps the chain", async () => {
    const world = await startTasks();
    const { parent, task, token } = await handed(world);
    const held = taskOf(await world.tasks.resolve({ token }, sub));
    expect(held).toMatchObject({ id: task.id, lineage: [parent.id, task.id], proven: true, due: true });
    expect(world.tasks.describe(held)).toMatchObject({
      ...{ born: "exchanged", depth: 1, chain: ["writer", "reader"], purpose: "research" },
      ...{ scopes: ["docs.read"], deadline: soon },
      budget: { ...plan.budget, tokens: 100 },
    });
    expect(held.keys.lineage[0]).toBe(parent.id);
  });

  test("scopes, purpose and deadline that it doesn't name are those above", async () => {
    const world = await startTasks();
    const { token } = await handed(world, { audience: "reader" });
    const held = taskOf(await world.tasks.resolve({ token }, sub));
    expect(held).toMatchObject({ scopes: plan.scopes, purpose: "research", deadline: Date.parse(soon) });
  });

  test("of a task without scopes, those of its caller are the most", async () => {
    const world = await startTasks();
    const parent = taskOf(await world.tasks.resolve({}, agent));
    const { task } = await handed(world, { audience: "reader" }, parent);
    expect(task.scopes).toEqual(agent.scopes);
  });

  test("the first answer binds it to its holder", async () => {
    const world = await startTasks();
    const { token } = await handed(world);
    const held = taskOf(await world.tasks.resolve({ token }, sub));
    const bound = world.token(held, sub);
    expect(taskOf(await world.tasks.resolve({ token: bound }, sub))).toMatchObject({
      ...{ id: held.id, due: false, chain: ["writer", "reader"] },
    });
    const other = who([ada, { ...reader, id: "other" }]);
    expect(codeOf(await world.tasks.resolve({ token: bound }, other))).toBe("task_token_misbound");
  });

  test.each([
    { name: "for another user", by: who([bob, reader]), code: "task_token_misbound" },
    { name: "in another tenant", by: who([ada, reader], { tenant: "umbra" }), code: "task_token_misbound" },
    { name: "by itself", by: who([reader]), code: "task_token_misbound" },
    { name: "for the user", by: sub, code: "held" },
  ])("held $name: $code", async ({ by, code }) => {
    const world = await startTasks();
    const { token } = await handed(world);
    expect(codeOf(await world.tasks.resolve({ token }, by))).toBe(code);
  });

  const node = "spiffe://acme.example/reader";
  test.each([
    { name: "the one that is named", by: svid(node), code: "held" },
    { name: "another", by: svid("spiffe://acme.example/other"), code: "task_token_misbound" },
    { name: "that of another tenant", by: svid(node, { tenant: "umbra" }), code: "task_token_misbound" },
    { name: "the user's, not named", by: sub, code: "task_token_misbound" },
  ])("with holders: $name: $code", async ({ by, code }) => {
    const world = await startTasks();
    const { token } = await handed(world, { ...exchange, holders: [node] });
    expect(codeOf(await world.tasks.resolve({ token }, by))).toBe(code);
  });

  test("a sub-agent can't widen what it hands on, nor hand on without end", async () => {
    const world = await startTasks({ max_depth: 3 });
    let task = await created(world);
    for (let depth = 1; depth <= 3; depth++) {
      task = taskOf(world.tasks.plan(task, { audience: "reader", budget: { tokens: 100 - depth } }, agent));
    }
    expect(task.lineage).toHaveLength(4);
    expect(codeOf(world.tasks.plan(task, { audience: "reader" }, agent))).toBe("task_depth_exceeded");
    expect(codeOf(world.tasks.plan(task, {}, agent))).toBe("task_depth_exceeded");
  });
});

test.each<[Record<string, string | number | boolean>, string]>([
  [{ lifetime_seconds: 3_601 }, "tasks.lifetime_seconds: must be a whole number from 10 to 3600"],
  [{ lifetime_seconds: 600, keep_seconds: 300 }, "tasks.keep_seconds: must be at least lifetime_seconds"],
  [{ trust_domain: "a b" }, "tasks.trust_domain: must be a name without blanks"],
  [{ required: "sometimes" }, "tasks.required: must be one of never, agents, always"],
  [
    { enabled: false, required: "always" },
    "tasks.required: nobody can have a token where tasks aren't enabled",
  ],
  [{ max_dept: 3 }, "tasks.max_dept: unknown field; did you mean max_depth?"],
])("configuration: %j is refused", (settings, problem) => {
  const problems = new Problems();
  readTasks(new Fields(settings, "tasks", problems), problems);
  expect(problems.list).toEqual([problem]);
});
