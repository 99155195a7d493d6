/** Answers under the shipped policies: the real sidecar decides on what detectors find in them, and records it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import OpenAI, { APIError, PermissionDeniedError } from "openai";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { streamed, whole } from "../gateway/answers-lab.js";
import { snippets } from "../gateway/content-set.js";
import type { Served } from "../gateway/world.js";
import { json, startUpstream, until } from "../gateway/world.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
let gateway: Gateway;
let model: Served;
let says = "";
beforeAll(async () => {
  [world, model] = await Promise.all([
    startWorld(),
    startUpstream((_req, res, body) => {
      if (!body.includes('"stream":true')) json(res, whole.openai(says));
      else {
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.end(streamed.openai(says.match(/[^]{1,11}/g) ?? []));
      }
    }),
  ]);
  gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: join(world.directory, "pdp.sock"), deadline_ms: 2_000 },
      content: { detectors: ["pii", "secrets"], answers: "decide", budget_ms: 10_000 },
      upstreams: { main: { url: model.url } },
      models: { "gpt-4o": { upstream: "main", provider: "openai", region: "us", environment: "prod" } },
    } as unknown as Json,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([world.close(), model.close()]);
});

const key = snippets.find(({ kind }) => kind === "github_token")?.text ?? "";
const filler = "The quarterly numbers look better than before. ".repeat(12);
const client = async (): Promise<OpenAI> => {
  const apiKey = await world.issuer.token("senior");
  return new OpenAI({ apiKey, baseURL: `${gateway.address}/v1`, maxRetries: 0 });
};
const request = { model: "gpt-4o", messages: [{ role: "user" as const, content: "hello" }] };

test("what holds nothing is given", async () => {
  says = filler;
  const answer = await (await client()).chat.completions.create(request);
  expect(answer.choices[0]?.message.content).toBe(filler);
});

test("credentials are denied: the client raises its own error, with the rule's code", async () => {
  says = `${filler} ${key} ${filler}`;
  const error: unknown = await (await client()).chat.completions.create(request).catch((one: unknown) => one);
  expect(error).toBeInstanceOf(PermissionDeniedError);
  expect(error).toMatchObject({ code: "denied", error: { reasons: [{ code: "secrets_in_answer" }] } });
});

test("a stream ends before they come", async () => {
  says = `${filler} ${key} ${filler}`;
  let text = "";
  const read = async (): Promise<void> => {
    const stream = await (await client()).chat.completions.create({ ...request, stream: true });
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
  };
  const error: unknown = await read().catch((one: unknown) => one);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ code: "denied" });
  expect([filler.startsWith(text), text.length > 200]).toEqual([true, true]);
});

test("decisions and outcomes record what was found, and nothing of what was said", async () => {
  const lines = (): string => readFileSync(join(world.directory, "decisions.jsonl"), "utf8");
  await until(() => lines().includes('"outcome":"denied"') && lines().includes("secrets_in_answer"));
  const found = { secrets: { github_token: 1 }, scanned: true };
  const events = lines()
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events).toContainEqual(
    expect.objectContaining({
      ...{ type: "decision", reasons: [expect.objectContaining({ code: "secrets_in_answer" })] },
      content: expect.objectContaining({ secrets: { github_token: 1 } }) as unknown,
    }),
  );
  expect(events).toContainEqual(
    expect.objectContaining({
      ...{ type: "outcome", outcome: "denied", status: 403 },
      content: expect.objectContaining(found) as unknown,
    }),
  );
  expect(lines()).not.toContain(key);
});
