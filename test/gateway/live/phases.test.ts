/** Fences that come before an answer has begun: in whatever a call is just then, nothing more goes out. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Served, World } from "../world.js";
import { allow, chatBody, json, post, startUpstream, startWorld, subject, until } from "../world.js";

let world: World;
let upstream: Served;
const asked: string[] = [];
/** Whether what pauses before it is tried again goes on pausing, and how often anything did. */
let pausing = false;
let pauses = 0;
beforeAll(async () => {
  upstream = await startUpstream((_req, res) => {
    json(res, {}, 500);
  });
  const at = { region: "eu", environment: "prod", upstream: "gpt", provider: "openai" };
  world = await startWorld({
    routing: {
      random: () => 0.999,
      async sleep(_ms, signal) {
        pauses++;
        if (pausing && !signal.aborted)
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      },
    },
    config: {
      upstreams: { gpt: { url: upstream.url, api_key: { value: "key-1-of-the-test" } } },
      models: {
        small: {
          ...at,
          retries: { max: 2, budget_percent: 100, pause_ms: 400 },
          fallbacks: { general: ["other"] },
        },
        other: { ...at, retries: { max: 0 } },
      },
    },
  });
  await until(() => world.sidecar.connected() === 1);
});
afterAll(async () => {
  await world.close();
  await upstream.close();
});
beforeEach(() => {
  world.sidecar.lift("f");
  world.sidecar.decide = allow;
  world.sidecar.outcomes.length = 0;
  asked.length = 0;
  pausing = false;
  pauses = 0;
});
const fence = (): void => {
  world.sidecar.fence({ id: "f", match: { subject: subject.id } });
};
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const phases = [
  {
    name: "while the provider thinks",
    answer: (): void => undefined,
    when: () => asked.length === 1,
    most: 1,
    pausing: false,
  },
  {
    name: "in the pause before it is tried again",
    answer: (res: Parameters<typeof json>[0]): void => {
      json(res, { error: { message: "busy" } }, 503);
    },
    when: () => pauses === 1,
    most: 1,
    pausing: true,
  },
  {
    name: "while a fallback is asked",
    answer: (res: Parameters<typeof json>[0]): void => {
      if (!asked.at(-1)?.includes('"other"')) json(res, { error: { message: "no" } }, 500);
    },
    when: () => asked.at(-1)?.includes('"other"') === true,
    most: 4,
    pausing: false,
  },
] as const;
test.each(phases)(
  "a fence $name: refused, and nothing is asked after it",
  async ({ answer, when, most, ...phase }) => {
    ({ pausing } = phase);
    upstream.answer = (_req, res, body) => {
      asked.push(body);
      answer(res);
    };
    const response = post(world, "/v1/chat/completions", chatBody({ stream: false }));
    await until(when);
    const before = asked.length;
    fence();
    const { status, headers } = await response;
    expect([status, headers.get("content-type")]).toMatchObject([403, expect.stringMatching(/json/)]);
    expect(await (await response).text()).toContain('"fenced"');
    await after(100);
    expect([asked.length, before <= most]).toEqual([before, true]);
    expect(world.sidecar.outcomes.every(({ outcome }) => outcome !== "forwarded")).toBe(true);
  },
);

test("a fence while it is decided: an allow that was on its way counts no more", async () => {
  upstream.answer = (_req, res, body) => {
    asked.push(body);
    json(res, {}, 200);
  };
  world.sidecar.decide = (...what) => {
    // it is told on the same connection, before the answer
    fence();
    return allow(...what);
  };
  const response = await post(world, "/v1/chat/completions", chatBody({}));
  expect([response.status, asked]).toEqual([403, []]);
  expect(await response.text()).toContain('"fenced"');
});

test("while the sidecar can't know its fences: cut, again and again, until it can", async () => {
  upstream.answer = (_req, res, body) => {
    asked.push(body);
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write("data: {}\n\n");
  };
  world.sidecar.tell({ kind: "stale", fences: [] });
  await world.sidecar.census({ tenant: "nobody" });
  // an allow from just before, or of a sidecar that contradicts itself, doesn't outlive the next look
  const response = await post(world, "/v1/chat/completions", chatBody({ stream: true }));
  expect(await response.text()).toContain('"fences_stale"');
  world.sidecar.tell({ kind: "fresh", fences: [] });
  await world.sidecar.census({ tenant: "nobody" });
  const going = await post(world, "/v1/chat/completions", chatBody({ stream: true }));
  let over = false;
  const text = going.text().finally(() => {
    over = true;
  });
  await after(700);
  expect(over).toBe(false);
  fence();
  expect(await text).toContain('"fenced"');
});
