/** Proofs and keys through the whole product: a client as RFC 9449 has it, real gateway, real sidecar. */
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { main } from "../../cli/main.js";
import { until } from "../redis.js";
import { startWorld, type World } from "../world.js";
import { sha256 } from "./proof-world.js";

const chat = { model: "gpt-4o", messages: [{ role: "user", content: "hello" }] };

let privateKey: CryptoKey;
let jwk: JWK;
let jkt: string;
beforeAll(async () => {
  const pair = await generateKeyPair("ES256", { extractable: true });
  privateKey = pair.privateKey;
  jwk = await exportJWK(pair.publicKey);
  jkt = await calculateJwkThumbprint(jwk);
});

const proofFor = (method: string, url: string, token: string, more: object = {}): Promise<string> =>
  new SignJWT({ htm: method, htu: url, ath: sha256(token), jti: randomUUID(), ...more })
    .setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk })
    .setIssuedAt()
    .sign(privateKey);

async function post(url: string, headers: Record<string, string>, body: object = chat) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

describe("a client with DPoP", () => {
  let world: World;
  let token: string;
  let url: string;
  beforeAll(async () => {
    world = await startWorld({ sets: ["identity.dpop={}"] });
    token = await world.issuer.token("senior", { cnf: { jkt } });
    url = `${world.gatewayUrl}/v1/chat/completions`;
  });
  afterAll(() => world.close());
  const dpop = (proof: string): Record<string, string> => ({ authorization: `DPoP ${token}`, dpop: proof });

  test("is served, each proof once", async () => {
    const proof = await proofFor("POST", url, token);
    expect(await post(url, dpop(proof))).toMatchObject({ status: 200 });
    const again = await post(url, dpop(proof));
    expect([again.status, again.text]).toEqual([401, expect.stringContaining("dpop_replayed")]);
    expect(await post(url, dpop(await proofFor("POST", url, token)))).toMatchObject({ status: 200 });
  });

  test("one proof serves all questions about one request, such as a list that is filtered", async () => {
    const mcp = `${world.gatewayUrl}/mcp/files`;
    const list = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
    const initialize = {
      ...{ jsonrpc: "2.0", id: 0, method: "initialize" },
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
    };
    const begun = await post(mcp, dpop(await proofFor("POST", mcp, token)), initialize);
    const session: Record<string, string> = { "mcp-session-id": begun.headers.get("mcp-session-id") ?? "" };
    expect(begun.status).toBe(200);
    const listed = await post(mcp, { ...dpop(await proofFor("POST", mcp, token)), ...session }, list);
    expect([listed.status, listed.text]).toEqual([200, expect.stringContaining("read_file")]);
    const models = await fetch(`${world.gatewayUrl}/v1/models`, {
      headers: dpop(await proofFor("GET", `${world.gatewayUrl}/v1/models`, token)),
    });
    expect([models.status, await models.text()]).toEqual([200, expect.stringContaining("gpt-4o")]);
  });

  test.each<[string, () => Promise<Record<string, string>>, string]>([
    ["a proof for another path", async () => dpop(await proofFor("POST", `${url}/x`, token)), "dpop_invalid"],
    [
      "a proof for the address that Host names",
      async () => ({
        ...dpop(await proofFor("POST", "https://evil.test/v1/chat/completions", token)),
        "x-forwarded-host": "evil.test",
        "x-forwarded-proto": "https",
      }),
      "dpop_invalid",
    ],
    [
      "the bound token without a proof",
      () => Promise.resolve({ authorization: `Bearer ${token}` }),
      "token_binding",
    ],
    [
      "the bound token as a bearer's with its proof",
      async () => ({ authorization: `Bearer ${token}`, dpop: await proofFor("POST", url, token) }),
      "token_binding",
    ],
    [
      "the DPoP scheme without a proof",
      () => Promise.resolve({ authorization: `DPoP ${token}` }),
      "token_binding",
    ],
    [
      "a bearer's token under the DPoP scheme",
      async () => {
        const plain = await world.issuer.token("senior");
        return { authorization: `DPoP ${plain}`, dpop: await proofFor("POST", url, plain) };
      },
      "dpop_invalid",
    ],
  ])("%s is refused", async (_, headers, code) => {
    const answer = await post(url, await headers());
    expect([answer.status, answer.text]).toEqual([401, expect.stringContaining(code)]);
    expect(answer.headers.get("www-authenticate")).toMatch(/DPoP|Bearer/);
  });
});

test("a client is told the nonce, and served with it", async () => {
  const world = await startWorld({ sets: ['identity.dpop={"nonce":true}'] });
  try {
    const url = `${world.gatewayUrl}/v1/chat/completions`;
    const token = await world.issuer.token("senior", { cnf: { jkt } });
    const ask = async (more: object = {}) =>
      post(url, { authorization: `DPoP ${token}`, dpop: await proofFor("POST", url, token, more) });
    const first = await ask();
    expect([first.status, first.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining("use_dpop_nonce"),
    ]);
    const nonce = first.headers.get("dpop-nonce") ?? "";
    expect(nonce).toMatch(/^[\w.-]+$/);
    expect((await ask({ nonce })).status).toBe(200);
    expect((await ask({ nonce: `${nonce}x` })).status).toBe(401);
  } finally {
    await world.close();
  }
});

test("a client with an API key is served until it is revoked", async () => {
  const file = join(await mkdtemp(join(tmpdir(), "countersign-keys-")), "keys.json");
  let made = "";
  const io = { out: (text: string) => void (made += text), err: () => undefined };
  const run = (...args: string[]) => main(["keys", ...args], io);
  await run(
    "create",
    "-f",
    file,
    "-n",
    "t",
    "-t",
    "acme",
    "-s",
    "workload:job",
    "--group",
    "ml-senior",
    "--unscoped",
  );
  const key = made.trim();
  const world = await startWorld({ sets: [`identity.api_keys=${JSON.stringify({ file })}`] });
  try {
    const url = `${world.gatewayUrl}/v1/chat/completions`;
    const ask = () => post(url, { "x-api-key": key });
    expect((await ask()).status).toBe(200);
    // as those send it who know bearer tokens only
    expect((await post(url, { authorization: `Bearer ${key}` })).status).toBe(200);
    const mistyped = await post(url, { authorization: `Bearer ${key.slice(0, -1)}` });
    expect([mistyped.status, mistyped.text]).toEqual([401, expect.stringContaining("api_key_malformed")]);
    const twice = await post(url, { authorization: `Bearer ${key}`, "x-api-key": key });
    expect([twice.status, twice.text]).toEqual([401, expect.stringContaining("credentials_conflict")]);
    // nowhere is it written down
    expect(await readFile(join(world.directory, "decisions.jsonl"), "utf8").catch(() => "")).not.toContain(
      key,
    );
    await run("revoke", "-f", file, key.split("_").at(-2) ?? "");
    // the file is looked at again in a moment
    await until(async () => (await ask()).status !== 200);
    const refused = await ask();
    expect([refused.status, refused.text]).toEqual([401, expect.stringContaining("api_key_revoked")]);
  } finally {
    await world.close();
  }
});
