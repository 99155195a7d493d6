/** How the questions of one exchange come to be of one task. */
import { describe, expect, test } from "@jest/globals";
import type { CarriedTask } from "../../../gateway/tasks/carried.js";
import { askWithin, noTask } from "../../../gateway/tasks/carried.js";
import { readTask } from "../../../gateway/tasks/headers.js";
import { giveMeta, takeMeta, taskMeta } from "../../../gateway/tasks/meta.js";
import type { Decision, TaskRequest } from "../../../sidecar/contract.js";
import { denied } from "../../../sidecar/contract.js";

const now = (): number => 1_000_000;

/** A sidecar that gives each request without a token a task, and a token, of its own. */
function sidecar({ allow = true, lastsMs = 60_000 } = {}) {
  const asked: TaskRequest[] = [];
  const ask = async (task: TaskRequest): Promise<Decision[]> => {
    asked.push(task);
    const n = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const decision: Decision = {
      ...denied(`d-${n}`, { code: "x", message: "x" }, new Date(now())),
      allow,
      task: { id: task.token ?? `task-${n}`, lineage: [], proven: task.token !== undefined },
    };
    const issued = { token: `a.${n}.c`, expires_at: new Date(now() + lastsMs).toISOString() };
    return [allow && task.token === undefined ? { ...decision, task_token: issued } : decision];
  };
  return { asked, ask };
}

test("of several questions at once the first brings the token, the others carry it", async () => {
  const { asked, ask } = sidecar();
  const carried = noTask();
  await Promise.all([1, 2, 3, 4].map(() => askWithin(carried, undefined, now, ask)));
  expect(asked.map(({ token }) => token)).toEqual([undefined, "a.1.c", "a.1.c", "a.1.c"]);
  expect(carried.issued?.token).toBe("a.1.c");
});

test("with the client's own token, none waits for another", async () => {
  const { asked, ask } = sidecar();
  const carried: CarriedTask = { token: "x.y.z", hints: [] };
  const both = [1, 2].map(() => askWithin(carried, undefined, now, ask));
  expect(asked).toHaveLength(2);
  await Promise.all(both);
  expect(asked.map(({ token }) => token)).toEqual(["x.y.z", "x.y.z"]);
  expect(carried.issued).toBeUndefined();
});

test("a question that fails lets the next one go", async () => {
  const { asked, ask } = sidecar();
  const carried = noTask();
  const failing = askWithin(carried, undefined, now, () => Promise.reject(new Error("gone")));
  const next = askWithin(carried, undefined, now, ask);
  await expect(failing).rejects.toThrow("gone");
  await next;
  expect(asked).toHaveLength(1);
});

test("where no token is given, nobody waits for one twice", async () => {
  const { asked, ask } = sidecar({ allow: false });
  const carried = noTask();
  await askWithin(carried, undefined, now, ask);
  await Promise.all([1, 2].map(() => askWithin(carried, undefined, now, ask)));
  expect(asked).toHaveLength(3);
});

test("a token that only the gateway had is left when it ends", async () => {
  const { asked, ask } = sidecar({ lastsMs: 0 });
  const carried = noTask();
  for (let i = 0; i < 2; i++) await askWithin(carried, undefined, now, ask);
  expect(asked.map(({ token }) => token)).toEqual([undefined, undefined]);
});

test("what is created isn't the task that asks", async () => {
  const { ask } = sidecar();
  const carried = noTask();
  const [decision] = await askWithin(carried, { create: {} }, now, ask);
  expect(decision?.task_token).toBeDefined();
  expect(carried.token).toBeUndefined();
});

describe("headers", () => {
  test.each<[string, Record<string, string>, unknown]>([
    ["nothing", {}, { hints: [] }],
    ["a token", { "x-countersign-task": "a.b.c" }, { token: "a.b.c", hints: [] }],
    [
      "hints",
      {
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "mcp-session-id": "s-1",
        "x-litellm-trace-id": "l-1",
      },
      {
        hints: [
          { kind: "traceparent", id: "4bf92f3577b34da6a3ce929d0e0e4736" },
          { kind: "mcp_session", id: "s-1" },
          { kind: "litellm_trace", id: "l-1" },
        ],
      },
    ],
    ["no trace", { traceparent: "00-00000000000000000000000000000000-00f067aa0ba902b7-01" }, { hints: [] }],
    ["odd ones", { "x-litellm-trace-id": "a b", "mcp-session-id": "x".repeat(300) }, { hints: [] }],
  ])("%s", (_name, headers, read) => {
    expect(readTask({ headers })).toEqual(read);
  });
});

describe("_meta", () => {
  test("a token is taken out, and what else is there stays", () => {
    const params = { _meta: { [taskMeta]: "a.b.c", progressToken: 1 } };
    const carried = noTask();
    expect(takeMeta(carried, params)).toBeUndefined();
    expect(carried.token).toBe("a.b.c");
    expect(params).toEqual({ _meta: { progressToken: 1 } });
  });

  test.each([[1], [null], [""], ["a b"], [{}]])("%j is refused, and taken out", (token) => {
    const params = { _meta: { [taskMeta]: token } };
    expect(takeMeta(noTask(), params)).toMatchObject({ code: "task_token_invalid" });
    expect(params).toEqual({});
  });

  test("a server can't give a client a token", () => {
    const result = { content: [], _meta: { [taskMeta]: "forged", other: 1 } };
    expect(giveMeta(noTask(), result)).toEqual({ content: [], _meta: { other: 1 } });
    const issued = { token: "a.b.c", expires_at: "" };
    expect(giveMeta({ hints: [], issued }, result)).toEqual({
      content: [],
      _meta: { [taskMeta]: "a.b.c", other: 1 },
    });
    expect(giveMeta(noTask(), { content: [] })).toEqual({ content: [] });
  });
});
