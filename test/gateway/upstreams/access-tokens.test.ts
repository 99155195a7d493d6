/** How long an access token is kept: on a clock of its own, from a real endpoint. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Agent } from "undici";
import type { AccessTokens } from "../../../gateway/upstreams/access-tokens.js";
import { createAccessTokens } from "../../../gateway/upstreams/access-tokens.js";
import type { EntraConfig } from "../../../gateway/upstreams/upstream.js";
import type { Served } from "../world.js";
import { json, startUpstream, until } from "../world.js";

const minute = 60_000;
let login: Served;
let dispatcher: Agent;
let tokens: AccessTokens;
let config: EntraConfig;
let now = 0;
let secret = "one";
let failed: string[] = [];

beforeEach(async () => {
  [now, secret, failed] = [0, "one", []];
  login = await startUpstream((_req, res) => {
    json(res, { token_type: "Bearer", expires_in: 3600, access_token: `t${login.received.length}` });
  });
  dispatcher = new Agent();
  tokens = createAccessTokens({
    ...{ dispatcher, clock: () => now, now: () => now, read: () => secret },
    failed: (_config, why) => failed.push(why),
  });
  config = {
    ...{ kind: "entra", id: "k", clientId: "c", scope: "s", timeoutMs: 2_000 },
    tokenUrl: new URL(`${login.url}/t/oauth2/v2.0/token`),
    proof: { kind: "secret", source: { id: "k", env: "S" } },
  };
});
afterEach(async () => {
  await dispatcher.destroy();
  await login.close();
});

const asked = (): number => login.received.length;

test("is kept, renewed behind the back of who asks, and gone at its end", async () => {
  expect(await tokens.token(config)).toBe("t1");
  now = 54 * minute;
  expect(await tokens.token(config)).toBe("t1");
  expect(asked()).toBe(1);
  // within the last minutes the old one does while the new one is on its way
  now = 56 * minute;
  expect(await tokens.token(config)).toBe("t1");
  await until(() => asked() === 2);
  login.answer = (_req, res) => {
    json(res, { error: "temporarily_unavailable" }, 503);
  };
  expect(["t1", "t2"]).toContain(await tokens.token(config));
});

test("does for its last minutes while its endpoint fails, and not beyond", async () => {
  expect(await tokens.token(config)).toBe("t1");
  login.answer = (_req, res) => {
    json(res, { error: "temporarily_unavailable" }, 503);
  };
  now = 57 * minute;
  expect(await tokens.token(config)).toBe("t1");
  await until(() => failed.length === 1);
  now = 59.6 * minute;
  await expect(tokens.token(config)).rejects.toMatchObject({ why: "temporarily_unavailable" });
});

test("of another scope, client or address is another one", async () => {
  const others = [
    { ...config, scope: "other" },
    { ...config, clientId: "other" },
    { ...config, tokenUrl: new URL(`${login.url}/other/oauth2/v2.0/token`) },
  ];
  const all = await Promise.all([config, ...others].map((one) => tokens.token(one)));
  expect(new Set(all).size).toBe(4);
});

test("is asked for with the secret as it is then", async () => {
  await tokens.token(config);
  secret = "two";
  now = 61 * minute;
  await tokens.token(config);
  expect(login.received.map(({ body }) => new URLSearchParams(body).get("client_secret"))).toEqual([
    "one",
    "two",
  ]);
});

test("that was refused is forgotten; a newer one isn't", async () => {
  const first = await tokens.token(config);
  tokens.refused(config, first);
  const second = await tokens.token(config);
  tokens.refused(config, first);
  expect(await tokens.token(config)).toBe(second);
  expect(asked()).toBe(2);
});

test("of a life that is short is used for half of it at most", async () => {
  login.answer = (_req, res) => {
    json(res, { token_type: "bearer", expires_in: "10", access_token: `t${asked()}` });
  };
  await tokens.token(config);
  now = 4_900;
  expect(await tokens.token(config)).toBe("t1");
  now = 5_100;
  expect(await tokens.token(config)).not.toBe("t1");
});

test("isn't asked for twice by who comes while it is asked for, nor given up for one who goes", async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => tokens.token(config)));
  expect(new Set(all)).toEqual(new Set(["t1"]));
  expect(asked()).toBe(1);
});
