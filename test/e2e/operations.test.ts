/** Operations beside chat, decided by the real sidecar and the shipped policies. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import OpenAI, { NotFoundError, PermissionDeniedError, toFile } from "openai";
import type { IdentityName } from "../../demo/identities.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

async function openai(name: IdentityName): Promise<OpenAI> {
  const apiKey = await world.issuer.token(name);
  return new OpenAI({ apiKey, baseURL: `${world.gatewayUrl}/v1`, maxRetries: 0 });
}

const operations: readonly (readonly [string, (client: OpenAI) => Promise<unknown>])[] = [
  ["embeddings", (client) => client.embeddings.create({ model: "gpt-4o", input: "x" })],
  ["moderations", (client) => client.moderations.create({ model: "gpt-4o", input: "x" })],
  ["images", (client) => client.images.generate({ model: "gpt-4o", prompt: "x" })],
  ["completions", (client) => client.completions.create({ model: "gpt-4o", prompt: "x" })],
  ["speech", (client) => client.audio.speech.create({ model: "gpt-4o", input: "x", voice: "coral" })],
  [
    "transcriptions",
    async (client) =>
      client.audio.transcriptions.create({ model: "gpt-4o", file: await toFile(Buffer.from("x"), "a.wav") }),
  ],
  [
    "edits of images",
    async (client) =>
      client.images.edit({ model: "gpt-4o", prompt: "x", image: await toFile(Buffer.from("x"), "a.png") }),
  ],
  ["responses", (client) => client.responses.create({ model: "gpt-4o", input: "x" })],
];

test.each(operations)("%s: by tier, as invocations are", async (_name, ask) => {
  const denied = await ask(await openai("analyst")).catch((error: unknown) => error);
  expect(denied).toBeInstanceOf(PermissionDeniedError);
  expect(denied).toMatchObject({ code: "denied", error: { reasons: [{ code: "tier_not_granted" }] } });
  // the demo's provider has no such route, and says so itself
  const reached = await ask(await openai("senior")).catch((error: unknown) => error);
  expect(reached).toBeInstanceOf(NotFoundError);
  expect((reached as Error).message).toContain("Invalid URL (POST /v1/");
});
