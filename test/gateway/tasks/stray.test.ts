/** Whoever asks the sidecar can't have a task made, ended or handed on but by a decision about just that. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ActionName, DecisionRequest, TaskRequest } from "../../../sidecar/contract.js";
import type { TasksWorld } from "./world.js";
import { startTasksWorld } from "./world.js";

let world: TasksWorld;
beforeAll(async () => {
  world = await startTasksWorld();
});
afterAll(() => world.close());

const call = (name: ActionName, id: string, properties = {}): NonNullable<DecisionRequest["call"]> => ({
  kind: "task",
  action: { name, properties: { phase: "request" } },
  resource: { type: "task", id, properties },
});
const plan = { purpose: "research", budget: { requests: 5 } };

const cases: readonly {
  name: string;
  calls: readonly NonNullable<DecisionRequest["call"]>[];
  task: TaskRequest;
  code: string | undefined;
}[] = [
  {
    name: "made as decided",
    calls: [call("task.create", "new", plan)],
    task: { create: plan },
    code: undefined,
  },
  {
    name: "made by another action",
    calls: [call("model.invoke", "plain")],
    task: { create: plan },
    code: "invalid_request",
  },
  {
    name: "made wider than decided",
    calls: [call("task.create", "new", { ...plan, budget: { requests: 1 } })],
    task: { create: plan },
    code: "invalid_request",
  },
  {
    name: "made beside another call",
    calls: [call("task.create", "new", plan), call("model.invoke", "plain")],
    task: { create: plan },
    code: "invalid_request",
  },
  {
    name: "ended by another action",
    calls: [call("task.read", "x")],
    task: { end: true },
    code: "invalid_request",
  },
  {
    name: "handed on with two calls",
    calls: [call("model.invoke", "plain"), call("model.invoke", "plain")],
    task: { exchange: { audience: "a" } },
    code: "invalid_request",
  },
];
test.each(cases)("$name: $code", async ({ calls, task, code }) => {
  const decisions = await world.sidecar.own.decide({
    ...{ calls, task, obligations: [], credentials: { bearer: world.bearer() } },
    context: { request: { id: "r", method: "POST", path: "/" } },
  });
  expect(decisions).toHaveLength(calls.length);
  for (const { allow, reasons, task_token, task_handed } of decisions) {
    expect(reasons[0]?.code).toBe(code);
    expect(allow).toBe(code === undefined);
    if (code !== undefined) expect([task_token, task_handed]).toEqual([undefined, undefined]);
  }
});
