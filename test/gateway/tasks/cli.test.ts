/** `countersign task` against a real gateway. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { main } from "../../../cli/main.js";
import type { TasksWorld } from "./world.js";
import { startTasksWorld } from "./world.js";

let world: TasksWorld;
let folder: string;
beforeAll(async () => {
  world = await startTasksWorld();
  folder = await mkdtemp(join(tmpdir(), "countersign-task-"));
  await writeFile(join(folder, "bearer"), `${world.bearer()}\n`);
  await writeFile(join(folder, "other"), `${world.bearer({ user: "bob" })}\n`);
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) };
  return { code: await main(["task", ...args], io), out, err };
}

test("begins a task, shows it and ends it", async () => {
  const by = ["--gateway", world.url, "--bearer", join(folder, "bearer")];
  const begun = await run(
    "create",
    ...by,
    "--purpose",
    "research",
    "--scope",
    "docs.read",
    "--budget",
    "requests=20",
  );
  expect(begun).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^task task-\S+, its token ends at 20/) as unknown as string,
  });
  const task = join(folder, "task");
  await writeFile(task, begun.out);
  const shown = await run("show", ...by, "--task", task);
  expect(JSON.parse(shown.out)).toMatchObject({
    task: { purpose: "research", scopes: ["docs.read"], budget: { requests: 20 }, depth: 0 },
  });
  const wider = await run("create", ...by, "--task", task, "--budget", "requests=21");
  expect(wider).toMatchObject({
    code: 1,
    err: expect.stringContaining("task_budget_exceeded") as unknown as string,
  });
  const foreign = await run("end", "--gateway", world.url, "--bearer", join(folder, "other"), "--task", task);
  expect(foreign).toMatchObject({
    code: 1,
    err: expect.stringContaining("task_token_misbound") as unknown as string,
  });
  expect(await run("end", ...by, "--task", task)).toMatchObject({ code: 0, out: "" });
  expect((await run("show", ...by, "--task", task)).err).toContain("task_ended");
});

test.each([
  [["begin"], "give one of create, show, end"],
  [["show", "--gateway", "http://x", "--bearer", "b"], "--task FILE"],
  [["create", "--gateway", "http://x"], "one of --bearer FILE and --api-key FILE"],
  [["create", "--budget", "cost=1"], "give UNIT=AMOUNT"],
  [["create", "--budget", "gold=1"], "budget.gold: unknown field"],
  [["show", "--purpose", "x"], "doesn't take --purpose"],
])("%j: wrong usage", async (args, says) => {
  const { code, err } = await run(...args);
  expect({ code, says: err.includes(says) ? says : err }).toEqual({ code: 2, says });
});
