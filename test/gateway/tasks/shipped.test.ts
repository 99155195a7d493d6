/** Tasks under the shipped policies, as `countersign run --demo` has them. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { World } from "../../world.js";
import { startWorld } from "../../world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

test("an agent begins a task, works under it, looks at it and ends it", async () => {
  const ask = async (method: string, path: string, body?: unknown, task?: string) => {
    const answer = await fetch(`${world.gatewayUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await world.issuer.token("senior")}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(task === undefined ? {} : { "x-countersign-task": task }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, value: (await answer.json()) as Record<string, unknown> };
  };
  const begun = await ask("POST", "/v1/tasks", { budget: { requests: 9 } });
  expect(begun.status).toBe(201);
  const [id, task] = [String(begun.value["id"]), String(begun.value["token"])];
  const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] };
  expect((await ask("POST", "/v1/chat/completions", chat, task)).status).toBe(200);
  const shown = await ask("GET", `/v1/tasks/${id}`, undefined, task);
  expect(shown).toMatchObject({ status: 200, value: { task: { id, budget: { requests: 9 } } } });
  expect((await ask("POST", `/v1/tasks/${id}/end`, undefined, task)).status).toBe(200);
  const after = await ask("POST", "/v1/chat/completions", chat, task);
  expect(after).toMatchObject({ status: 403, value: { error: { code: "task_ended" } } });
});
