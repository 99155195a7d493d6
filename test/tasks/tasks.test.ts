/** Tasks through real gateways and sidecars: what was picked up isn't shed, what was granted is bounded. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Answer, Fleet, Replica } from "./fleet.js";
import { startFleet } from "./fleet.js";
import { until } from "../redis.js";

let fleet: Fleet;
let one: Replica;
beforeAll(async () => {
  fleet = await startFleet(1);
  [one] = fleet.replicas as [Replica];
});
afterAll(() => fleet.close());

describe("what a task picked up", () => {
  test("stands against its next request, with the chain of what led there", async () => {
    const user = "chained";
    const first = await fleet.ask(one, "reads-untrusted-web", { user });
    expect(first.status).toBe(200);
    const second = await fleet.ask(one, "reads-private", { user, task: first.task });
    const third = await fleet.ask(one, "sends", { user, task: second.task ?? first.task });
    expect(third.status).toBe(403);
    const [reason] = (JSON.parse(third.text) as { error: { reasons: { led_here: unknown[] }[] } }).error
      .reasons;
    expect(reason?.led_here).toMatchObject([
      { label: "untrusted-web", action: "model.invoke", resource: "model:reads-untrusted-web" },
      { label: "private", action: "model.invoke", resource: "model:reads-private" },
    ]);
  });

  test("isn't shed by dropping the token, and isn't another user's", async () => {
    const first = await fleet.ask(one, "reads-private", { user: "dropper" });
    expect(first.task).toBeDefined();
    expect(await fleet.ask(one, "sends", { user: "dropper" })).toMatchObject({ status: 403 });
    expect(await fleet.ask(one, "sends", { user: "somebody-else" })).toMatchObject({ status: 200 });
  });
});

describe("a task's token", () => {
  test("proves the task to who holds it, and is refused to everybody else", async () => {
    const { task } = await fleet.ask(one, "plain", { user: "holder" });
    expect(await fleet.ask(one, "proven", { user: "holder" })).toMatchObject({ status: 403 });
    expect(await fleet.ask(one, "proven", { user: "holder", task })).toMatchObject({ status: 200 });
    const stolen = await fleet.ask(one, "proven", { user: "thief", task });
    expect(stolen).toMatchObject({ status: 403, code: "task_token_misbound" });
  });

  test("never goes upstream, nor into the decision log", async () => {
    const { readFile } = await import("node:fs/promises");
    const { task = "" } = await fleet.ask(one, "plain", { user: "quiet" });
    await fleet.ask(one, "plain", { user: "quiet", task });
    const signature = task.split(".")[2] ?? "";
    expect(signature.length).toBeGreaterThan(20);
    expect(JSON.stringify(fleet.upstream.received)).not.toContain(signature);
    expect(await readFile(one.log, "utf8")).not.toContain(signature);
  });
});

describe("a fence", () => {
  test("cuts a stream off in mid-stream, and what comes after", async () => {
    let streaming: Promise<Answer> | undefined;
    await new Promise<void>((begun) => {
      streaming = fleet.ask(one, "plain", { user: "revoked", stream: true, begun });
    });
    const user = { tenant: "acme", subject: "revoked" };
    const added = await one.sidecar.fences.add({ match: user, reason: "lost laptop", by: "test" });
    expect(added.kind).toBe("done");
    const { status, text } = (await streaming) ?? {};
    expect(status).toBe(200);
    expect(text).toContain("fenced");
    expect(text).not.toContain("[DONE]");
    expect(await fleet.ask(one, "plain", { user: "revoked" })).toMatchObject({ status: 403, code: "fenced" });
    expect(await fleet.ask(one, "plain", { user: "not-revoked" })).toMatchObject({ status: 200 });
  });
});

describe("limits that policy asks for", () => {
  test("500 at once at the last units: none over", async () => {
    const answers = await Promise.all(
      Array.from({ length: 500 }, () => fleet.ask(one, "few", { user: "eager" })),
    );
    const passed = answers.filter(({ status }) => status === 200);
    expect(passed).toHaveLength(20);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
  });

  test("a stream that uses up its tokens ends in mid-stream, in the protocol's words", async () => {
    const { status, text } = await fleet.ask(one, "metered", { user: "wordy", stream: true, most: 40 });
    expect(status).toBe(200);
    expect(text).toContain("budget_exceeded");
    expect(text.match(/word /g)?.length ?? 0).toBeLessThan(200);
    expect(text).not.toContain("[DONE]");
  });

  test("a client that goes gives back what its call held", async () => {
    const gone = new AbortController();
    const before = fleet.upstream.received.length;
    const first = fleet.ask(one, "alone", { user: "single", stream: true, signal: gone.signal });
    await until(() => fleet.upstream.received.length > before);
    expect(await fleet.ask(one, "alone", { user: "single" })).toMatchObject({ status: 429 });
    gone.abort();
    await expect(first).rejects.toThrow();
    await until(async () => (await fleet.ask(one, "alone", { user: "single" })).status === 200);
  });
});
