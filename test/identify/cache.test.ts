import { describe, expect, test } from "@jest/globals";
import { createTokenCache, digestToken } from "../../sidecar/identify/token/cache.js";
import {
  createWorld,
  ec,
  es256,
  header,
  issuerConfig,
  jwk,
  payload,
  start,
  token,
  type Members,
} from "./world.js";

const k1 = ec();
const config = issuerConfig({ keys: [jwk(k1, { kid: "k1" })] } as never);
const tokenFor = (claims: Members): string => token(header, { ...payload, ...claims }, es256(k1));

describe("the cache of verified tokens", () => {
  test("ends at exp, to the millisecond", async () => {
    const world = createWorld([config]);
    const bearer = tokenFor({ exp: start / 1000 + 60 });
    await world.identify({ bearer });
    world.pass(59_999);
    expect(await world.identify({ bearer })).toMatchObject({ kind: "identified", cached: true });
    world.pass(1);
    expect(await world.identify({ bearer })).toMatchObject({ code: "token_expired" });
  });

  test("verifies a new token once, however many bring it at the same time", async () => {
    const world = createWorld([config]);
    const bearer = tokenFor({ sub: "crowd" });
    const found = await Promise.all(Array.from({ length: 20 }, () => world.identify({ bearer })));
    const identities = new Set(found.map((one) => one.kind === "identified" && one.identity));
    expect(identities.size).toBe(1);
    // and a refusal isn't kept for those that come later
    const early = tokenFor({ nbf: start / 1000 + 40 });
    const refused = await Promise.all(Array.from({ length: 3 }, () => world.identify({ bearer: early })));
    expect(refused.map((one) => one.kind === "refusal" && one.code)).toEqual(
      Array(3).fill("token_not_yet_valid"),
    );
    world.pass(10_000);
    expect(await world.identify({ bearer: early })).toMatchObject({ kind: "identified" });
  });

  test("never crosses: each token gets its own identity", async () => {
    const world = createWorld([config]);
    const subs = Array.from({ length: 200 }, (_, i) => `sub-${i}`);
    const bearers = subs.map((sub) => tokenFor({ sub }));
    for (const cached of [false, true]) {
      const found = await Promise.all(bearers.map((bearer) => world.identify({ bearer })));
      const ids = found.map((one) => one.kind === "identified" && one.cached === cached && one.identity.id);
      expect(ids).toEqual(subs);
    }
  });

  test("never crosses: a good token's neighbours are verified themselves", async () => {
    const world = createWorld([config]);
    const bearer = tokenFor({});
    await world.identify({ bearer });
    const [head = "", , signature = ""] = bearer.split(".");
    const forged = Buffer.from(JSON.stringify({ ...payload, sub: "root" })).toString("base64url");
    expect(await world.identify({ bearer: [head, forged, signature].join(".") })).toMatchObject({
      code: "token_signature",
    });
  });

  test("is bounded by entries, the least recently used leaving first", async () => {
    const world = createWorld([config], { cacheEntries: 2 });
    const [a, b, c] = [tokenFor({ sub: "a" }), tokenFor({ sub: "b" }), tokenFor({ sub: "c" })];
    const cached = async (bearer: string): Promise<unknown> => {
      const outcome = await world.identify({ bearer });
      return outcome.kind === "identified" && outcome.cached;
    };
    for (const bearer of [a, b]) expect(await cached(bearer)).toBe(false);
    expect(await cached(a)).toBe(true);
    expect(await cached(c)).toBe(false);
    expect(await cached(a)).toBe(true);
    expect(await cached(b)).toBe(false);
  });

  test("is bounded by bytes", async () => {
    const bearers = Array.from({ length: 10 }, (_, i) => tokenFor({ sub: `sub-${i}` }));
    const world = createWorld([config], { cacheBytes: 3 * (bearers[0] ?? "").length });
    for (const bearer of bearers) await world.identify({ bearer });
    const again = await Promise.all(bearers.map((bearer) => world.identify({ bearer })));
    expect(again.filter((one) => one.kind === "identified" && one.cached).length).toBeLessThanOrEqual(3);
  });

  test("keeps no refusal: a token that becomes good is good", async () => {
    const world = createWorld([config]);
    const bearer = tokenFor({ nbf: start / 1000 + 40 });
    expect(await world.identify({ bearer })).toMatchObject({ code: "token_not_yet_valid" });
    world.pass(10_000);
    expect(await world.identify({ bearer })).toMatchObject({ kind: "identified", cached: false });
  });

  test("is forgotten on closing", async () => {
    const world = createWorld([config]);
    const bearer = tokenFor({});
    await world.identify({ bearer });
    world.close();
    expect(await world.identify({ bearer })).toMatchObject({ kind: "identified", cached: false });
  });

  test("gives nothing for a key that isn't live, and keeps no token", () => {
    const cache = createTokenCache({ cacheEntries: 4, cacheBytes: 1_000 });
    const key = { kid: "k", fingerprint: "f", usable: new Map(), live: true };
    const verified = { expiresAt: 10 };
    cache.set("digest", { verified, key, keys: {} } as never, 10);
    expect(cache.get("digest", 9)).toBeDefined();
    key.live = false;
    expect(cache.get("digest", 9)).toBeUndefined();
    key.live = true;
    expect(cache.get("digest", 9)).toBeUndefined();
    expect(digestToken("abc")).toBe("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  });
});
