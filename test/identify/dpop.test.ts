import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { calculateJwkThumbprint } from "jose";
import { normalizeUrl } from "../../sidecar/identify/proof/normalize-url.js";
import { readProofKey } from "../../sidecar/identify/proof/proof-key.js";
import { createMemoryReplay } from "../../sidecar/identify/proof/replay.js";
import { startRedis, until, type TestRedis } from "../redis.js";
import { credentialsOf, dpopCases, forgedNonce } from "./dpop.cases.js";
import {
  accessToken,
  bound,
  createProofWorld,
  holder,
  parse,
  proof,
  stranger,
  target,
  thumbprint,
} from "./proof-world.js";
import { jwk, start } from "./world.js";

const present = (made = proof(), more: object = {}) => ({
  dpop: { token: bound, proof: made },
  target: { ...target, ...more },
});

describe("a DPoP proof", () => {
  const world = createProofWorld({ dpop: {} });
  test.each(dpopCases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const outcome = await world.identify(credentialsOf(one));
    expect(outcome.kind === "refusal" ? outcome.code : outcome.kind).toBe(one.expect);
    if (outcome.kind === "refusal") expect(JSON.stringify(outcome)).not.toMatch(/jti-\d|evil|gw\.example/);
    expect(world.events.filter(({ kind }) => kind === "internal_error")).toEqual([]);
  });

  test("proves the key, names itself by a digest, and raises the assurance", async () => {
    const outcome = await world.identify(present());
    expect(outcome).toMatchObject({ kind: "identified", identity: { method: "jwt", assurance: "dpop" } });
    const credentials = outcome.kind === "identified" ? outcome.identity.credentials : [];
    expect(credentials.map(({ method }) => method)).toEqual(["jwt", "dpop"]);
    expect(credentials[1]?.id).toMatch(/^sha256:[\w-]{43}$/);
    // what was proved lasts as long as the token, not as the proof
    expect(outcome.kind === "identified" && outcome.identity.expiresAt).toBe(start + 600_000);
  });

  test("the thumbprint is RFC 7638's", async () => {
    expect(thumbprint(holder)).toBe(await calculateJwkThumbprint(jwk(holder) as never));
  });

  test("a bound token without a proof", async () => {
    expect(await world.outcome({ bearer: bound })).toBe("token_binding");
  });

  test("without the request that it was made for, or where it isn't configured", async () => {
    expect(await world.outcome({ dpop: { token: bound, proof: proof() } })).toBe("invalid_request");
    expect(await createProofWorld({}).outcome(present())).toBe("credential_unsupported");
    expect(await createProofWorld({ dpop: { enabled: false } }).outcome(present())).toBe(
      "credential_unsupported",
    );
  });
});

describe("a proof that was used before", () => {
  test("is refused, with another spelling of the same jti and payload, too", async () => {
    const world = createProofWorld({ dpop: {} });
    const made = proof({ jti: "once" });
    expect(await world.outcome(present(made))).toBe("identified");
    expect(await world.outcome(present(made))).toBe("dpop_replayed");
    // signed anew: ECDSA gives another signature, the id is the same
    expect(await world.outcome(present(proof({ jti: "once" })))).toBe("dpop_replayed");
    // for another resource
    expect(
      await world.outcome(
        present(proof({ jti: "once", htu: "https://gw.example/x" }), { url: "https://gw.example/x" }),
      ),
    ).toBe("dpop_replayed");
    expect(await world.outcome(present(proof({ jti: "twice" })))).toBe("identified");
  });

  test("two at once: one of them", async () => {
    const world = createProofWorld({ dpop: {} });
    const made = proof();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => world.outcome(present(made))));
    expect(outcomes.filter((one) => one === "identified")).toHaveLength(1);
    expect(new Set(outcomes)).toEqual(new Set(["identified", "dpop_replayed"]));
  });

  test("is remembered for as long as it would be accepted, whichever clock it came from", async () => {
    const world = createProofWorld({ dpop: { max_age_seconds: 60, clock_skew_seconds: 10 } });
    const made = proof({ iat: start / 1000 + 10 });
    expect(await world.outcome(present(made))).toBe("identified");
    world.pass(69_999);
    expect(await world.outcome(present(made))).toBe("dpop_replayed");
    world.pass(10_002);
    expect(await world.outcome(present(made))).toBe("dpop_invalid");
  });

  test("serves the questions about one request, and no other request", async () => {
    const world = createProofWorld({ dpop: {} });
    const made = proof();
    expect(await world.outcome(present(made, { id: "exchange-1" }))).toBe("identified");
    expect(await world.outcome(present(made, { id: "exchange-1" }))).toBe("identified");
    expect(await world.outcome(present(made, { id: "exchange-2" }))).toBe("dpop_replayed");
    expect(await world.outcome(present(made))).toBe("dpop_replayed");
    expect(await world.outcome(present(made, { id: "" }))).toBe("dpop_replayed");
  });

  test("isn't used up by who doesn't hold the token or the key", async () => {
    const world = createProofWorld({ dpop: {} });
    const made = proof();
    const foreign = accessToken({ cnf: { jkt: thumbprint(stranger) } });
    expect(await world.outcome({ dpop: { token: foreign, proof: made }, target })).toBe("token_binding");
    expect(await world.outcome({ dpop: { token: `${bound}x`, proof: made }, target })).not.toBe("identified");
    expect(await world.outcome(present(made, { method: "GET" }))).toBe("dpop_invalid");
    expect(await world.outcome(present(made))).toBe("identified");
  });
});

describe("the store of a process", () => {
  const use = (proof: string, holder: string) => ({ proof, holder, exchange: "" });
  test("when it is full refuses, and takes new ones when old ones end", () => {
    let clock = 0;
    const store = createMemoryReplay({ keepMs: 1_000, maxEntries: 16, now: () => clock });
    for (let i = 0; i < 16; i++) expect(store.use(use(`p${i}`, `h${i}`))).toBe("first");
    expect(store.use(use("more", "h"))).toBe("unknown");
    expect(store.use(use("p0", "h0"))).toBe("replayed");
    clock = 1_124;
    expect(store.use(use("more", "h"))).toBe("unknown");
    clock = 1_125;
    expect(store.use(use("more", "h"))).toBe("first");
  });
  test("one key's holder can't fill it for the others", () => {
    const store = createMemoryReplay({ keepMs: 1_000, maxEntries: 40, now: () => 0 });
    const said = Array.from({ length: 40 }, (_, i) => store.use(use(`p${i}`, "greedy")));
    expect(said.filter((one) => one === "first")).toHaveLength(10);
    expect(said.at(-1)).toBe("unknown");
    expect(store.use(use("mine", "modest"))).toBe("first");
  });
  test("keeps each for its time, and forgets all in the end", () => {
    let clock = 0;
    const store = createMemoryReplay({ keepMs: 800, maxEntries: 1_000_000, now: () => clock });
    const ends: [proof: string, until: number][] = [];
    for (clock = 0; clock < 5_000; clock += 7) {
      expect(store.use(use(`p${clock}`, "h"))).toBe("first");
      ends.push([`p${clock}`, clock + 800]);
      for (const [proof] of ends.filter(([, until]) => clock < until && until % 5 === 0))
        expect(store.use(use(proof, "h"))).toBe("replayed");
    }
    clock += 900;
    expect(store.use(use("p0", "h"))).toBe("first");
    // one that was set back forgets nothing early
    clock = 0;
    expect(store.use(use("p0", "h"))).toBe("replayed");
  });
  test("full, the answer is a deny with its own code", async () => {
    const world = createProofWorld({ dpop: {}, replay: { max_entries: 100 } });
    const codes = [];
    for (let i = 0; i < 27; i++) codes.push(await world.outcome(present()));
    expect(codes.slice(0, 25)).toEqual(Array.from({ length: 25 }, () => "identified"));
    expect(codes.slice(25)).toEqual(["proof_store_unavailable", "proof_store_unavailable"]);
  });
});

describe("the store of a fleet", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.close();
  });
  const open = async () => {
    const world = createProofWorld(
      { dpop: {}, replay: { redis_url: redis.url, wait_ms: 1_000 } },
      Date.now(),
    );
    await until(() => world.events.some(({ kind }) => kind === "replay_store_connected"));
    return world;
  };
  // the tokens' clock is the world's start
  const soon = accessToken({
    cnf: { jkt: thumbprint(holder) },
    iat: Math.floor(Date.now() / 1000),
    exp: Math.floor(Date.now() / 1000) + 600,
  });
  const show = (made: string, more: object = {}) => ({
    dpop: { token: soon, proof: made },
    target: { ...target, ...more },
  });
  const make = () => proof({ iat: Math.floor(Date.now() / 1000) }, soon);

  test("a proof used at one is refused at the other, and for its own exchange is not", async () => {
    const [one, two] = [await open(), await open()];
    const made = make();
    expect(await one.outcome(show(made, { id: "x" }))).toBe("identified");
    expect(await two.outcome(show(made, { id: "y" }))).toBe("dpop_replayed");
    const next = make();
    expect(await one.outcome(show(next, { id: "x" }))).toBe("identified");
    expect(await two.outcome(show(next, { id: "x" }))).toBe("identified");
    // what lies there ends by itself, and holds neither jti nor exchange
    const keys = await redis.client.keys("*");
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      expect(await redis.client.pttl(key)).toBeGreaterThan(0);
      expect(`${key} ${await redis.client.get(key)}`).not.toMatch(/jti-|^x$/);
    }
    // a Redis that forgot can't undo what this process knows
    await redis.client.flushall();
    expect(await one.outcome(show(made, { id: "z" }))).toBe("dpop_replayed");
    await Promise.all([one.close(), two.close()]);
  });

  test("away or standing still, it refuses and never waits long", async () => {
    const world = await open();
    redis.freeze();
    expect(await world.outcome(show(make()))).toBe("proof_store_unavailable");
    redis.thaw();
    await until(async () => (await world.outcome(show(make()))) === "identified");
    await redis.kill();
    expect(await world.outcome(show(make()))).toBe("proof_store_unavailable");
    await redis.start();
    await until(async () => (await world.outcome(show(make()))) === "identified");
    await world.close();
  });
});

describe("nonces", () => {
  const world = () =>
    createProofWorld({ dpop: { nonce: true, nonce_seconds: 90, nonce_secret: "n".repeat(32) } });
  const issue = ({ proof: { nonces } }: ReturnType<typeof world>) => nonces?.issue() ?? "";

  test("ours, until it is too old", async () => {
    const here = world();
    const nonce = issue(here);
    expect(await here.outcome(present(proof({ nonce })))).toBe("identified");
    here.pass(59_000);
    const later = { nonce, iat: start / 1000 + 59 };
    expect(await here.outcome(present(proof(later)))).toBe("identified");
    here.pass(31_000);
    expect(issue(here)).not.toBe(nonce);
    expect(await here.outcome(present(proof({ nonce, iat: start / 1000 + 90 })))).toBe("dpop_nonce_required");
  });
  test("from a clock ahead of ours", async () => {
    const ahead = world();
    ahead.pass(30_000);
    const nonce = issue(ahead);
    expect(await world().outcome(present(proof({ nonce })))).toBe("dpop_nonce_required");
    expect(await ahead.outcome(present(proof({ nonce })))).toBe("identified");
  });
  test("shared by those who share the secret", async () => {
    const nonce = issue(world());
    expect(await world().outcome(present(proof({ nonce })))).toBe("identified");
    const other = createProofWorld({ dpop: { nonce: true, nonce_seconds: 90 } });
    expect(await other.outcome(present(proof({ nonce })))).toBe("dpop_nonce_required");
  });
  test.each([
    ["none", undefined],
    ["not text", 7],
    ["empty", ""],
    ["forged", forgedNonce(issue(world()))],
    [
      "of the future",
      `${(parseInt(issue(world()).split(".")[0] ?? "", 36) + 1).toString(36)}.${"A".repeat(24)}`,
    ],
    ["with something after it", `${issue(world())}x`],
    ["with a newline after it", `${issue(world())}\n`],
    ["of no turn", `.${"A".repeat(24)}`],
  ])("%s", async (_, nonce) => {
    expect(await world().outcome(present(proof({ nonce })))).toBe("dpop_nonce_required");
  });
  test("without the setting there are none", () => {
    expect(createProofWorld({ dpop: {} }).proof.nonces).toBeUndefined();
  });
});

test.each([
  [2_047, "jwk's size"],
  [2_048, undefined],
  [4_096, undefined],
  [4_097, "jwk's size"],
])("an RSA key of %d bits", (bits, problem) => {
  const n = Buffer.from((1n << BigInt(bits - 1)).toString(16).padStart(2 * Math.ceil(bits / 8), "0"), "hex");
  const read = (e: string) => readProofKey({ kty: "RSA", n: n.toString("base64url"), e }, "RS256");
  expect(typeof read("AQAB") === "string" ? read("AQAB") : undefined).toBe(problem);
  // an exponent as long as the modulus makes each verification as dear as a signature
  expect(read(n.toString("base64url"))).toBe("jwk's size");
});

describe("URLs", () => {
  test.each([
    ["https://a.example", "https://a.example/"],
    ["https://a.example:443/", "https://a.example/"],
    ["https://a.example:/", "https://a.example/"],
    ["https://a.example:0443/", "https://a.example/"],
    ["http://[::1]:8080/a", "http://[::1]:8080/a"],
    ["https://a.example/%7efoo/%2f/%2F", "https://a.example/~foo/%2F/%2F"],
    ["https://a.example/a/%2e%2e/b/.", "https://a.example/b/"],
    ["https://a.example/../../a//b", "https://a.example/a//b"],
    ["https://a.example/a/..", "https://a.example/"],
    ["ftp://a.example/", undefined],
    ["https://a.example:65536x/", undefined],
    ["https:///a", undefined],
    ["https://a.example/%zz", undefined],
    ["https://a.example/ü", undefined],
  ])("%s", (url, normal) => {
    expect(normalizeUrl(url)).toBe(normal);
  });
});

test("the configuration's problems name their places", () => {
  expect(
    parse({
      dpop: { algorithms: ["HS256"], max_age_seconds: 9_999, nonce_secret: "short", nonsense: 1 },
      replay: { redis_url: "http://x" },
    }).problems,
  ).toEqual([
    expect.stringMatching(/^identity\.dpop\.algorithms: must be some of ES256/),
    expect.stringMatching(/^identity\.dpop\.nonce_secret: /),
    expect.stringMatching(/^identity\.dpop\.max_age_seconds: /),
    expect.stringMatching(/^identity\.dpop\.nonsense: unknown field/),
    expect.stringMatching(/^identity\.replay\.redis_url: /),
  ]);
});
