import { describe, expect, test } from "@jest/globals";
import type { Identity, TaskHint } from "../../../sidecar/contract.js";
import type { Task } from "../../../sidecar/state/tasks/tasks.js";
import { ada, bob, reader, startTasks, svid, taskOf, who, writer } from "./world.js";

const node = "spiffe://acme.example/node";
const workload = { id: node, trust_domain: "acme.example", attested: true };
const hints: readonly TaskHint[] = [{ kind: "mcp_session", id: "session-1" }];

/** Whether what the one picks up counts for the other, by the holders alone. */
async function sticks(from: Identity, to: Identity, settings = {}): Promise<boolean> {
  const { tasks } = await startTasks(settings);
  const keys = async (identity: Identity): Promise<Task["keys"]> =>
    taskOf(await tasks.resolve({}, identity)).keys;
  const [written, read] = [await keys(from), await keys(to)];
  const all = [...written.holders, ...(written.marks ?? [])];
  return written.tenant === read.tenant && read.holders.some((holder) => all.includes(holder));
}

describe("what is picked up stays with who held the task", () => {
  const agent = who([ada, writer]);
  const cases: readonly { name: string; from: Identity; to: Identity; sticks: boolean }[] = [
    { name: "without its token", from: agent, to: who([ada, writer]), sticks: true },
    { name: "with a new key", from: agent, to: who([ada, writer], { key: "jkt:new" }), sticks: true },
    {
      name: "in a new session",
      from: who([ada, writer], { session: "s1" }),
      to: who([ada, writer], { session: "s2" }),
      sticks: true,
    },
    { name: "without the user's token", from: agent, to: who([writer]), sticks: true },
    {
      name: "from its node, without the user's token",
      from: who([ada], { workload }),
      to: svid(node),
      sticks: true,
    },
    {
      name: "without its session's id",
      from: who([ada, writer], { session: "s1" }),
      to: agent,
      sticks: true,
    },
    {
      name: "another agent in the user's session",
      from: who([ada, writer], { session: "s1" }),
      to: who([ada, reader], { session: "s1" }),
      sticks: true,
    },
    {
      name: "another agent in another session of the user",
      from: who([ada, writer], { session: "s1" }),
      to: who([ada, reader], { session: "s2" }),
      sticks: false,
    },
    {
      name: "another agent of the user, without the session's id",
      from: who([ada, writer], { session: "s1" }),
      to: who([ada, reader]),
      sticks: true,
    },
    {
      name: "without the user's token and its session",
      from: who([ada, writer], { session: "s1" }),
      to: who([writer]),
      sticks: true,
    },
    { name: "the same API key", from: who([writer]), to: who([writer]), sticks: true },
    { name: "the same workload with a new SVID", from: svid(node), to: svid(node), sticks: true },
    { name: "another workload", from: svid(node), to: svid(`${node}2`), sticks: false },
    { name: "the agent for another user", from: agent, to: who([bob, writer]), sticks: false },
    {
      name: "the agent of that name elsewhere",
      from: agent,
      to: who([ada, writer], { tenant: "b" }),
      sticks: false,
    },
    {
      name: "an agent of that name by another issuer",
      from: who([writer]),
      to: who([{ ...writer, issuer: "https://other.example" }]),
      sticks: false,
    },
    {
      name: "the agent, on behalf of another agent",
      from: who([reader, writer]),
      to: who([writer]),
      sticks: true,
    },
  ];
  test.each(cases)("$name: $sticks", async ({ from, to, sticks: expected }) => {
    expect(await sticks(from, to)).toBe(expected);
  });

  test("also across users, where that is configured", async () => {
    const settings = { stick_across_users: true };
    expect(await sticks(agent, who([bob, writer]), settings)).toBe(true);
    expect(await sticks(agent, who([bob, reader]), settings)).toBe(false);
  });
});

describe("hints", () => {
  test("group one caller's requests, prove nothing, and never reach another's", async () => {
    const { tasks } = await startTasks();
    const mine = taskOf(await tasks.resolve({ hints }, who([ada, writer])));
    expect(mine).toMatchObject({ proven: false, born: "hint", due: true });
    expect(taskOf(await tasks.resolve({ hints }, who([ada, writer]))).id).toBe(mine.id);
    for (const other of [who([bob, writer]), who([ada, reader]), who([ada, writer], { tenant: "umbra" })]) {
      expect(taskOf(await tasks.resolve({ hints }, other)).id).not.toBe(mine.id);
    }
    const second = [{ kind: "mcp_session", id: "session-2" }] as const;
    expect(taskOf(await tasks.resolve({ hints: second }, who([ada, writer]))).id).not.toBe(mine.id);
  });

  test("a task of a hint that was given a token is the same task, proven", async () => {
    const world = await startTasks();
    const agent = who([ada, writer]);
    const first = taskOf(await world.tasks.resolve({ hints }, agent));
    const token = world.token(first, agent);
    const again = taskOf(await world.tasks.resolve({ token, hints }, agent));
    expect(again).toMatchObject({ id: first.id, proven: true });
  });

  test("of several, the same one counts in whatever order", async () => {
    const { tasks } = await startTasks();
    const agent = who([ada, writer]);
    const both: TaskHint[] = [
      { kind: "conversation", id: "c" },
      { kind: "traceparent", id: "t" },
    ];
    const id = taskOf(await tasks.resolve({ hints: both }, agent)).id;
    expect(taskOf(await tasks.resolve({ hints: both.reverse() }, agent)).id).toBe(id);
  });

  test("without any, each request is a task of its own", async () => {
    const { tasks } = await startTasks();
    const ids = new Set<string>();
    for (let i = 0; i < 5; i++) ids.add(taskOf(await tasks.resolve({ hints: [] }, who([writer]))).id);
    expect(ids.size).toBe(5);
  });
});
