/** Heads that try to be read as somebody else's: each is refused, and nothing reaches an upstream. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
let token: string;
let other: string;
beforeAll(async () => {
  world = await startWorld();
  token = await world.issuer.token("senior");
  other = await world.issuer.token("contractor");
});
afterAll(() => world.close());

const chat = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] });
const target = "POST /v1/chat/completions HTTP/1.1";

/** Sends a head as it is written, and the body. */
function send(
  lines: readonly string[],
  first = target,
  trailer = "",
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(world.gatewayUrl);
  const length = trailer === "" ? [`content-length: ${chat.length}`] : ["transfer-encoding: chunked"];
  const body = trailer === "" ? chat : `${chat.length.toString(16)}\r\n${chat}\r\n0\r\n${trailer}\r\n\r\n`;
  const head = [
    first,
    "host: gateway",
    "content-type: application/json",
    "connection: close",
    ...length,
    ...lines,
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let all = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (all += chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const [, status = "0"] = /^HTTP\/1\.1 (\d+)/.exec(all) ?? [];
      resolve({ status: Number(status), text: all });
    });
    socket.setTimeout(5_000, () => socket.destroy());
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
  });
}

const bearer = (): string => `authorization: Bearer ${token}`;
const jws = "eyJhbGciOiJFUzI1NiJ9.e30.AA";
/** What it is, the lines, the status, and our code where the server itself doesn't refuse it before. */
const cases: readonly (readonly [string, () => readonly string[], number, string?])[] = [
  ["no credentials", () => [], 401, "unauthenticated"],
  ["the same token twice", () => [bearer(), bearer()], 400, "invalid_request"],
  ["two tokens", () => [bearer(), `authorization: Bearer ${other}`], 400, "invalid_request"],
  [
    "two tokens under one name in other letters",
    () => [bearer(), `AUTHORIZATION: Bearer ${other}`],
    400,
    "invalid_request",
  ],
  [
    "two tokens, joined by a comma",
    () => [`authorization: Bearer ${token},Bearer ${other}`],
    401,
    "credential_unsupported",
  ],
  ["a token and more", () => [`${bearer()} x`], 401, "credential_unsupported"],
  ["a folded line", () => [`authorization: Bearer`, ` ${token}`], 400],
  ["a blank before the colon", () => [`authorization : Bearer ${token}`], 400],
  ["a NUL in the value", () => [`${bearer()}\0`], 400],
  ["a lone line feed in the head", () => [`x-a: b\n${bearer()}`], 400],
  ["a carriage return in a value", () => [`x-a: b\r${bearer()}`], 400],
  ["a name with a blank", () => [`x a: b`, bearer()], 400],
  ["bytes beyond ASCII in the token", () => [`${bearer()}\u00e9`], 401, "credential_unsupported"],
  ["another scheme", () => ["authorization: Basic c2VuaW9yOng="], 401, "credential_unsupported"],
  ["the token without its scheme", () => [`authorization: ${token}`], 401, "credential_unsupported"],
  ["the token as a cookie", () => [`cookie: authorization=${token}`], 401, "unauthenticated"],
  ["the token for a proxy", () => [`proxy-authorization: Bearer ${token}`], 401, "unauthenticated"],
  ["the token under an underscore", () => [`x_authorization: Bearer ${token}`], 401, "unauthenticated"],
  [
    "the token in a forwarded header",
    () => [`x-forwarded-authorization: Bearer ${token}`],
    401,
    "unauthenticated",
  ],
  ["a proof under the bearer's scheme", () => [bearer(), `dpop: ${jws}`], 401, "token_binding"],
  ["the DPoP scheme without a proof", () => [`authorization: DPoP ${token}`], 401, "token_binding"],
  ["a bearer's token under the DPoP scheme", () => [`authorization: DPoP ${token}`, `dpop: ${jws}`], 401],
  [
    "two proofs",
    () => [`authorization: DPoP ${token}`, `dpop: ${jws}`, `dpop: ${jws}`],
    400,
    "invalid_request",
  ],
  [
    "a forged client certificate",
    () => [bearer(), "x-forwarded-client-cert: Hash=00;URI=spiffe://acme/admin"],
    401,
    "forwarded_certificate_untrusted",
  ],
  ["an API key beside a token", () => [bearer(), "x-api-key: cs_live_x"], 401],
  [
    "a workload's token without proof",
    () => [bearer(), `workload-identity-token: ${jws}`],
    401,
    "token_binding",
  ],
  [
    "a workload's proof without token",
    () => [bearer(), `workload-proof-token: ${jws}`],
    401,
    "token_binding",
  ],
  ["a transaction token that nobody trusts", () => [bearer(), `txn-token: ${jws}`], 401],
];

describe("a head with", () => {
  test.each(cases.map(([name, ...rest]) => ({ name, rest })))("$name is refused", async ({ rest }) => {
    const [lines, status, code] = rest;
    const before = world.upstreams.model.received.length;
    const answer = await send(lines());
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(answer.text).toContain(`"${code}"`);
    expect(answer.text).not.toContain(token);
    expect(world.upstreams.model.received).toHaveLength(before);
  });
});

test("credentials in a trailer come too late", async () => {
  expect((await send(["trailer: authorization"], target, `authorization: Bearer ${token}`)).status).toBe(401);
});

test("a target with another authority is no route", async () => {
  const answer = await send([bearer()], "POST http://evil.example/v1/chat/completions HTTP/1.1");
  expect(answer.status).toBe(404);
});

test("the scheme's letters don't matter, what the caller says of its address doesn't either", async () => {
  const inside = ["x-forwarded-for: 10.0.0.1", "forwarded: for=10.0.0.1", "x-real-ip: 10.0.0.1"];
  expect((await send([`Authorization: BEARER ${token}`, ...inside])).status).toBe(200);
});
