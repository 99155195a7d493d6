/** Routing under the shipped policies: the real sidecar decides on each model that is tried, for who asks. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI, { InternalServerError, PermissionDeniedError } from "openai";
import type { IdentityName } from "../../demo/identities.js";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { says } from "../gateway/routing-lab.js";
import type { Served } from "../gateway/world.js";
import { startUpstream, until } from "../gateway/world.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
let gateway: Gateway;
let broken: Served;
let working: Served;
beforeAll(async () => {
  [world, broken, working] = await Promise.all([
    startWorld(),
    startUpstream((req) => {
      req.socket.destroy();
    }),
    startUpstream(says("from what works")),
  ]);
  const place = (upstream: string, region: string): object => {
    return { upstream, provider: "p", region, environment: "prod" };
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: join(world.directory, "pdp.sock"), deadline_ms: 2_000 },
      upstreams: { broken: { url: broken.url }, working: { url: working.url } },
      models: {
        "gpt-4o-mini": {
          ...place("broken", "eu"),
          retries: { max: 1, pause_ms: 0 },
          fallbacks: { general: ["gpt-4o"] },
        },
        "gpt-4o": place("working", "us"),
        "llama-3.1-70b": { deployments: [place("broken", "eu"), place("working", "cn")] },
      },
    } as unknown as Json,
    log,
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([world.close(), broken.close(), working.close()]);
});
beforeEach(() => {
  broken.received.length = 0;
  working.received.length = 0;
});

/** The outcomes in the decision log. */
function recorded(): readonly Record<string, unknown>[] {
  const lines = readFileSync(join(world.directory, "decisions.jsonl"), "utf8").split("\n");
  const events = lines
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return events.filter(({ type }) => type === "outcome");
}

async function ask(name: IdentityName, model: string): Promise<string | null | undefined> {
  const apiKey = await world.issuer.token(name);
  const client = new OpenAI({ apiKey, baseURL: `${gateway.address}/v1`, maxRetries: 0 });
  const answer = await client.chat.completions.create({
    model,
    messages: [{ role: "user", content: "hello" }],
  });
  return answer.choices[0]?.message.content;
}

describe("a fallback of another tier", () => {
  test("answers who may use it", async () => {
    expect(await ask("senior", "gpt-4o-mini")).toBe("from what works");
    expect([broken.received.length, working.received.length]).toEqual([2, 1]);
    // what became of each decision is recorded by the sidecar
    await until(() => recorded().length > 1);
    expect(recorded()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ outcome: "upstream_error", upstream: "broken", attempts: 2, status: 200 }),
        expect.objectContaining({ outcome: "forwarded", upstream: "working", status: 200 }),
      ]),
    );
  });

  test("isn't tried for who may not: nothing of the request is sent there", async () => {
    await expect(ask("analyst", "gpt-4o-mini")).rejects.toBeInstanceOf(InternalServerError);
    expect([broken.received.length, working.received.length]).toEqual([2, 0]);
  });
});

test("a group that reaches beyond the regions of the tenant is denied whole", async () => {
  await expect(ask("senior", "llama-3.1-70b")).rejects.toBeInstanceOf(PermissionDeniedError);
  expect([broken.received.length, working.received.length]).toEqual([0, 0]);
});
