/** What must take no effect, whoever sends it. */
import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Members } from "../identify/world.js";
import { ec, es256, hs256, jwk, token, unsigned } from "../identify/world.js";
import type { Receiver, Transmitter } from "./world.js";
import { audience, bearer, issuer, pushTo, serve, startReceiver, startTransmitter, uris } from "./world.js";

let from: Transmitter;
let receiver: Receiver;
beforeAll(async () => {
  from = await startTransmitter();
});
afterAll(() => from.close());
beforeEach(async () => {
  receiver = await startReceiver(from);
});
afterEach(() => receiver.close());

const ann = { format: "iss_sub", iss: issuer, sub: "ann" };
const uri = `${uris.caep}session-revoked`;
const now = Math.floor(Date.now() / 1000);
const claims = (more: Members = {}) => from.claims(uri, ann, {}, more);
const other = ec();

interface Attack {
  readonly name: string;
  readonly make: () => string;
  readonly err: string;
}

const attacks: readonly Attack[] = [
  {
    name: "another audience",
    make: () => from.sign(claims({ aud: "https://other.test" })),
    err: "invalid_audience",
  },
  { name: "no audience", make: () => from.sign(claims({ aud: undefined })), err: "invalid_audience" },
  {
    name: "an audience in an object",
    make: () => from.sign(claims({ aud: { [audience]: audience } })),
    err: "invalid_audience",
  },
  {
    name: "another issuer",
    make: () => from.sign(claims({ iss: "https://other.test" })),
    err: "invalid_issuer",
  },
  {
    name: "an issuer with a slash more",
    make: () => from.sign(claims({ iss: `${issuer}/` })),
    err: "invalid_issuer",
  },
  { name: "no issuer", make: () => from.sign(claims({ iss: undefined })), err: "invalid_issuer" },
  { name: "alg none", make: () => from.sign(claims(), { alg: "none" }, unsigned), err: "invalid_key" },
  {
    name: "alg none in capitals",
    make: () => from.sign(claims(), { alg: "NONE" }, unsigned),
    err: "invalid_key",
  },
  {
    name: "HS256 with the public key",
    make: () =>
      from.sign(
        claims(),
        { alg: "HS256" },
        hs256(from.key.publicKey.export({ format: "pem", type: "spki" })),
      ),
    err: "invalid_key",
  },
  {
    name: "an algorithm that isn't listed",
    make: () => from.sign(claims(), { alg: "ES384" }),
    err: "invalid_key",
  },
  {
    name: "another key under the same name",
    make: () => from.sign(claims(), {}, es256(other)),
    err: "invalid_key",
  },
  {
    name: "a key that isn't there",
    make: () => from.sign(claims(), { kid: "t9" }, es256(other)),
    err: "invalid_key",
  },
  {
    name: "a changed payload",
    make: () => {
      const [head, , signature] = from.sign(claims()).split(".");
      const [, body] = from.sign(claims()).split(".");
      return [head, body, signature].join(".");
    },
    err: "invalid_key",
  },
  {
    name: "its own key in the header",
    make: () => from.sign(claims(), { jwk: jwk(other) }, es256(other)),
    err: "invalid_request",
  },
  {
    name: "a place of keys in the header",
    make: () => from.sign(claims(), { jku: from.jwks.url }),
    err: "invalid_request",
  },
  {
    name: "a certificate in the header",
    make: () => from.sign(claims(), { x5c: ["MII"] }),
    err: "invalid_request",
  },
  {
    name: "critical extensions",
    make: () => from.sign(claims(), { crit: ["b64"], b64: false }),
    err: "invalid_request",
  },
  {
    name: "the type of an access token",
    make: () => from.sign(claims(), { typ: "at+jwt" }),
    err: "invalid_request",
  },
  {
    name: "the type of a logout token",
    make: () => from.sign(claims(), { typ: "logout+jwt" }),
    err: "invalid_request",
  },
  { name: "no type", make: () => from.sign(claims(), { typ: undefined }), err: "invalid_request" },
  {
    name: "an end, as other tokens have",
    make: () => from.sign(claims({ exp: now + 600 })),
    err: "invalid_request",
  },
  {
    name: "a sub, as other tokens have",
    make: () => from.sign(claims({ sub: "ann" })),
    err: "invalid_request",
  },
  { name: "no jti", make: () => from.sign(claims({ jti: undefined })), err: "invalid_request" },
  { name: "a jti that is no text", make: () => from.sign(claims({ jti: 7 })), err: "invalid_request" },
  { name: "no iat", make: () => from.sign(claims({ iat: undefined })), err: "invalid_request" },
  { name: "an iat as text", make: () => from.sign(claims({ iat: String(now) })), err: "invalid_request" },
  { name: "one from the future", make: () => from.sign(claims({ iat: now + 600 })), err: "invalid_request" },
  {
    name: "one that is too old",
    make: () => from.sign(claims({ iat: now - 90_000 })),
    err: "invalid_request",
  },
  { name: "no events", make: () => from.sign(claims({ events: {} })), err: "invalid_request" },
  { name: "events as a list", make: () => from.sign(claims({ events: [uri] })), err: "invalid_request" },
  {
    name: "an event that is no object",
    make: () => from.sign(claims({ events: { [uri]: "now" } })),
    err: "invalid_request",
  },
  {
    name: "very many events",
    make: () =>
      from.sign(claims({ events: Object.fromEntries([...Array(50).keys()].map((n) => [uri + n, {}])) })),
    err: "invalid_request",
  },
  {
    name: "a key twice in the payload",
    make: () =>
      token(
        { alg: "ES256", kid: "t1", typ: "secevent+jwt" },
        JSON.stringify(claims()).replace('{"iss"', '{"iss":"x","iss"'),
        es256(from.key),
      ),
    err: "invalid_request",
  },
  { name: "no SET at all", make: () => "hello", err: "invalid_request" },
  { name: "a JSON document", make: () => JSON.stringify(claims()), err: "invalid_request" },
  { name: "nothing", make: () => "", err: "invalid_request" },
  {
    name: "another tenant's subject",
    make: () =>
      from.sign(
        from.claims(uri, { format: "complex", user: ann, tenant: { format: "opaque", id: "globex" } }),
      ),
    err: "access_denied",
  },
  {
    name: "another issuer's subject",
    make: () => from.sign(from.claims(uri, { ...ann, iss: "https://other.test" })),
    err: "access_denied",
  },
  {
    name: "another issuer's token",
    make: () => from.sign(from.claims(uri, { format: "jwt_id", iss: "https://other.test", jti: "j" })),
    err: "access_denied",
  },
];

describe("a pushed SET that is refused", () => {
  test.each(attacks)("$name", async ({ make, err }) => {
    expect(await receiver.push(make())).toEqual({ status: 400, err });
    expect(receiver.inForce()).toEqual([]);
    expect(receiver.bumped).toEqual([]);
    expect(receiver.told.map(({ result, err: why }) => [result, why])).toEqual([["refused", err]]);
  });
});

describe("who may push", () => {
  const wrong = [
    { name: "nobody without a token", more: { bearer: null } },
    { name: "nobody with another token", more: { bearer: `${bearer}x` } },
    { name: "nobody for a transmitter that isn't there", more: { name: "other" } },
    { name: "nobody for one named like a built-in", more: { name: "__proto__" } },
  ];
  test.each(wrong)("$name", async ({ more }) => {
    expect(await receiver.push(from.sign(claims()), more)).toEqual({
      status: 401,
      err: "authentication_failed",
    });
    expect(receiver.inForce()).toEqual([]);
  });

  test("nobody while the token's file is empty, short or gone; a new token counts at once", async () => {
    const good = from.sign(claims());
    for (const content of ["", "short", "two words-of-what-should-be-one-token-only"]) {
      await writeFile(from.tokenFile, content);
      expect((await receiver.push(good, { bearer: content === "" ? "x" : content.trim() })).status).toBe(401);
    }
    await writeFile(from.tokenFile, "another-token-of-the-transmitter-0123456789");
    expect((await receiver.push(good)).status).toBe(401);
    expect(
      (await receiver.push(good, { bearer: "another-token-of-the-transmitter-0123456789" })).status,
    ).toBe(202);
    await writeFile(from.tokenFile, `${bearer}\n`);
  });

  test("a transmitter that is polled has no door", async () => {
    const polled = await startReceiver(from, {
      transmitter: { push: undefined, poll: { url: "http://127.0.0.1:1/", token_file: from.tokenFile } },
    });
    expect((await polled.push(from.sign(claims()))).status).toBe(401);
    await polled.close();
  });
});

describe("the door", () => {
  const url = () => `${receiver.url}/v1/signals/idp`;
  test("takes SETs only", async () => {
    expect(await pushTo(url(), from.sign(claims()), bearer, "application/json")).toEqual({
      status: 415,
      err: "invalid_request",
    });
    const got = await fetch(url(), { headers: { authorization: `Bearer ${bearer}` } });
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
  });
  test("takes none that is huge, declared or not", async () => {
    const huge = from.sign(claims({ txn: "x".repeat(100_000) }));
    expect((await receiver.push(huge)).status).toBe(413);
    expect(receiver.inForce()).toEqual([]);
  });
  test("forgets one that ends early", async () => {
    await new Promise<void>((resolve) => {
      const req = request(url(), {
        method: "POST",
        headers: {
          authorization: `Bearer ${bearer}`,
          "content-type": "application/secevent+jwt",
          "content-length": "5000",
        },
      });
      req.on("error", () => resolve());
      req.write(from.sign(claims()), () => req.destroy());
    });
    expect(receiver.inForce()).toEqual([]);
    expect((await receiver.push(from.sign(claims()))).status).toBe(202);
  });
  test("says what is wrong in words of its own, and in which language", async () => {
    const response = await fetch(url(), {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/secevent+jwt" },
      body: from.sign(claims({ aud: "secret-audience" })),
    });
    expect(response.headers.get("content-language")).toBe("en");
    expect(await response.text()).not.toMatch(/secret-audience/);
  });
});

describe("the same SET again", () => {
  test("is acknowledged and does nothing", async () => {
    const set = from.sign(claims());
    expect((await receiver.push(set)).status).toBe(202);
    for (const { id } of receiver.fences.list()) await receiver.fences.lift(id, "eve");
    expect((await receiver.push(set)).status).toBe(202);
    expect(receiver.inForce()).toEqual([]);
    expect(receiver.told.map(({ result }) => result)).toEqual(["fenced", "duplicate"]);
  });
  test("signed anew is the same; with another event under its jti it isn't", async () => {
    const first = claims();
    await receiver.push(from.sign(first));
    await receiver.push(from.sign({ ...first, iat: now }));
    await receiver.push(from.sign({ ...first, sub_id: { ...ann, sub: "bob" } }));
    expect(receiver.told.map(({ result }) => result)).toEqual(["fenced", "duplicate", "fenced"]);
  });
  test("many times at once takes effect once", async () => {
    const set = from.sign(claims());
    const all = await Promise.all(Array.from({ length: 20 }, () => receiver.push(set)));
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([202]));
    expect(receiver.told.filter(({ result }) => result === "fenced")).toHaveLength(1);
    expect(receiver.inForce()).toHaveLength(1);
  });
});

describe("one that can't take effect now is to be sent again", () => {
  const failing = [
    { name: "there is no room for a fence", result: { kind: "refused", code: "fences_full" } as const },
    { name: "the fleet can't be told", result: { kind: "unwritten", fence: {} as never } as const },
  ];
  test.each(failing)("where $name", async ({ result }) => {
    const broken = await startReceiver(from, {
      parts: { fences: { ...receiver.fences, add: () => Promise.resolve(result) } },
    });
    const set = from.sign(claims());
    expect((await broken.push(set)).status).toBe(503);
    expect((await broken.push(set)).status).toBe(503);
    expect(broken.told.map((one) => one.result)).toEqual(["failed", "failed"]);
    await broken.close();
  });
  test("where something throws, or what is remembered can't be forgotten", async () => {
    const fail = () => Promise.reject(new Error("x"));
    for (const parts of [{ bump: fail }, { fences: { ...receiver.fences, add: fail } }]) {
      const broken = await startReceiver(from, { parts });
      expect((await broken.push(from.sign(claims()))).status).toBe(503);
      await broken.close();
    }
  });
  test("where the keys can't be had, and is taken when they can", async () => {
    from.jwks.serve((_, res) => void res.writeHead(503).end());
    const late = await startReceiver(from);
    const set = from.sign(claims());
    expect((await late.push(set)).status).toBe(503);
    expect(late.inForce()).toEqual([]);
    from.jwks.serve([jwk(from.key, { kid: "t1" })]);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect((await late.push(set)).status).toBe(202);
    await late.close();
  });
});

test("no URL of a SET is fetched", async () => {
  const asked: string[] = [];
  const trap = await serve((req, res) => {
    asked.push(req.url ?? "");
    res.end("{}");
  });
  const subject = { format: "uri", uri: `${trap.url}/subject`, jwks_uri: `${trap.url}/jwks` };
  await receiver.push(from.sign(claims({ iss: trap.url })));
  await receiver.push(from.sign(claims(), { jku: `${trap.url}/jku`, x5u: `${trap.url}/x5u` }));
  await receiver.push(from.sign(from.claims(uri, subject, { reason_admin: { en: trap.url } })));
  await receiver.push(from.sign(from.claims(trap.url, subject)));
  await receiver.push(
    from.sign(
      from.claims(`${uris.ssf}stream-updated`, subject, { status: "paused", endpoint_url: trap.url }),
    ),
  );
  expect(asked).toEqual([]);
  await trap.close();
});

describe("events about the stream", () => {
  const stream = { format: "opaque", id: "stream-1" };
  test("a verification is acknowledged, with and without a state", async () => {
    for (const body of [{}, { state: "x" }]) {
      expect(
        (await receiver.push(from.sign(from.claims(`${uris.ssf}verification`, stream, body)))).status,
      ).toBe(202);
    }
    expect(receiver.told.map(({ result }) => result)).toEqual(["verified", "verified"]);
  });
  test.each(["enabled", "paused", "disabled"])("its status: %s", async (status) => {
    await receiver.push(from.sign(from.claims(`${uris.ssf}stream-updated`, stream, { status })));
    expect(receiver.told.map(({ result }) => result)).toEqual([`stream_${status}`]);
  });
  test("a status that isn't one is refused", async () => {
    const set = from.sign(from.claims(`${uris.ssf}stream-updated`, stream, { status: "gone" }));
    expect(await receiver.push(set)).toEqual({ status: 400, err: "invalid_request" });
  });
});
