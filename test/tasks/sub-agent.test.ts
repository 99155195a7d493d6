/** A sub-agent on the A2A SDK that calls back with the task it was handed: it gets less than its caller, whatever it tries. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { until } from "../redis.js";
import type { Answer, Fleet, How, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";
import type { SubAgent } from "./sub-agent.js";
import { startSubAgent } from "./sub-agent.js";

let agent: SubAgent;
let fleet: Fleet;
let one: Replica;
beforeAll(async () => {
  agent = await startSubAgent();
  const url = `${agent.url}/rpc`;
  const tasks = { exchange: true, scopes: ["docs.read"], budget: { requests: 6 }, deadline_seconds: 600 };
  fleet = await startFleet(
    1,
    { tasks: { max_depth: 2 } },
    {
      agents: {
        helper: { url, tasks },
        wider: { url, tasks: { ...tasks, scopes: ["docs.read", "docs.write"] } },
        larger: { url, tasks: { ...tasks, budget: { requests: 100 } } },
        later: { url, tasks: { ...tasks, deadline_seconds: 7_200 } },
      },
    },
  );
  [one] = fleet.replicas as [Replica];
});
afterAll(async () => {
  await fleet.close();
  await agent.close();
});

let users = 0;
interface Begun extends How {
  readonly id: string;
  readonly user: string;
}
/** Begins a task by name. */
async function begin(plan: object, how: How = { user: `human-${users++}` }): Promise<Begun> {
  const made = await fleet.request(one, "/v1/tasks", plan, how);
  if (made.status !== 201) throw new Error(made.text);
  const { id, token } = JSON.parse(made.text) as { id: string; token: string };
  return { ...how, user: how.user ?? "", id, task: token };
}
/** Sends a message to an agent. */
const send = (to: string, how: How): Promise<Answer> =>
  fleet.request(
    one,
    `/a2a/${to}`,
    {
      ...{ jsonrpc: "2.0", id: 1, method: "SendMessage" },
      params: { message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "do it" }] } },
    },
    { ...how, headers: { "a2a-version": "1.0" } },
  );
/** Who the agent is: it acts for the same user, and says so by a token of its own. */
const agentOf = (user: string, task: string | undefined): How => ({
  ...{ user, task, claims: { act: { sub: "helper-agent" } } },
});
/** Has the agent do something with its task. */
async function delegated(parent: Begun, work: (how: How) => Promise<void>): Promise<Answer> {
  agent.work = (handed) => work(agentOf(parent.user, handed));
  const answer = await send("helper", parent);
  expect(answer.text).toContain("done");
  return answer;
}
const plan = { purpose: "research", scopes: ["docs.read", "docs.write"], budget: { requests: 12 } };

describe("a sub-agent that widens", () => {
  test("gets what is within its task, and nothing beyond", async () => {
    const parent = await begin({ ...plan, deadline: new Date(Date.now() + 3_000_000).toISOString() });
    expect(await fleet.ask(one, "writes", parent)).toMatchObject({ status: 200 });
    const got: Record<string, string | number | undefined> = {};
    await delegated(parent, async (how) => {
      const first = await fleet.ask(one, "proven", how);
      const mine = { ...how, task: first.task };
      got["within"] = first.status;
      got["its own token, as another"] = (
        await fleet.ask(one, "plain", { ...mine, claims: { act: { sub: "a-friend" } } })
      ).code;
      got["scope of its caller"] = (await fleet.ask(one, "writes", mine)).text.includes("scope_wanted")
        ? "scope_wanted"
        : "";
      const under = async (name: string, more: object): Promise<void> => {
        got[name] = (await fleet.request(one, "/v1/tasks", more, mine)).code;
      };
      await under("wider scope", { scopes: ["docs.write"] });
      await under("larger budget", { budget: { requests: 7 } });
      await under("later deadline", { deadline: new Date(Date.now() + 900_000).toISOString() });
      await under("another purpose", { purpose: "payments" });
      for (const to of ["wider", "larger", "later"]) {
        got[`handed on, ${to}`] = (await send(to, mine)).text.match(/task_[a-z]+_exceeded/)?.[0];
      }
      const below = await begin({ budget: { requests: 1 } }, mine);
      got["below"] = below.id === "" ? "" : "allowed";
      got["more depth"] = (await fleet.request(one, "/v1/tasks", {}, below)).code;
      got["more depth, handed on"] = (await send("helper", below)).text.match(/task_[a-z]+_exceeded/)?.[0];
    });
    expect(got).toEqual({
      within: 200,
      "its own token, as another": "task_token_misbound",
      "scope of its caller": "scope_wanted",
      "wider scope": "task_scope_exceeded",
      "larger budget": "task_budget_exceeded",
      "later deadline": "task_deadline_exceeded",
      "another purpose": "task_scope_exceeded",
      "handed on, wider": "task_scope_exceeded",
      "handed on, larger": "task_budget_exceeded",
      "handed on, later": "task_deadline_exceeded",
      below: "allowed",
      "more depth": "task_depth_exceeded",
      "more depth, handed on": "task_depth_exceeded",
    });
  });

  test("draws from its caller's budget: its own first, then nobody has any", async () => {
    const parent = await begin({ ...plan, budget: { requests: 8 } });
    const seen: Answer[] = [];
    const use = async (how: How): Promise<void> => {
      for (let n = 0; n < 8; n++) seen.push(await fleet.ask(one, "plain", how));
    };
    // the message itself is one request of its caller's
    await delegated(parent, use);
    const passed = seen.filter(({ status }) => status === 200).length;
    expect(passed).toBe(6);
    expect(seen.at(-1)).toMatchObject({ status: 429, code: "insufficient_quota" });
    // one is left
    expect((await fleet.ask(one, "plain", parent)).status).toBe(200);
    expect(await fleet.ask(one, "plain", parent)).toMatchObject({ status: 429, code: "insufficient_quota" });
    expect(await send("helper", parent)).toMatchObject({ text: expect.stringContaining("budget_exceeded") });
  });
});

describe("what a sub-agent does", () => {
  test("stands against its caller at once", async () => {
    const parent = await begin(plan);
    expect(await fleet.ask(one, "sends", parent)).toMatchObject({ status: 200 });
    let meanwhile: Answer | undefined;
    await delegated(parent, async (how) => {
      await fleet.ask(one, "reads-private", how);
      // its caller needn't have its answer yet
      meanwhile = await fleet.ask(one, "sends", parent);
    });
    expect(meanwhile).toMatchObject({ status: 403 });
    expect(meanwhile?.text).toContain('"label":"private"');
    expect(await fleet.ask(one, "sends", parent)).toMatchObject({ status: 403 });
  });

  test("is cut in mid-stream by a fence on its caller's task", async () => {
    const parent = await begin(plan);
    let stream: Answer | undefined;
    let after: Answer | undefined;
    agent.work = async (handed) => {
      const how = agentOf(parent.user, handed);
      const from = fleet.upstream.received.length;
      const streaming = fleet.ask(one, "plain", { ...how, stream: true });
      await until(() => fleet.upstream.received.length > from);
      await one.sidecar.fences.add({ match: { task: parent.id }, reason: "stop it", by: "test" });
      stream = await streaming;
      after = await fleet.ask(one, "plain", how);
    };
    const answer = await send("helper", parent);
    // its caller's message is cut as well, and hears no answer
    expect(answer.text).toContain("fenced");
    await until(() => after !== undefined);
    expect(stream?.text).toContain("fenced");
    expect(stream?.text).not.toContain("[DONE]");
    expect(after).toMatchObject({ status: 403, code: "fenced" });
    expect(await fleet.ask(one, "plain", parent)).toMatchObject({ status: 403, code: "fenced" });
    // another task of the same user goes on
    expect(await fleet.ask(one, "plain", { user: parent.user })).toMatchObject({ status: 200 });
  });

  test("ends with its caller's task", async () => {
    const parent = await begin(plan);
    const codes: (string | undefined)[] = [];
    agent.work = async (handed) => {
      const how = agentOf(parent.user, handed);
      const first = await fleet.ask(one, "plain", how);
      const ended = await fleet.request(one, `/v1/tasks/${parent.id}/end`, undefined, parent);
      expect(ended.status).toBe(200);
      for (const task of [how.task, first.task])
        codes.push((await fleet.ask(one, "plain", { ...how, task })).code);
    };
    // what it was on its way to say isn't given any more
    expect((await send("helper", parent)).text).toContain("task_ended");
    expect(codes).toEqual(["task_ended", "task_ended"]);
    expect(await fleet.ask(one, "plain", parent)).toMatchObject({ status: 403, code: "task_ended" });
  });
});
