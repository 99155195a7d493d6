import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import type { Identity } from "../../../sidecar/contract.js";
import type { TasksWorld } from "./world.js";
import { ada, bob, codeOf, open, reader, start, startTasks, svid, taskOf, who, writer } from "./world.js";

const agent = who([ada, writer]);
const minute = 60_000;

async function begun(world: TasksWorld, identity: Identity = agent): Promise<string> {
  return world.token(taskOf(await world.tasks.resolve({}, identity)), identity);
}

async function codeFor(world: TasksWorld, token: string, identity: Identity = agent): Promise<string> {
  return codeOf(await world.tasks.resolve({ token }, identity));
}

test.each(["ES256", "EdDSA"] as const)(
  "a task goes on under its token, which whoever has the published keys can verify: %s",
  async (algorithm) => {
    const world = await startTasks({}, algorithm);
    const first = taskOf(await world.tasks.resolve({}, agent));
    expect(first).toMatchObject({ proven: false, born: "request", due: true, chain: ["writer"] });
    const token = world.token(first, agent);
    for (let known = 0; known < 2; known++) {
      const again = taskOf(await world.tasks.resolve({ token }, agent));
      expect(again).toMatchObject({ id: first.id, lineage: [first.id], proven: true, due: false });
      const { holders, marks } = first.keys;
      expect(again.keys).toMatchObject({ lineage: [first.id], holders, marks });
      expect(again.tokenId).toBe(open(token).claims["jti"]);
    }
    const keys = createLocalJWKSet(JSON.parse(world.keys()) as JSONWebKeySet);
    const { payload } = await jwtVerify(token, keys, {
      typ: "txntoken+jwt",
      audience: "countersign:tasks",
      issuer: "https://fleet.example",
      currentDate: new Date(start),
    });
    expect(payload).toMatchObject({ txn: first.id, sub: "ada", req_wl: "writer", scope: "task" });
    expect(payload["tctx"]).toMatchObject({ task: first.id, tenant: "acme", depth: 0 });
  },
);

test("a known token is told at once", async () => {
  const world = await startTasks();
  const token = await begun(world);
  expect(world.tasks.resolve({ token }, agent)).toBeInstanceOf(Promise);
  await world.tasks.resolve({ token }, agent);
  expect(world.tasks.resolve({ token }, agent)).not.toBeInstanceOf(Promise);
});

describe("another than the one who was given it", () => {
  const node = "spiffe://acme.example/node";
  const proven = who([ada, writer], { key: "jkt:one", assurance: "dpop" });
  const beside = who([ada, writer], {
    workload: { id: node, trust_domain: "acme.example", attested: true },
  });
  const cases: readonly { name: string; given: Identity; by: Identity }[] = [
    { name: "another user's agent", given: agent, by: who([bob, writer]) },
    { name: "another agent of the user", given: agent, by: who([ada, reader]) },
    { name: "the user", given: agent, by: who([ada]) },
    { name: "the agent by itself", given: agent, by: who([writer]) },
    { name: "one more in the chain", given: agent, by: who([ada, reader, writer]) },
    { name: "another tenant", given: agent, by: who([ada, writer], { tenant: "umbra" }) },
    {
      name: "another issuer",
      given: agent,
      by: who([ada, writer], { issuer: "https://other.example" }),
    },
    {
      name: "an agent of that name by another issuer",
      given: agent,
      by: who([ada, { ...writer, issuer: "https://other.example" }]),
    },
    { name: "without the key", given: proven, by: agent },
    { name: "another key", given: proven, by: who([ada, writer], { key: "jkt:two" }) },
    { name: "from another workload", given: beside, by: agent },
    { name: "another workload", given: svid(node), by: svid("spiffe://acme.example/other") },
  ];
  test.each(cases)("$name: task_token_misbound, also once it is known", async ({ given, by }) => {
    const world = await startTasks();
    const token = await begun(world, given);
    expect(await codeFor(world, token, by)).toBe("task_token_misbound");
    expect(await codeFor(world, token, given)).toBe("held");
    expect(await codeFor(world, token, by)).toBe("task_token_misbound");
  });

  test("a new access token, certificate or session of the same holder is the same holder", async () => {
    const world = await startTasks();
    const token = await begun(world);
    const later = who([ada, writer], { session: "s2", credentials: [{ method: "jwt", id: "c2" }] });
    expect(await codeFor(world, token, later)).toBe("held");
    const workload = svid(node);
    const own = await begun(world, workload);
    expect(await codeFor(world, own, svid(node, { credentials: [{ method: "x5t", id: "new" }] }))).toBe(
      "held",
    );
  });
});

describe("what isn't wholly one of ours", () => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const withHead = (token: string, more: object): string => {
    const [, claims = "", signature = ""] = token.split(".");
    return [part({ ...open(token).head, ...more }), claims, signature].join(".");
  };
  const withClaims = (token: string, more: object): string => {
    const [head = "", , signature = ""] = token.split(".");
    return [head, part({ ...open(token).claims, ...more }), signature].join(".");
  };
  const signedWith = (world: TasksWorld, token: string, more: object, type = "txntoken+jwt"): string =>
    world.sign(type, { ...open(token).claims, ...more } as never);
  const context = (token: string): object => open(token).claims["tctx"] as object;

  const cases: readonly {
    name: string;
    make: (token: string, world: TasksWorld) => string | Promise<string>;
  }[] = [
    { name: "empty", make: () => "" },
    { name: "no token", make: () => "hello" },
    { name: "huge", make: (token) => `${token}${"A".repeat(10_000)}` },
    { name: "another fleet's", make: async () => begun(await startTasks()) },
    { name: "another fleet's of the same keys", make: (t, w) => signedWith(w, t, { aud: "other" }) },
    { name: "one of several audiences", make: (t, w) => signedWith(w, t, { aud: ["countersign:tasks"] }) },
    {
      name: "an assertion of ours",
      make: (t, w) => signedWith(w, t, {}, "countersign-assertion+jwt"),
    },
    { name: "a JWT of ours", make: (t, w) => signedWith(w, t, {}, "JWT") },
    { name: "an access token of ours", make: (t, w) => signedWith(w, t, {}, "at+jwt") },
    { name: "alg none", make: (t) => `${withHead(t, { alg: "none" }).split(".").slice(0, 2).join(".")}.` },
    { name: "alg none with a signature", make: (t) => withHead(t, { alg: "none" }) },
    {
      name: "HS256 by the public key",
      make: (t, world) => {
        const forged = withHead(t, { alg: "HS256" }).split(".").slice(0, 2).join(".");
        const [key] = (JSON.parse(world.keys()) as { keys: object[] }).keys;
        const mac = createHmac("sha256", JSON.stringify(key)).update(forged).digest("base64url");
        return `${forged}.${mac}`;
      },
    },
    { name: "another alg", make: (t) => withHead(t, { alg: "ES384" }) },
    { name: "an unknown kid", make: (t) => withHead(t, { kid: "nobody" }) },
    { name: "no kid", make: (t) => withHead(t, { kid: undefined }) },
    { name: "a key of its own", make: (t) => withHead(t, { jwk: {} }) },
    { name: "crit", make: (t) => withHead(t, { crit: ["b64"], b64: false }) },
    { name: "longer exp", make: (t) => withClaims(t, { exp: 4_000_000_000 }) },
    { name: "another task", make: (t) => withClaims(t, { txn: "task-x" }) },
    { name: "a changed signature", make: (t) => `${t.slice(0, -4)}AAAA` },
    { name: "no signature", make: (t) => t.replace(/[^.]+$/, "") },
    { name: "blank before", make: (t) => ` ${t}` },
    { name: "five parts", make: (t) => `${t}.a.b` },
    { name: "no exp", make: (t, w) => signedWith(w, t, { exp: undefined }) },
    { name: "no task", make: (t, w) => signedWith(w, t, { tctx: undefined }) },
    {
      name: "a lineage that doesn't end with it",
      make: (t, w) => signedWith(w, t, { tctx: { ...context(t), lineage: [open(t).claims["txn"], "b"] } }),
    },
    { name: "nobody's", make: (t, w) => signedWith(w, t, { rctx: {} }) },
    {
      name: "a budget of another shape",
      make: (t, w) =>
        signedWith(w, t, { tctx: { ...context(t), budgets: [{ task: "a", budget: { gold: 1 } }] } }),
    },
  ];
  test.each(cases)("$name: task_token_invalid", async ({ make }) => {
    const world = await startTasks();
    const token = await begun(world);
    expect(await codeFor(world, await make(token, world))).toBe("task_token_invalid");
    expect(await codeFor(world, token)).toBe("held");
  });

  test("what the cases change is what makes the difference", async () => {
    const world = await startTasks();
    const token = await begun(world);
    expect(await codeFor(world, signedWith(world, token, {}))).toBe("held");
  });
});

describe("time", () => {
  test("a token expires, known or not", async () => {
    const world = await startTasks({ lifetime_seconds: 600 });
    const [known, unknown] = [await begun(world), await begun(world)];
    expect(await codeFor(world, known)).toBe("held");
    world.clock.now += 10 * minute;
    expect(await codeFor(world, known)).toBe("task_token_expired");
    expect(await codeFor(world, unknown)).toBe("task_token_expired");
  });

  test("one that is old is due for another, of the same task", async () => {
    const world = await startTasks({ lifetime_seconds: 600 });
    const token = await begun(world);
    world.clock.now += 6 * minute;
    expect(taskOf(await world.tasks.resolve({ token }, agent)).due).toBe(false);
    world.clock.now += 3 * minute;
    const old = taskOf(await world.tasks.resolve({ token }, agent));
    expect(old.due).toBe(true);
    const renewed = world.token(old, agent);
    world.clock.now += 8 * minute;
    expect(await codeFor(world, token)).toBe("task_token_expired");
    expect(taskOf(await world.tasks.resolve({ token: renewed }, agent)).id).toBe(old.id);
  });

  test("renewing never takes a task beyond its deadline, nor beyond the longest life", async () => {
    const world = await startTasks({ lifetime_seconds: 600, longest_seconds: 900 });
    const asking = taskOf(await world.tasks.resolve({}, agent));
    const deadline = new Date(start + 12 * minute).toISOString();
    let tokens = [
      world.token(asking, agent),
      world.token(taskOf(world.tasks.plan(asking, { deadline }, agent)), agent),
    ];
    world.clock.now += 8 * minute;
    tokens = await Promise.all(
      tokens.map(async (token) => world.token(taskOf(await world.tasks.resolve({ token }, agent)), agent)),
    );
    const ends = tokens.map((token) => (open(token).claims["exp"] as number) * 1_000 - start);
    expect(ends).toEqual([15 * minute, 12 * minute]);
    // nothing later can be had
    world.clock.now = start + 11 * minute;
    const [, last = ""] = tokens;
    expect(taskOf(await world.tasks.resolve({ token: last }, agent)).due).toBe(false);
    world.clock.now = start + 12 * minute;
    expect(await codeFor(world, last)).toBe("task_token_expired");
  });

  test("a token holds while its key is published, and no longer", async () => {
    const world = await startTasks({ lifetime_seconds: 3_600 });
    const token = await begun(world);
    world.clock.now += 59 * minute;
    await world.refresh();
    expect(await codeFor(world, token)).toBe("held");
    world.clock.now = start + 3 * 60 * minute;
    await world.refresh();
    expect(await codeFor(world, token)).toBe("task_token_invalid");
  });
});

describe("who is given a token", () => {
  test("created: not who only asks, but who begins a task, and again before it ends", async () => {
    const world = await startTasks({ issue: "created", lifetime_seconds: 600 });
    const asking = taskOf(await world.tasks.resolve({}, agent));
    expect(asking.due).toBe(false);
    const token = world.token(taskOf(world.tasks.plan(asking, {}, agent)), agent);
    world.clock.now += 9 * minute;
    expect(taskOf(await world.tasks.resolve({ token }, agent)).due).toBe(true);
  });

  test("not enabled: nobody, and none is taken", async () => {
    const world = await startTasks({ enabled: false });
    const asking = taskOf(await world.tasks.resolve({}, agent));
    expect(asking.due).toBe(false);
    expect(world.tasks.issue(asking, agent)).toBeUndefined();
    expect(await codeFor(world, await begun(await startTasks()))).toBe("task_token_invalid");
  });
});

describe("who is refused without a token", () => {
  test.each([
    { required: "never", agents: "held", users: "held" },
    { required: "agents", agents: "task_token_required", users: "held" },
    { required: "always", agents: "task_token_required", users: "task_token_required" },
  ])("$required", async ({ required, agents, users }) => {
    const { tasks } = await startTasks({ required });
    const hints = [{ kind: "mcp_session", id: "s" }] as const;
    expect(codeOf(await tasks.resolve(undefined, agent))).toBe(agents);
    expect(codeOf(await tasks.resolve({ hints }, svid("spiffe://acme.example/a")))).toBe(agents);
    expect(codeOf(await tasks.resolve({}, who([ada])))).toBe(users);
    expect(codeOf(await tasks.resolve({ create: {} }, agent))).toBe("held");
  });
});
