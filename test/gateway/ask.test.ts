import { rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { World } from "./world.js";
import { chatBody, json, post, startWorld, subject } from "./world.js";

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
const both = (res: ServerResponse, value: unknown): void => {
  json(res, { ...(value as object), decisions: [value] });
};

/** INVARIANT under test: none of these is an allow. */
const faults: readonly (readonly [string, (res: ServerResponse) => void])[] = [
  [
    "a 500 with an allow",
    (res) => {
      json(res, { ...decision, decisions: [decision] }, 500);
    },
  ],
  [
    "a 201 with an allow",
    (res) => {
      json(res, { ...decision, decisions: [decision] }, 201);
    },
  ],
  [
    "a redirect",
    (res) => {
      res.writeHead(302, { location: "/v1/decisions" }).end();
    },
  ],
  [
    "no JSON",
    (res) => {
      res.end("allow");
    },
  ],
  [
    "nothing",
    (res) => {
      res.end();
    },
  ],
  [
    "true",
    (res) => {
      json(res, true);
    },
  ],
  [
    "an empty list",
    (res) => {
      json(res, { decisions: [] });
    },
  ],
  [
    "two decisions for one call",
    (res) => {
      json(res, { decisions: [decision, decision] });
    },
  ],
  [
    "a connection that ends",
    (res) => {
      res.destroy();
    },
  ],
  [
    "half an answer",
    (res) => {
      res.writeHead(200, { "content-length": 5_000 }).write('{"allow":true');
      res.destroy();
    },
  ],
  [
    'allow: "true"',
    (res) => {
      both(res, { ...decision, allow: "true" });
    },
  ],
  [
    "allow: 1",
    (res) => {
      both(res, { ...decision, allow: 1 });
    },
  ],
  [
    "allow twice",
    (res) => {
      const text = JSON.stringify(decision).replace('"allow":true', '"allow":false,"allow":true');
      res.end(`{"decisions":[${text}],${text.slice(1)}`);
    },
  ],
  [
    "an allow for nobody",
    (res) => {
      both(res, { ...decision, subject: undefined });
    },
  ],
  [
    "a subject without a tenant",
    (res) => {
      both(res, { ...decision, subject: { type: "a", id: "b" } });
    },
  ],
  [
    "no reasons",
    (res) => {
      both(res, { ...decision, reasons: undefined });
    },
  ],
  [
    "no obligations",
    (res) => {
      both(res, { ...decision, obligations: undefined });
    },
  ],
  [
    "obligations of no shape",
    (res) => {
      both(res, { ...decision, obligations: [{ type: "limit_tokens" }] });
    },
  ],
  [
    "a decision id that would break a header",
    (res) => {
      both(res, { ...decision, decision_id: "a\r\nb: c" });
    },
  ],
  [
    "an unknown cache level",
    (res) => {
      both(res, { ...decision, cache: "l9" });
    },
  ],
  [
    "more than any decision is",
    (res) => {
      res.end(" ".repeat(9 * 2 ** 20));
    },
  ],
];

describe("a sidecar that fails", () => {
  test.each(faults)("%s: denied, nothing forwarded", async (_name, fault) => {
    world.sidecar.raw = (_req, res) => {
      fault(res);
    };
    const response = await post(world, "/v1/chat/completions", chatBody());
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: "pdp_unavailable" } });
    expect(world.model.received).toEqual([]);
  });

  test("the control: a whole decision is one", async () => {
    world.sidecar.raw = (_req, res) => {
      both(res, decision);
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
    await rm(other.sidecar.socket);
    const chat = await post(other, "/v1/chat/completions", chatBody());
    expect([chat.status, await chat.json()]).toMatchObject([503, { error: { code: "pdp_unavailable" } }]);
    const query = await post(other, "/v1/retrieval/handbook/query", '{"query":"x"}');
    expect([query.status, await query.json()]).toMatchObject([503, { code: "pdp_unavailable" }]);
    const models = await fetch(`${other.url}/v1/models`);
    expect(models.status).toBe(503);
    expect([...other.model.received, ...other.store.received]).toEqual([]);
  });

  test("silence: denied once the deadline has passed", async () => {
    other.sidecar.raw = () => undefined;
    const response = await post(other, "/v1/chat/completions", chatBody());
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: "pdp_timeout" } }]);
    expect(other.model.received).toEqual([]);
  });
});

test("a sidecar that closed an idle connection is asked again, once", async () => {
  world.model.received.length = 0;
  let times = 0;
  world.sidecar.raw = (req, res) => {
    times++;
    if (times === 1) req.socket.destroy();
    else both(res, decision);
  };
  expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(200);
  expect(times).toBe(2);
});
