/** What a tool server is shown of us: tokens of an authorization server, and nothing of the caller's own. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Agent } from "undici";
import type { Credentials, JsonObject } from "../../../../sidecar/contract.js";
import { createForwarder } from "../../../../gateway/forward/forward.js";
import type { LinkAnswer, LinkCaller } from "../../../../gateway/tools/links/link.js";
import { createAccessTokens } from "../../../../gateway/upstreams/access-tokens.js";
import type { Served } from "../../world.js";
import { json, startUpstream } from "../../world.js";
import type { Lab } from "./lab.js";
import { listener, never, serverOf, startLab, textOf } from "./lab.js";
import type { Running } from "./servers.js";
import { startModern, startSessions } from "./servers.js";

let server: Running;
let login: Served;
let dispatcher: Agent;
let lab: Lab;
let why: string[] = [];
let now = Date.UTC(2026, 0, 1);
let given = 0;

const issue = (more: object = {}): void => {
  login.answer = (_req, res) => {
    json(res, {
      ...{ access_token: `upstream-token-${++given}`, token_type: "Bearer", expires_in: 3600 },
      ...{ issued_token_type: "urn:ietf:params:oauth:token-type:access_token", ...more },
    });
  };
};

beforeAll(async () => {
  server = await startSessions({ json: true });
  login = await startUpstream((_req, res) => {
    json(res, {});
  });
  dispatcher = new Agent();
  const read = (source: object): string => ("value" in source ? String(source.value) : "");
  const tokens = createAccessTokens({
    ...{ dispatcher, read, clock: () => now, now: () => now },
    failed: (_config, code) => why.push(code),
  });
  const forwarder = createForwarder({
    secretOf: (config) => ({ id: config.id, values: () => [read(config)], took: () => undefined }),
    tlsOf: () => undefined,
    proving: { tokens, signAws: () => Promise.reject(new Error("no AWS here")) },
  });
  lab = startLab({ forward: forwarder.forward });
  issue();
});
afterEach(() => {
  server.received.length = 0;
  login.received.length = 0;
  [why, given] = [[], 0];
  now += 24 * 3_600_000;
  issue();
});
afterAll(async () => {
  await lab.close();
  await dispatcher.destroy();
  await server.close();
  await login.close();
});

const secret = "client-secret-81723";
const configured = (credentials: JsonObject): ReturnType<typeof serverOf> =>
  serverOf({
    ...{ url: server.url, revision: "2025-11-25" },
    credentials: {
      ...{ token_url: `${login.url}/token`, client_id: "gate:way", client_secret: { value: secret } },
      ...credentials,
    },
  });
const by = (credentials: Credentials): LinkCaller => ({ assertion: undefined, credentials });
/** A token that says when it ends, seconds from now. */
const jwt = (seconds: number, sub = "alice"): string => {
  const claims = Buffer.from(JSON.stringify({ sub, exp: now / 1_000 + seconds })).toString("base64url");
  return `e30.${claims}.c2lnbmF0dXJl`;
};
const use = async (config: ReturnType<typeof serverOf>, caller: LinkCaller): Promise<LinkAnswer> => {
  const link = await lab.open(config, listener().holder, caller, never);
  if ("kind" in link) return link.kind === "failed" ? link : { kind: "aborted" };
  const params = { name: "echo", arguments: { text: "hi" } };
  const asking = { method: "tools/call", params, caller, signal: never, onMessage: () => undefined };
  const answer = await link.request(asking);
  await link.close(caller);
  return answer;
};
const shown = (): (string | undefined)[] => server.received.map(({ headers }) => headers.authorization);
const asked = (): Record<string, string>[] =>
  login.received.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));

describe("client credentials", () => {
  test("are asked for once, as Basic, and shown with each request", async () => {
    const resource = ["https://tools.example/mcp"];
    const config = configured({ kind: "oauth", scope: "tools.call", resource, audience: "tools" });
    expect(textOf(await use(config, by({ bearer: "caller" })))).toBe("hi");
    expect(new Set(shown())).toEqual(new Set(["Bearer upstream-token-1"]));
    expect(asked()).toEqual([
      { grant_type: "client_credentials", scope: "tools.call", audience: "tools", resource: resource[0] },
    ]);
    const basic = Buffer.from(`gate%3Away:${secret}`).toString("base64");
    expect(login.received[0]?.headers.authorization).toBe(`Basic ${basic}`);
  });

  test("or as the form has it, or with an assertion", async () => {
    await use(configured({ kind: "oauth", client_auth: "post" }), by({}));
    const config = configured({ kind: "oauth" });
    const { upstream } = config;
    if (upstream?.credentials?.kind !== "oauth") throw new Error("no credentials");
    const { proof } = upstream.credentials;
    const credentials = { ...upstream.credentials, proof: { ...proof, kind: "assertion" as const } };
    await use({ ...config, upstream: { ...upstream, credentials } }, by({}));
    expect(asked()).toEqual([
      { grant_type: "client_credentials", client_id: "gate:way", client_secret: secret },
      {
        ...{ grant_type: "client_credentials", client_id: "gate:way", client_assertion: secret },
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      },
    ]);
    expect(login.received.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });
});

describe("what is given for the caller's token", () => {
  test("is each caller's own, and the caller's token goes to the authorization server alone", async () => {
    const config = configured({ kind: "token_exchange", audience: "tools", subject_token_type: "jwt" });
    const [alice, bob] = [jwt(3_600), jwt(3_600, "bob")];
    for (const bearer of [alice, bob, alice]) expect(textOf(await use(config, by({ bearer })))).toBe("hi");
    expect(asked()).toEqual(
      [alice, bob].map((token) => ({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: token,
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
        audience: "tools",
      })),
    );
    const perUse = shown().length / 3;
    expect(shown()).toEqual(
      [1, 2, 1].flatMap((one) => Array.from({ length: perUse }, () => `Bearer upstream-token-${one}`)),
    );
    const all = JSON.stringify(server.received);
    for (const token of [alice, bob]) expect(all).not.toContain(token);
  });

  test("is a DPoP-bound token's as well", async () => {
    const config = configured({ kind: "token_exchange" });
    const token = jwt(3_600);
    expect(textOf(await use(config, by({ dpop: { token, proof: "p" } })))).toBe("hi");
    expect(asked()[0]).toMatchObject({ subject_token: token });
  });

  test("isn't kept beyond the caller's own token, nor for long where that doesn't show its end", async () => {
    const config = configured({ kind: "token_exchange" });
    const bearer = jwt(100);
    await use(config, by({ bearer }));
    now += 40_000;
    await use(config, by({ bearer }));
    expect(given).toBe(1);
    now += 31_000;
    await use(config, by({ bearer }));
    expect(given).toBe(2);
    now += 30_000;
    expect(await use(config, by({ bearer }))).toEqual({ kind: "failed", code: "upstream_unavailable" });
    expect(why).toEqual(["subject_token_expired"]);
    await use(config, by({ bearer: "opaque" }));
    now += 31_000;
    await use(config, by({ bearer: "opaque" }));
    expect(given).toBe(4);
  });

  const unavailable = { kind: "failed", code: "upstream_unavailable" };
  const faults: { name: string; more?: object; why: string; caller?: LinkCaller }[] = [
    { name: "no token of the caller's", why: "no_subject_token", caller: by({ api_key: "k" }) },
    { name: "the caller's own token", more: { access_token: "callers-own" }, why: "same_token" },
    { name: "a token of another type", more: { token_type: "N_A" }, why: "malformed" },
    { name: "no word of what was issued", more: { issued_token_type: undefined }, why: "malformed" },
    {
      ...{ name: "an id token", why: "malformed" },
      more: { issued_token_type: "urn:ietf:params:oauth:token-type:id_token" },
    },
    { name: "a token with a line end", more: { access_token: "a\nb" }, why: "malformed" },
    { name: "a token that has ended", more: { expires_in: 0 }, why: "malformed" },
  ];
  test.each(faults)("is nothing where there is $name", async ({ more = {}, why: code, caller }) => {
    issue(more);
    const config = configured({ kind: "token_exchange" });
    expect(await use(config, caller ?? by({ bearer: "callers-own" }))).toEqual(unavailable);
    expect(why[0]).toBe(code);
    expect(server.received).toEqual([]);
  });

  test("is nothing where the authorization server refuses, or sends elsewhere", async () => {
    const answers: [Served["answer"], string][] = [
      [(_req, res) => json(res, { error: "invalid_grant" }, 400), "invalid_grant"],
      [(_req, res) => void res.writeHead(307, { location: server.url }).end(), "redirected"],
    ];
    for (const [answer, code] of answers) {
      login.answer = answer;
      expect(await use(configured({ kind: "token_exchange" }), by({ bearer: jwt(60) }))).toEqual(unavailable);
      expect(why.pop()).toBe(code);
    }
    expect(server.received).toEqual([]);
  });
});

describe("a token that the server refuses", () => {
  test.each(["oauth", "token_exchange"])("is dropped, and asked for anew once (%s)", async (kind) => {
    const refusals: string[] = [];
    const picky = await startUpstream((req, res, body) => {
      const shownHere = String(req.headers.authorization);
      if (shownHere === "Bearer upstream-token-1" || body.includes("tools/list")) {
        refusals.push(shownHere);
        res.writeHead(401, { "www-authenticate": "Bearer" }).end();
        return;
      }
      const { id } = JSON.parse(body) as { id?: number };
      if (id === undefined) res.writeHead(202).end();
      else {
        const result = {
          protocolVersion: "2025-11-25",
          capabilities: {},
          serverInfo: { name: "s", version: "1" },
        };
        json(res, { jsonrpc: "2.0", id, result });
      }
    });
    const { upstream, ...rest } = configured({ kind });
    if (upstream === undefined) throw new Error("no upstream");
    const config = { ...rest, upstream: { ...upstream, url: new URL(picky.url) } };
    const caller = by({ bearer: jwt(3_600) });
    const link = await lab.open(config, listener().holder, caller, never);
    if ("kind" in link) throw new Error(link.kind);
    expect(refusals).toEqual(["Bearer upstream-token-1"]);
    expect(given).toBe(2);
    const asking = { method: "tools/list", params: {}, caller, signal: never, onMessage: () => undefined };
    expect(await link.request(asking)).toEqual({ kind: "failed", code: "upstream_invalid" });
    // once, and not again
    expect(refusals.slice(1)).toEqual(["Bearer upstream-token-2", "Bearer upstream-token-3"]);
    await picky.close();
  });
});

test("a server that quotes our token back says nothing", async () => {
  const modern = await startModern();
  const { upstream, ...rest } = configured({ kind: "oauth" });
  if (upstream === undefined) throw new Error("no upstream");
  const config = {
    ...rest,
    upstream: { ...upstream, url: new URL(modern.url) },
    revision: "2026-07-28" as const,
  };
  const link = await lab.open(config, listener().holder, by({}), never);
  if ("kind" in link) throw new Error(link.kind);
  const params = { name: "echo", arguments: { text: "it is upstream-token-1, you know" } };
  const asking = { method: "tools/call", params, caller: by({}), signal: never, onMessage: () => undefined };
  expect(await link.request(asking)).toEqual({ kind: "failed", code: "upstream_invalid" });
  await modern.close();
});

describe("a configuration is refused", () => {
  const at = { token_url: "https://login.example/token", client_id: "c", client_secret: { value: "s" } };
  test.each([
    ["another kind", { ...at, kind: "password" }, "credentials.kind"],
    ["no kind", at, "credentials.kind: is required"],
    ["plain HTTP", { ...at, kind: "oauth", token_url: "http://login.example/token" }, "must be https"],
    ["no secret", { ...at, kind: "oauth", client_secret: undefined }, "client_secret or client_assertion"],
    [
      "two proofs",
      { ...at, kind: "oauth", client_assertion: { value: "a" } },
      "client_secret or client_assertion",
    ],
    ["a resource that is none", { ...at, kind: "oauth", resource: "tools" }, "absolute URIs"],
    [
      "a subject without exchange",
      { ...at, kind: "oauth", subject_token_type: "jwt" },
      "is for token_exchange",
    ],
    ["an unknown key", { ...at, kind: "oauth", scopes: "x" }, "did you mean scope?"],
  ])("with %s", (_name, credentials, problem) => {
    const value = JSON.parse(JSON.stringify({ url: "https://s.example", credentials })) as JsonObject;
    expect(() => serverOf(value)).toThrow(problem);
  });

  test("with a key beside, or beside a command", () => {
    const credentials = { ...at, kind: "oauth" };
    const url = "https://s.example";
    expect(() => serverOf({ url, credentials, api_key: { value: "k" } })).toThrow("not both");
    expect(() => serverOf({ command: ["x"], credentials })).toThrow("credentials: unknown field");
    expect(() => serverOf({ command: ["x"], url })).toThrow("give url or command");
  });
});
