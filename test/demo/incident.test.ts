/** What the demo gives to who tries fences and signals: the banner's and the docs' commands, by their routes. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

const secret = (name: string): Promise<string> => readFile(join(world.directory, name), "utf8");

async function chat(token: string): Promise<number> {
  const answer = await fetch(`${world.gatewayUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hello" }] }),
  });
  await answer.text();
  return answer.status;
}

test("its operator key fences and lifts, and is for its owner only", async () => {
  const token = await world.issuer.token("senior");
  const headers = {
    authorization: `Bearer ${await secret("operator.key")}`,
    "content-type": "application/json",
  };
  const added = await fetch(`${world.sidecarUrl}/v1/fences`, {
    ...{ method: "POST", headers },
    body: JSON.stringify({ match: { chain: "sam@acme.example" }, reason: "laptop stolen" }),
  });
  expect(added.status).toBe(201);
  expect(await chat(token)).toBe(403);
  const { fence } = (await added.json()) as { fence: { id: string } };
  const lifted = await fetch(`${world.sidecarUrl}/v1/fences/${fence.id}`, { method: "DELETE", headers });
  expect(lifted.status).toBe(200);
  expect(await chat(token)).toBe(200);
  expect((await stat(join(world.directory, "operator.key"))).mode & 0o077).toBe(0);
});

test("its issuer's signal ends what was signed in before", async () => {
  const token = await world.issuer.token("reviewer");
  const push = async (bearer: string): Promise<number> => {
    const answer = await fetch(`${world.sidecarUrl}/v1/signals/demo`, {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/secevent+jwt" },
      body: await world.issuer.revocation("reviewer"),
    });
    return answer.status;
  };
  expect(await push(token)).toBe(401);
  expect(await chat(token)).toBe(200);
  expect(await push(await secret("signals.token"))).toBe(202);
  expect(await chat(token)).toBe(403);
});
