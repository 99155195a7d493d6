import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ServerResponse } from "node:http";
import type { IdentifyLimits } from "../../sidecar/identify/token/types.js";
import {
  createWorld,
  ec,
  es256,
  header,
  issuerConfig,
  jwk,
  payload,
  startJwksServer,
  token,
  type JwksServer,
  type KeyPair,
  type World,
} from "./world.js";

const [k1, k2] = [ec(), ec()];
const [j1, j2] = [jwk(k1, { kid: "k1" }), jwk(k2, { kid: "k2" })];
let server: JwksServer;
let world: World;

beforeEach(async () => {
  server = await startJwksServer();
});
afterEach(async () => {
  world.close();
  await server.close();
});

function open(limits: Partial<IdentifyLimits> = {}): void {
  world = createWorld([issuerConfig({ url: server.url })], limits);
}

/** Identifies by a token of its own (`n` keeps it out of the cache), giving code or kind. */
async function ask(kid: string, pair: KeyPair, n: unknown = Math.random()): Promise<string> {
  const life = { exp: Number(payload["iat"]) + 86_400 };
  const bearer = token({ ...header, kid }, { ...payload, ...life, n }, es256(pair));
  const outcome = await world.identify({ bearer });
  return outcome.kind === "refusal" ? outcome.code : outcome.cached ? "cached" : outcome.kind;
}
const times = <T>(n: number, run: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => run(i)));
const faults = (): unknown[] =>
  world.events.flatMap((event) => (event.kind === "keys_failed" ? [event.fault] : []));

describe("keys behind a URL", () => {
  test("50 first requests fetch once", async () => {
    server.serve([j1]);
    open();
    expect(new Set(await times(50, () => ask("k1", k1)))).toEqual(new Set(["identified"]));
    expect(server.requests).toEqual(["/jwks"]);
  });

  test("an unknown kid refreshes once in its interval, however many ask", async () => {
    server.serve([j1]);
    open();
    await ask("k1", k1);
    const codes = await times(50, (i) => ask(`unknown-${i}`, k2));
    expect(new Set(codes)).toEqual(new Set(["token_key_unknown"]));
    expect(server.requests.length).toBe(2);
    world.pass(29_999);
    await times(50, (i) => ask(`unknown-${i}`, k2));
    expect(server.requests.length).toBe(2);
    world.pass(1);
    await times(50, (i) => ask(`unknown-${i}`, k2));
    expect(server.requests.length).toBe(3);
  });

  test("a bad signature by a known kid doesn't refresh", async () => {
    server.serve([j1]);
    open();
    await ask("k1", k1);
    expect(await ask("k1", k2)).toBe("token_signature");
    expect(server.requests.length).toBe(1);
  });

  test("a key that is rotated in is found at once", async () => {
    server.serve([j1]);
    open();
    await ask("k1", k1);
    server.serve([j1, j2]);
    expect(await ask("k2", k2)).toBe("identified");
    expect(await ask("k1", k1)).toBe("identified");
    expect(world.events.at(-1)).toMatchObject({ kind: "keys_refreshed", keys: 2, added: 1, removed: 0 });
  });

  test("a kid that changes its key takes the old key's cached tokens along", async () => {
    const life = { exp: Number(payload["iat"]) + 86_400 };
    const bearer = token(header, { ...payload, ...life }, es256(k1));
    server.serve([j1]);
    open();
    expect(await world.identify({ bearer })).toMatchObject({ kind: "identified", cached: false });
    expect(await world.identify({ bearer })).toMatchObject({ kind: "identified", cached: true });
    server.serve([jwk(k2, { kid: "k1" })]);
    await ask("unknown", k2);
    expect(await world.identify({ bearer })).toMatchObject({ code: "token_signature" });
  });

  test("a removed key's cached token is refused, the other's stays cached", async () => {
    const life = { exp: Number(payload["iat"]) + 86_400 };
    const first = token(header, { ...payload, ...life }, es256(k1));
    const second = token({ ...header, kid: "k2" }, { ...payload, ...life }, es256(k2));
    server.serve([j1, j2]);
    open();
    await world.identify({ bearer: first });
    await world.identify({ bearer: second });
    server.serve([j2]);
    await ask("unknown", k1);
    expect(await world.identify({ bearer: first })).toMatchObject({ code: "token_key_unknown" });
    expect(await world.identify({ bearer: second })).toMatchObject({ kind: "identified", cached: true });
  });

  test("a key that a renewal brought again still takes its cached tokens along when it goes", async () => {
    const life = { exp: Number(payload["iat"]) + 86_400 };
    const bearer = token(header, { ...payload, ...life }, es256(k1));
    server.serve([j1]);
    open();
    await world.identify({ bearer });
    await ask("unknown", k2);
    expect(await world.identify({ bearer })).toMatchObject({ kind: "identified", cached: true });
    world.pass(30_000);
    server.serve([j2]);
    await ask("unknown", k2);
    expect(server.requests.length).toBe(3);
    expect(await world.identify({ bearer })).toMatchObject({ code: "token_key_unknown" });
  });

  test("an emptied set takes all keys away", async () => {
    server.serve([j1]);
    open();
    await ask("k1", k1);
    server.serve([]);
    await ask("unknown", k1);
    expect(await ask("k1", k1)).toBe("token_key_unknown");
  });

  test("a stale set is renewed behind the caller's back, a very stale one before its eyes", async () => {
    server.serve([j1]);
    open();
    await ask("k1", k1);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    server.serve((_, response) => {
      void held.then(() => response.end(JSON.stringify({ keys: [j2] })));
    });
    world.pass(300_001);
    expect(await ask("k1", k1)).toBe("identified"); // while the renewal hangs
    release();
    while (world.events.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await ask("k1", k1)).toBe("token_key_unknown");
    server.serve([j1]);
    world.pass(600_001);
    expect(await ask("k2", k2)).toBe("token_key_unknown");
  });

  test("a very stale set is renewed before a cached token counts", async () => {
    server.serve([j1]);
    open();
    expect(await ask("k1", k1, 1)).toBe("identified");
    const life = { exp: Number(payload["iat"]) + 86_400 };
    const bearer = token(header, { ...payload, ...life }, es256(k1));
    await world.identify({ bearer });
    server.serve([j2]);
    world.pass(600_001);
    expect(await world.identify({ bearer })).toMatchObject({ code: "token_key_unknown" });
  });

  test("known keys outlive an outage, but not for ever", async () => {
    server.serve([j1]);
    open({ keysSurviveMs: 3_600_000 });
    await ask("k1", k1);
    await server.close();
    world.pass(1_800_000);
    expect(await ask("k1", k1)).toBe("identified");
    expect(await ask("k9", k1)).toBe("issuer_unavailable");
    expect(faults()).toEqual(["network"]);
    world.pass(1_800_001);
    expect(await ask("k1", k1)).toBe("issuer_unavailable");
    expect(world.events.filter((event) => event.kind === "keys_expired").length).toBe(1);
  });

  test("an issuer that is down at first is asked again, at growing distances", async () => {
    open();
    expect(await ask("k1", k1)).toBe("issuer_unavailable");
    await times(20, () => ask("k1", k1));
    expect(server.requests.length).toBe(1);
    world.pass(1_000);
    await times(20, () => ask("k1", k1));
    expect(server.requests.length).toBe(2);
    world.pass(1_000);
    await ask("k1", k1);
    expect(server.requests.length).toBe(2);
    server.serve([j1]);
    world.pass(1_000);
    expect(await ask("k1", k1)).toBe("identified");
  });

  const big = JSON.stringify({ keys: [j1], filler: "f".repeat(256 * 1024) });
  const bad: readonly [string, string, (response: ServerResponse) => void][] = [
    ["too large, by its length", "too_large", (response) => void response.end(big)],
    ["too large, in pieces", "too_large", (response) => void (response.write(big), response.end())],
    [
      "endless",
      "too_large",
      (response) => {
        const more = (): void =>
          void (response.destroyed || (response.write("f".repeat(65_536)), setTimeout(more, 1)));
        more();
      },
    ],
    ["a redirect", "status", (response) => void response.writeHead(302, { location: "/elsewhere" }).end()],
    [
      "a permanent redirect",
      "status",
      (response) => void response.writeHead(308, { location: "/elsewhere" }).end(),
    ],
    ["not found", "status", (response) => void response.writeHead(404).end(JSON.stringify({ keys: [j1] }))],
    ["never answered", "timeout", () => undefined],
    ["never ended", "timeout", (response) => void response.write('{"keys":[')],
    [
      "cut off",
      "network",
      (response) => void (response.write('{"keys":['), setTimeout(() => response.destroy(), 10)),
    ],
    ["not JSON", "invalid", (response) => void response.end("<html>")],
    ["no set", "invalid", (response) => void response.end("[]")],
    ["keys twice", "invalid", (response) => void response.end(`{"keys":[],"keys":[${JSON.stringify(j1)}]}`)],
    [
      "with a private key",
      "invalid",
      (response) =>
        void response.end(JSON.stringify({ keys: [j1, { ...k2.privateKey.export({ format: "jwk" }) }] })),
    ],
    [
      "with a symmetric key",
      "invalid",
      (response) =>
        void response.end(JSON.stringify({ keys: [j1, { kty: "oct", kid: "k3", k: "c2VjcmV0" }] })),
    ],
    [
      "with too many keys",
      "invalid",
      (response) => void response.end(JSON.stringify({ keys: Array(129).fill(j1) })),
    ],
  ];
  test.each(bad)("a set that is %s isn't taken over", async (_, fault, answer) => {
    server.serve((_request, response) => answer(response));
    open({ fetchTimeoutMs: fault === "timeout" ? 1_000 : 20_000 });
    expect(await ask("k1", k1)).toBe("issuer_unavailable");
    expect(faults()).toEqual([fault]);
    expect(server.requests).toEqual(["/jwks"]);
  });

  test("keys of no use are skipped, and the rest is used", async () => {
    const weak = { kty: "RSA", n: "AQAB".repeat(40), e: "AQAB", kid: "weak" };
    const offCurve = { ...j2, kid: "off", x: j1["x"] };
    server.serve([
      weak,
      offCurve,
      { kty: "new" },
      { ...j2, use: "enc" },
      { ...j2, kid: 7 },
      { ...j2, alg: "ES384" },
      j1,
    ]);
    open();
    expect(await ask("k1", k1)).toBe("identified");
    expect(world.events).toEqual([
      { kind: "keys_refreshed", issuer: "test", keys: 1, added: 1, removed: 0, skipped: 6 },
    ]);
  });

  test("closing ends a fetch under way", async () => {
    server.serve(() => undefined);
    open({ fetchTimeoutMs: 60_000 });
    const asked = ask("k1", k1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    world.close();
    expect(await asked).toBe("issuer_unavailable");
  });
});
