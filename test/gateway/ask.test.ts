import { rename } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { frameKinds } from "../../sidecar/contract.js";
import type { Say, World } from "./world.js";
import { chatBody, post, startWorld, subject, until } from "./world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
afterEach(() => {
  world.sidecar.raw = undefined;
});

const decision = {
  decision_id: "d",
  allow: true,
  reasons: [],
  obligations: [],
  labels: [],
  ttl: 0,
  rules: [],
  cache: "none",
  expires_at: "2026-01-01T00:00:00Z",
  bundles: {},
  subject,
};

/** Answers as the gateway asked: one decision, or a list of them. */
const both = (say: Say, value: unknown): void => {
  say.text(JSON.stringify({ ...(value as object), decisions: [value] }));
};

/** Writes a frame by hand: what it says of itself needn't be true. */
const frame = (length: number, kind: number, id: number, payload = ""): Buffer => {
  const head = Buffer.alloc(11);
  head.writeUInt32BE(length, 0);
  head.writeUInt8(kind, 4);
  head.writeUIntBE(id, 5, 6);
  return Buffer.concat([head, Buffer.from(payload)]);
};

const whole = JSON.stringify({ ...decision, decisions: [decision] });
const decided = (name: string, changed: Record<string, unknown>): Fault => ({
  name,
  fault: (say) => {
    both(say, { ...decision, ...changed });
  },
});
const answered = (name: string, text: string): Fault => ({
  name,
  fault: (say) => {
    say.text(text);
  },
});
interface Fault {
  readonly name: string;
  readonly fault: (say: Say) => void;
}

/** INVARIANT under test: none of these is an allow. */
const faults: readonly Fault[] = [
  { name: "a refusal that holds an allow", fault: (say) => say.text(whole, frameKinds.refusal) },
  { name: "an allow as a frame of an unknown kind", fault: (say) => say.text(whole, 77) },
  { name: "an allow as a question", fault: (say) => say.text(whole, frameKinds.question) },
  { name: "a connection that ends", fault: (say) => say.destroy() },
  {
    name: "half an answer",
    fault: (say) => {
      say.bytes(frame(5_000, frameKinds.answer, 1, '{"allow":true'));
      setTimeout(() => say.destroy(), 20);
    },
  },
  { name: "more than any decision is", fault: (say) => say.bytes(frame(2 ** 31, frameKinds.answer, 1)) },
  { name: "what isn't a frame", fault: (say) => say.bytes(Buffer.from("HTTP/1.1 200 OK\r\n\r\n{}")) },
  answered("no JSON", "allow"),
  answered("nothing", ""),
  answered("true", "true"),
  answered("an empty list", '{"decisions":[]}'),
  answered("two decisions for one call", JSON.stringify({ decisions: [decision, decision] })),
  decided('allow: "true"', { allow: "true" }),
  decided("allow: 1", { allow: 1 }),
  answered(
    "allow twice",
    `{"decisions":[${JSON.stringify(decision).replace('"allow":true', '"allow":false,"allow":true')}]}`,
  ),
  decided("an allow for nobody", { subject: undefined }),
  decided("a subject without a tenant", { subject: { type: "a", id: "b" } }),
  decided("no reasons", { reasons: undefined }),
  decided("no obligations", { obligations: undefined }),
  decided("obligations of no shape", { obligations: [{ type: "limit_tokens" }] }),
  decided("a decision id that would break a header", { decision_id: "a\r\nb: c" }),
  decided("an unknown cache level", { cache: "l9" }),
];

describe("a sidecar that fails", () => {
  test.each(faults)("$name: denied, nothing forwarded", async ({ fault }) => {
    world.sidecar.raw = fault;
    const response = await post(world, "/v1/chat/completions", chatBody());
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: "pdp_unavailable" } });
    expect(world.model.received).toEqual([]);
  });

  test("the control: a whole decision is one", async () => {
    world.sidecar.raw = (say) => {
      both(say, decision);
    };
    expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(200);
    world.model.received.length = 0;
  });
});

describe("a sidecar that isn't there or doesn't answer", () => {
  let other: World;
  beforeEach(async () => {
    other = await startWorld();
  });
  afterEach(() => other.close());

  test("a missing socket: denied at every door", async () => {
    const { socket } = other.sidecar;
    await rename(socket, `${socket}.away`);
    await until(() => other.sidecar.connected() === 1);
    other.sidecar.hangUp();
    const chat = await post(other, "/v1/chat/completions", chatBody());
    expect([chat.status, await chat.json()]).toMatchObject([503, { error: { code: "pdp_unavailable" } }]);
    const query = await post(other, "/v1/retrieval/handbook/query", '{"query":"x"}');
    expect([query.status, await query.json()]).toMatchObject([503, { code: "pdp_unavailable" }]);
    const models = await fetch(`${other.url}/v1/models`);
    expect(models.status).toBe(503);
    expect([...other.model.received, ...other.store.received]).toEqual([]);
    // what became of them is told once there is somebody to tell: closing waits for that
    await rename(`${socket}.away`, socket);
  });

  test("silence: denied once the deadline has passed", async () => {
    other.sidecar.raw = () => undefined;
    const response = await post(other, "/v1/chat/completions", chatBody());
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: "pdp_timeout" } }]);
    expect(other.model.received).toEqual([]);
  });
});

test("a connection that is lost after a question: it's asked again, once", async () => {
  world.model.received.length = 0;
  let times = 0;
  world.sidecar.raw = (say) => {
    times++;
    if (times === 1) say.destroy();
    else both(say, decision);
  };
  expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(200);
  expect(times).toBe(2);
});

test("an answer to another question, or to one that is answered already, changes nothing", async () => {
  world.model.received.length = 0;
  let times = 0;
  world.sidecar.raw = (say) => {
    times++;
    const denial = JSON.stringify({ decisions: [{ ...decision, allow: false }] });
    // ids that aren't asked, then the right one
    say.bytes(frame(Buffer.byteLength(whole), frameKinds.answer, 2 ** 40, whole));
    say.text(denial);
    say.text(whole);
  };
  expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(403);
  expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(403);
  expect([times, world.model.received]).toEqual([2, []]);
});

test("outcomes that a sidecar didn't take are told to the next connection", async () => {
  world.sidecar.raw = undefined;
  world.sidecar.deaf = true;
  const response = await post(world, "/v1/chat/completions", chatBody());
  const id = response.headers.get("x-countersign-decision-id");
  const told = () => world.sidecar.outcomes.filter(({ decision_id }) => decision_id === id);
  await until(() => told().length === 1);
  world.sidecar.deaf = false;
  world.sidecar.hangUp();
  await until(() => told().length === 2);
  expect(told()[1]).toEqual(told()[0]);
  world.model.received.length = 0;
});
