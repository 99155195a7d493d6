/** What an upstream is told of a caller: from the client's request to the upstream's check, with everything real. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { parseGatewayConfig } from "../../gateway/config.js";
import type { Json } from "../../sidecar/contract.js";
import { audience, issuer, startAssertionWorld, type AssertionWorld } from "../assert/world.js";
import { startRedis, until, type TestRedis } from "../redis.js";
import { post, startWorld, chatBody } from "./world.js";

const verify = (token: string, url: string, path = "/.well-known/jwks.json") =>
  jwtVerify(token, createRemoteJWKSet(new URL(url + path)), {
    issuer,
    audience,
    typ: "countersign-assertion+jwt",
    clockTolerance: 5,
  });

describe.each(["ES256", "EdDSA"])("an upstream that wants an assertion (%s)", (algorithm) => {
  let world: AssertionWorld;
  beforeAll(async () => {
    world = await startAssertionWorld({ signing: { algorithm } });
  });
  afterAll(() => world.close());

  test("gets one that verifies with the keys of gateway and sidecar, and says who calls for whom", async () => {
    const response = await world.ask("senior");
    expect(response.status).toBe(200);
    const token = world.received();
    const places = [world.gatewayUrl, world.sidecarUrl].flatMap((url) => [
      [url, "/.well-known/jwks.json"],
      [url, "/.well-known/pomerium/jwks.json"],
    ]);
    for (const [url = "", path = ""] of places) {
      const { payload, protectedHeader } = await verify(token, url, path);
      expect(protectedHeader.alg).toBe(algorithm);
      expect(payload).toMatchObject({
        ...{ sub: "sam@acme.example", sub_type: "user", tenant: "acme" },
        groups: ["ml-engineering", "ml-senior"],
        act: { sub: "agent:senior-assistant", type: "agent" },
        decision_id: response.headers.get("x-countersign-decision-id"),
      });
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
    }
  });

  test("gets a new one with each request, though the decision comes from the cache", async () => {
    await world.ask("senior");
    const first = decodeJwt(world.received());
    const again = await world.ask("senior");
    const second = decodeJwt(world.received());
    expect(again.headers.get("x-countersign-cache")).toBe("l1");
    expect(second.jti).not.toBe(first.jti);
    expect(second["decision_id"]).not.toBe(first["decision_id"]);
  });

  test("gets it about who calls now, though another's decision is in the cache", async () => {
    await world.ask("senior");
    await world.ask("senior");
    const analyst = await world.ask("analyst");
    // the analyst may not use this model: nothing is signed, nothing sent
    expect(analyst.status).toBe(403);
    expect(decodeJwt(world.received()).sub).toBe("sam@acme.example");
  });

  test("the client and the log never see it", async () => {
    const response = await world.ask("senior");
    const token = world.received();
    const seen = JSON.stringify([...response.headers]) + (await response.text());
    const signature = token.split(".")[2] ?? "";
    expect(signature.length).toBeGreaterThan(80);
    expect(seen).not.toContain(signature);
    const id = response.headers.get("x-countersign-decision-id") ?? "?";
    await until(async () => (await world.decisionLog()).includes(id));
    const log = await world.decisionLog();
    expect(token.split(".").map((part) => log.includes(part))).toEqual([false, false, false]);
  });
});

test("keys are to be kept for a while, and hold nothing private", async () => {
  const world = await startAssertionWorld();
  try {
    for (const url of [world.gatewayUrl, world.sidecarUrl]) {
      const response = await fetch(`${url}/.well-known/jwks.json`);
      expect(response.headers.get("cache-control")).toBe("public, max-age=300, must-revalidate");
      const { keys } = (await response.json()) as { keys: Record<string, unknown>[] };
      expect(keys.length).toBeGreaterThan(1);
      for (const key of keys) {
        expect(key["d"]).toBeUndefined();
        expect(key).toMatchObject({ use: "sig", alg: "ES256", kid: expect.any(String) as unknown });
      }
    }
  } finally {
    await world.close();
  }
});

test("an upstream built for Pomerium's assertion is fed: its header, its claims, its place for keys", async () => {
  const world = await startAssertionWorld({
    wanted: {
      header: "X-Pomerium-Jwt-Assertion",
      type: "JWT",
      claims: { email: "subject.id", user: "subject.id", sid: "credential.id", act: "none" },
    },
  });
  try {
    // what the caller sends under that name is gone
    await world.ask("senior", { "x-pomerium-jwt-assertion": "forged", "x-countersign-assertion": "forged" });
    const keys = createRemoteJWKSet(new URL(`${world.gatewayUrl}/.well-known/pomerium/jwks.json`));
    const { payload } = await jwtVerify(world.received("x-pomerium-jwt-assertion"), keys, {
      issuer,
      audience,
    });
    expect(payload).toMatchObject({
      ...{ sub: "sam@acme.example", email: "sam@acme.example", user: "sam@acme.example" },
      ...{ groups: ["ml-engineering", "ml-senior"], sid: expect.any(String) as unknown },
    });
    expect(world.received()).toBe("");
  } finally {
    await world.close();
  }
});

describe("without what it takes, nothing is sent", () => {
  test("where the sidecar signs nothing", async () => {
    const world = await startAssertionWorld({ signing: null });
    try {
      const response = await world.ask("senior");
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ error: { code: "assertion_unavailable" } });
      expect(world.upstream.received).toEqual([]);
      // those of task tokens are there all the same
      for (const url of [world.gatewayUrl, world.sidecarUrl]) {
        const keys = await fetch(`${url}/.well-known/jwks.json`);
        expect(await keys.json()).toMatchObject({ keys: [{ alg: "ES256", use: "sig" }, {}] });
      }
    } finally {
      await world.close();
    }
  });

  test("where the upstream's audience isn't among those that may be asked for", async () => {
    const world = await startAssertionWorld({ signing: { audiences: ["https://other.internal"] } });
    try {
      expect((await world.ask("senior")).status).toBe(503);
      expect(world.upstream.received).toEqual([]);
    } finally {
      await world.close();
    }
  });

  test.each<readonly [string, object]>([
    ["none", {}],
    ["an empty token", { assertion: { token: "", id: "j" } }],
    ["a token with a line break", { assertion: { token: "a.b.c\r\nx-y: z", id: "j" } }],
    ["a bare text", { assertion: "a.b.c" }],
    ["null", { assertion: null }],
  ])("where the sidecar's allow brings %s", async (_name, decision) => {
    const world = await startWorld({
      config: {
        models: { small: { upstream: "own", provider: "p", region: "eu", environment: "prod" } },
        upstreams: { own: { url: "http://127.0.0.1:9", assertion: { audience } } },
      },
    });
    try {
      world.sidecar.decide = () => ({ allow: true, ...decision }) as never;
      const response = await post(world, "/v1/chat/completions", chatBody());
      expect(response.status).toBe(503);
      expect(((await response.json()) as { error: { code: string } }).error.code).toMatch(
        /^(?:assertion_unavailable|pdp_unavailable)$/,
      );
      // denied before anything was sent, not failed while it was
      const { outcomes } = world.sidecar;
      await until(() => outcomes.length > 0);
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(["denied"]);
    } finally {
      await world.close();
    }
  });

  test("an upstream that wants none gets none, though the sidecar sent one", async () => {
    const world = await startWorld();
    try {
      world.sidecar.decide = () => ({ allow: true, assertion: { token: "a.b.c", id: "j" } });
      expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(200);
      expect(JSON.stringify(world.model.received[0]?.headers)).not.toContain("a.b.c");
      expect(world.sidecar.asked[0]).not.toHaveProperty("assertion");
    } finally {
      await world.close();
    }
  });
});

describe("who may ask the sidecar for an assertion", () => {
  let world: AssertionWorld;
  beforeAll(async () => {
    world = await startAssertionWorld();
  });
  afterAll(() => world.close());

  const question = {
    call: {
      kind: "model",
      action: { name: "model.invoke", properties: {} },
      resource: {
        type: "model",
        id: "gpt-4o",
        properties: { provider: "openai", region: "us", environment: "prod" },
      },
    },
    context: { source: { ip: "127.0.0.1" }, request: { id: "r-12345678", method: "POST", path: "/" } },
    obligations: [],
  };

  test("not a caller on its own behalf", async () => {
    const ask = (body: object): Promise<Response> =>
      world.token("senior").then((token) =>
        fetch(`${world.sidecarUrl}/v1/decisions`, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
          body: JSON.stringify(body),
        }),
      );
    expect(await (await ask(question)).json()).toMatchObject({ allow: true });
    const response = await ask({ ...question, assertion: { audience } });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "pep_unauthenticated" });
  });

  const asPep = async (body: object): Promise<{ status: number; answer: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const req = request(
        {
          socketPath: world.socket,
          path: "/v1/decisions",
          method: "POST",
          headers: { "content-type": "application/json" },
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on("data", (chunk: Buffer) => chunks.push(chunk));
          res.on("end", () => {
            const answer = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
            resolve({ status: res.statusCode ?? 0, answer });
          });
        },
      );
      req.on("error", reject).end(JSON.stringify(body));
    });

  test("an enforcement point does, for one call at a time", async () => {
    const credentials = { bearer: await world.token("senior") };
    const { call, ...rest } = question;
    const one = await asPep({ ...rest, call, credentials, assertion: { audience } });
    expect(one.answer).toMatchObject({ allow: true, assertion: { token: expect.any(String) as unknown } });
    const two = await asPep({ ...rest, calls: [call, call], credentials, assertion: { audience } });
    expect(two).toMatchObject({ status: 400, answer: { code: "invalid_request" } });
  });

  test("a denial brings none", async () => {
    const credentials = { bearer: await world.token("contractor") };
    const { answer } = await asPep({ ...question, credentials, assertion: { audience } });
    expect(answer["allow"]).toBe(false);
    expect(answer).not.toHaveProperty("assertion");
    const nobody = await asPep({ ...question, credentials: {}, assertion: { audience } });
    expect(nobody.answer).not.toHaveProperty("assertion");
  });
});

describe("a fleet", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());
  test("of two sidecars that start at once: what one signs, the other's keys verify", async () => {
    const signing = { redis_url: redis.url, secret: "the fleet's secret, 32 characters long" };
    const worlds = await Promise.all([startAssertionWorld({ signing }), startAssertionWorld({ signing })]);
    try {
      for (const world of worlds) {
        expect((await world.ask("senior")).status).toBe(200);
        const config = await (await fetch(`${world.sidecarUrl}/v1/config`)).text();
        expect(config).toContain(issuer);
        expect(config).not.toContain("secret");
        for (const other of worlds) {
          expect((await verify(world.received(), other.gatewayUrl)).payload.sub).toBe("sam@acme.example");
        }
      }
    } finally {
      await Promise.all(worlds.map((world) => world.close()));
    }
  });

  test("whose Redis isn't there yet: nothing is signed nor sent; once it is there, all is well", async () => {
    await redis.kill();
    const world = await startAssertionWorld({
      signing: { redis_url: redis.url, secret: "the fleet's secret, 32 characters long" },
    });
    try {
      expect((await world.ask("senior")).status).toBe(503);
      expect(world.upstream.received).toEqual([]);
      await redis.start();
      await until(async () => (await world.ask("senior")).status === 200);
      expect((await verify(world.received(), world.gatewayUrl)).payload.sub).toBe("sam@acme.example");
    } finally {
      await world.close();
    }
  });

  test("reads its secret from a file, and doesn't start with one that is too short", async () => {
    const directory = await mkdtemp(join(tmpdir(), "countersign-secret-"));
    const secret_file = join(directory, "secret");
    const signing = { redis_url: redis.url, secret_file };
    try {
      await writeFile(secret_file, "short\n");
      await expect(startAssertionWorld({ signing })).rejects.toThrow(/too short: at least 32/);
      await writeFile(secret_file, "the fleet's secret, 32 characters long\n");
      const world = await startAssertionWorld({ signing });
      expect((await world.ask("senior")).status).toBe(200);
      await world.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("an upstream's configuration", () => {
  const parse = (assertion: Json) =>
    parseGatewayConfig({
      sidecar: { socket: "/s" },
      servers: { files: { url: "http://127.0.0.1:1/mcp", assertion } },
    }).servers.get("files")?.upstream?.assertion;
  test("takes a header, lower-case from there on", () => {
    expect(parse({ audience, header: "X-Who" })).toEqual({ header: "x-who", request: { audience } });
    expect(parse({ audience })?.header).toBe("x-countersign-assertion");
  });
  test.each<readonly [string, Json]>([
    ["authorization", { audience, header: "Authorization" }],
    ["host", { audience, header: "host" }],
    ["a session", { audience, header: "mcp-session-id" }],
    ["underscores", { audience, header: "x_who" }],
    ["a line break", { audience, header: "x-who\r\nx-a" }],
    ["no audience", { header: "x-who" }],
    ["a value", { audience, claims: { role: "admin" } }],
    ["an unknown field", { audience, subject: "root" }],
  ])("not %s", (_name, assertion) => {
    expect(() => parse(assertion)).toThrow(/servers\.files\.assertion/);
  });
});
