/**
 * Nothing that is secret shows where it shouldn't: what the product writes (log, metrics, traces, decision log) holds no secret at
 * all, and what clients get holds none of the gateway's.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { canary, findCanaries } from "./find.js";
import { answersWell, scenarios } from "./scenarios.js";
import type { CanaryWorld } from "./world.js";
import { held, said, startCanaryWorld } from "./world.js";

let world: CanaryWorld;
beforeAll(async () => {
  world = await startCanaryWorld();
}, 90_000);
afterAll(() => world.close());

test("the search finds a secret in every spelling", () => {
  const one = canary("one", 'sk-"ü/');
  const texts = [
    `x${one.value}y`,
    Buffer.from(`user:${one.value}!`).toString("base64"),
    Buffer.from(`${one.value}${one.value}`).toString("base64url"),
    Buffer.from(one.value).toString("hex"),
    `?key=${encodeURIComponent(one.value)}`,
    JSON.stringify({ key: one.value }),
  ];
  for (const text of texts) expect(findCanaries([one], [{ name: "x", text }])).toEqual(["one in x"]);
  expect(findCanaries([one], [{ name: "x", text: one.value.slice(0, -1) }])).toEqual([]);
});

describe("through", () => {
  test.each(scenarios)("$name, the gateway's secrets stay its own", async ({ status, upstream, run }) => {
    world.model.answer = upstream ?? answersWell;
    world.answers.length = 0;
    const answered = await run(world);
    const found = findCanaries(Object.values(held), [{ name: "the answer", text: world.answers.join("\n") }]);
    expect({ status: answered, found }).toEqual({ status, found: [] });
  });
});

describe("after all that", () => {
  test("each key was in use", () => {
    const sent = world.model.received.map(({ headers }) => JSON.stringify(headers)).join("\n");
    const { env, file, fileNext, vault, value, header } = held;
    for (const one of [env, file, fileNext, vault, value, header]) expect(sent).toContain(one.value);
    const bodies = world.model.received.map(({ body }) => body).join("\n");
    for (const one of [said.prompt, said.system, said.arguments, said.query])
      expect(bodies).toContain(one.value);
  });
  test("the upstreams got nothing of what callers presented", () => {
    const { header, claimed, cookie, claim, group } = said;
    const text = world.model.received.map(({ headers, body }) => JSON.stringify(headers) + body).join("\n");
    const secret = [...world.presented, header, claimed, cookie, claim, group];
    expect(findCanaries(secret, [{ name: "a request upstream", text }])).toEqual([]);
  });
  test("log, metrics, traces and decision log hold none of them", async () => {
    const places = await world.places();
    for (const { name, text } of places) expect([name, text.length > 500]).toEqual([name, true]);
    const secrets = [...Object.values(held), ...Object.values(said), ...world.presented];
    expect(findCanaries(secrets, places)).toEqual([]);
  });
});
