/** The key that ids are bound with: shared by gateways that stand for each other, else of one process alone. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { readIdKey } from "../../gateway/id-key.js";
import { createSecrets } from "../../gateway/secrets/open-secrets.js";
import type { World } from "./world.js";
import { callerToken, json, post, startWorld } from "./world.js";

const worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

async function start(config: Record<string, unknown>): Promise<World> {
  const world = await startWorld({ config });
  worlds.push(world);
  world.model.answer = (_req, res) => {
    json(res, { id: "resp_1", object: "response", status: "completed", output: [] });
  };
  return world;
}
const create = async (world: World): Promise<string> => {
  const answer = await post(world, "/v1/responses", '{"model":"small","input":"x"}');
  return ((await answer.json()) as { id: string }).id;
};
const read = async (world: World, id: string): Promise<number> => {
  const headers = { authorization: `Bearer ${callerToken}` };
  return (await fetch(`${world.url}/v1/responses/${id}`, { headers })).status;
};

const value = "k".repeat(43);

test("gateways of one key know each other's ids, others don't", async () => {
  const [one, other, alone] = [
    await start({ id_key: { value } }),
    await start({ id_key: { value } }),
    await start({}),
  ];
  const id = await create(one);
  expect(await read(other, id)).toBe(200);
  expect(await read(alone, id)).toBe(404);
  expect(await read(one, await create(alone))).toBe(404);
  expect(id).not.toContain(value);
});

test("a key that isn't there, or is short, starts nothing", async () => {
  const file = join(tmpdir(), `countersign-id-key-${process.pid}`);
  writeFileSync(file, `${value}\n`);
  const events = (): void => undefined;
  const secrets = createSecrets({ environment: { K: value }, clock: Date.now, onEvent: events });
  expect(await readIdKey({ id: "x", file }, secrets)).toEqual(Buffer.from(value));
  expect(await readIdKey({ id: "x", env: "K" }, secrets)).toEqual(Buffer.from(value));
  expect(await readIdKey(undefined, secrets)).toHaveLength(32);
  await expect(readIdKey({ id: "x", env: "L" }, secrets)).rejects.toThrow("missing");
  await expect(readIdKey({ id: "x", value: value.slice(1) }, secrets)).rejects.toThrow("id_key");
  await expect(readIdKey({ id: "x", file: `${file}-not` }, secrets)).rejects.toThrow("missing");
});
