import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { mkdtemp, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseJson } from "../../sidecar/contract.js";
import { parseIntrospection } from "../../sidecar/identify/introspection/parse-introspection.js";
import type { IntrospectionConfig } from "../../sidecar/identify/introspection/types.js";
import { IssuersInvalid } from "../../sidecar/identify/token/parse-issuers.js";
import { until } from "../redis.js";
import {
  createWorld,
  ec,
  es256,
  header,
  issuerConfig,
  jwk,
  payload,
  start,
  startJwksServer,
  token,
  type JwksServer,
  type Members,
  type World,
} from "./world.js";

const k1 = ec();
const now = start / 1000;
let server: JwksServer;
let world: World;
let secretFile: string;
/** What was asked: authorization and body. */
let asked: { authorization: string | undefined; body: string }[];

const active: Members = {
  active: true,
  token_type: "Bearer",
  iss: "https://as.test",
  aud: "countersign",
  sub: "sub-of-ann",
  scope: "scope-read scope-write",
  client_id: "client-a",
  exp: now + 600,
  iat: now - 10,
  groups: ["group-red"],
};
const config = (more: Members = {}): IntrospectionConfig =>
  ({
    name: "as",
    url: server.url,
    client_id: "countersign client",
    client_secret_file: secretFile,
    issuer: "https://as.test",
    audience: "countersign",
    tenants: ["acme"],
    claims: { groups: "groups" },
    ...more,
  }) as IntrospectionConfig;

beforeEach(async () => {
  server = await startJwksServer();
  secretFile = join(await mkdtemp(join(tmpdir(), "secret-")), "secret");
  await writeFile(secretFile, "s:e&c r%t\n");
  asked = [];
});
afterEach(async () => {
  world.close();
  await server.close();
});

type Answer = Members | ((response: ServerResponse) => void);
function open(answer: Answer, more: Members = {}, fetchTimeoutMs = 20_000): void {
  server.serve((request: IncomingMessage, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      asked.push({ authorization: request.headers.authorization, body });
      if (typeof answer === "function") answer(response);
      else response.end(JSON.stringify(answer));
    });
  });
  world = createWorld(
    [issuerConfig({ keys: [jwk(k1, { kid: "k1" })] } as never)],
    { fetchTimeoutMs },
    {
      introspection: [config(more)],
    },
  );
}
async function ask(bearer = "opaque-1"): Promise<string> {
  const outcome = await world.identify({ bearer });
  return outcome.kind === "refusal" ? outcome.code : outcome.cached ? "cached" : outcome.kind;
}

describe("an opaque token", () => {
  test("is asked about, as a client with a secret, and mapped like any other", async () => {
    open(active);
    const outcome = await world.identify({ bearer: "opaque-1" });
    expect(outcome).toMatchObject({
      kind: "identified",
      identity: {
        id: "sub-of-ann",
        tenant: "acme",
        issuer: "https://as.test",
        method: "introspection",
        assurance: "bearer",
        groups: ["group-red"],
        scopes: ["scope-read", "scope-write"],
        // thirty seconds: nothing that rests on it outlives a revocation longer
        expiresAt: start + 30_000,
        credentials: [{ method: "introspection", id: expect.stringMatching(/^sha256:/) as unknown }],
      },
    });
    // RFC 6749 section 2.3.1
    const basic = Buffer.from("countersign+client:s%3Ae%26c+r%25t").toString("base64");
    expect(asked).toEqual([
      { authorization: `Basic ${basic}`, body: "token=opaque-1&token_type_hint=access_token" },
    ]);
  });

  test("is asked about once, however many present it, until the answer is old", async () => {
    open(active);
    await Promise.all(Array.from({ length: 30 }, () => ask()));
    expect(await ask()).toBe("cached");
    expect(asked.length).toBe(1);
    world.pass(29_999);
    expect(await ask()).toBe("cached");
    world.pass(1);
    expect(await ask()).toBe("identified");
    expect(asked.length).toBe(2);
  });

  test("ends with its exp, though the answer isn't old", async () => {
    const answer = { ...active, exp: now + 5 };
    open(answer);
    expect(await ask()).toBe("identified");
    world.pass(4_999);
    expect(await ask()).toBe("cached");
    world.pass(1);
    expect(await ask()).toBe("token_expired");
  });

  test("that is revoked is refused when the answer is old, and stays so", async () => {
    const answer: Members = { ...active };
    open(answer, { cache_seconds: 5 });
    expect(await ask()).toBe("identified");
    answer["active"] = false;
    world.pass(5_000);
    expect(await ask()).toBe("token_inactive");
    expect(await ask()).toBe("token_inactive");
    expect(asked.length).toBe(2);
  });

  test("isn't kept where the configuration says so", async () => {
    open(active, { cache_seconds: 0 });
    expect([await ask(), await ask()]).toEqual(["identified", "identified"]);
    expect(asked.length).toBe(2);
  });

  test("differs from every other: a byte more or less is asked about anew", async () => {
    open(active);
    for (const bearer of ["opaque-1", "opaque-2", "opaque-11", "Opaque-1", "opaque-1="]) {
      expect(await ask(bearer)).toBe("identified");
    }
    expect(asked.length).toBe(5);
  });

  const thumb = Buffer.alloc(32, 1).toString("base64url");
  test.each<[name: string, over: Members, code: string, more?: Members]>([
    ["inactive", { active: false }, "token_inactive"],
    ["active as text", { active: "true" }, "issuer_unavailable"],
    ["active as a number", { active: 1 }, "issuer_unavailable"],
    ["not said to be active", { active: undefined }, "issuer_unavailable"],
    ["of another issuer", { iss: "https://evil.test" }, "token_issuer"],
    ["of an issuer with a slash", { iss: "https://as.test/" }, "token_issuer"],
    ["of no issuer that is said", { iss: undefined }, "identified"],
    ["for another audience", { aud: "other" }, "token_audience"],
    ["for no audience that is said", { aud: undefined }, "token_audience"],
    ["for no audience where that may be", { aud: undefined }, "identified", { optional: ["aud"] }],
    ["for another audience where none may be said", { aud: "x" }, "token_audience", { optional: ["aud"] }],
    ["of no type that is said, as refresh tokens are", { token_type: undefined }, "token_type"],
    ["of no type where that may be", { token_type: undefined }, "identified", { optional: ["token_type"] }],
    ["of another type", { token_type: "refresh_token" }, "token_type"],
    ["of another use", { token_use: "refresh_token" }, "token_type"],
    ["a refresh token by Keycloak's typ", { typ: "Refresh" }, "token_type"],
    ["an ID token", { nonce: "n" }, "token_type"],
    ["expired", { exp: now }, "token_expired"],
    ["not yet valid", { nbf: now + 60 }, "token_not_yet_valid"],
    ["too long alive", { exp: now + 90_000 }, "token_lifetime"],
    ["without an end", { exp: undefined }, "identified"],
    ["with an end as text", { exp: String(now + 60) }, "token_claims"],
    ["of nobody", { sub: undefined }, "token_claims"],
    ["of nobody but a client", { sub: undefined, client_id: "c" }, "token_claims"],
    ["of a client where that may be", { sub: undefined }, "identified", { optional: ["sub"] }],
    ["of null where that may be", { sub: null }, "token_claims", { optional: ["sub"] }],
    ["with groups as text", { groups: "group-red" }, "token_claims"],
    ["of another tenant", { org: "globex" }, "token_tenant", { claims: { tenant: "org" } }],
    ["bound to a key", { cnf: { jkt: thumb }, token_type: "DPoP" }, "token_binding"],
    ["bound to what isn't understood", { cnf: { kid: "k" } }, "token_binding"],
    ["without what is required", {}, "token_claims", { require: [{ claim: "azp" }] }],
    ["with another trust domain's id", { sub: "spiffe://evil.test/a" }, "token_trust_domain"],
    ["with groups elsewhere", { groups: undefined, hasgroups: true }, "groups_unavailable"],
  ])("that is said to be %s", async (_, over, code, more = {}) => {
    open({ ...active, ...over }, more);
    expect(await ask()).toBe(code);
    if (code !== "identified") expect(await ask()).toBe(code);
  });

  test.each<[name: string, fault: string, answer: (response: ServerResponse) => void]>([
    ["refuses us", "status", (response) => void response.writeHead(401).end("{}")],
    ["redirects", "status", (response) => void response.writeHead(302, { location: "/else" }).end()],
    ["hangs", "timeout", () => undefined],
    ["says HTML", "content_type", (response) => void response.setHeader("content-type", "text/html").end("")],
    ["says a list", "invalid", (response) => void response.end("[]")],
    ["says it twice", "invalid", (response) => void response.end('{"active":false,"active":true}')],
    [
      "floods",
      "too_large",
      (response) => void response.end(JSON.stringify({ ...active, filler: "f".repeat(1_100_000) })),
    ],
  ])("whose server %s is refused, and asked about again", async (_, fault, answer) => {
    open(answer, {}, fault === "timeout" ? 300 : undefined);
    expect([await ask(), await ask()]).toEqual(["issuer_unavailable", "issuer_unavailable"]);
    expect(world.events).toEqual([
      { kind: "introspection_failed", issuer: "as", fault },
      { kind: "introspection_failed", issuer: "as", fault },
    ]);
    await until(() => asked.length === 2);
  });

  test("is refused without a secret to ask with", async () => {
    open(active, { client_secret_file: `${secretFile}-none` });
    expect(await ask()).toBe("issuer_unavailable");
    expect(asked).toEqual([]);
  });

  test.each([["a b"], ["a\nb"], ["a&token=b"], ["ä"], ["x".repeat(16_385)], ["="]])(
    "that is none isn't sent anywhere: %j",
    async (bearer) => {
      open(active);
      expect(await ask(bearer)).toBe("token_malformed");
      expect(asked).toEqual([]);
    },
  );

  test("floods nobody: some are refused while many are under way", async () => {
    const held: ServerResponse[] = [];
    open((response) => void held.push(response));
    const codes = Promise.all(Array.from({ length: 100 }, (_, i) => ask(`opaque-${i}`)));
    await until(() => held.length === 64);
    for (const response of held) response.writeHead(503).end();
    expect(new Set(await codes)).toEqual(new Set(["issuer_unavailable"]));
    expect(asked.length).toBe(64);
  });
});

describe("arbitrary answers", () => {
  test("refuse or identify, and are never taken for a fault of ours", async () => {
    const answer: { now: unknown } = { now: {} };
    open((response) => void response.end(JSON.stringify(answer.now)));
    const member = fc.constantFrom(
      ...["active", "sub", "aud", "iss", "exp", "nbf", "iat", "scope", "token_type", "cnf", "act", "groups"],
      ...["client_id", "jti", "_claim_names", "may_act", "acr", "amr", "auth_time", "token_use", "typ"],
    );
    let n = 0;
    await fc.assert(
      fc.asyncProperty(member, fc.jsonValue({ maxDepth: 3 }), async (name, value) => {
        answer.now = { ...active, [name]: value };
        n += 1;
        const outcome = await world.identify({ bearer: `opaque-${n}` });
        expect(outcome).not.toMatchObject({ code: "internal_error" });
        if (outcome.kind === "identified") expect(outcome.identity.issuer).toBe("https://as.test");
      }),
      { numRuns: 300 },
    );
    expect(world.events.filter(({ kind }) => kind === "internal_error")).toEqual([]);
  });
});

describe("a signed JWT", () => {
  test("is never sent to a server", async () => {
    open(active);
    expect(await ask(token(header, payload, es256(k1)))).toBe("identified");
    expect(await ask(token(header, { ...payload, iss: "https://else.test" }, es256(k1)))).toBe(
      "token_issuer",
    );
    expect(asked).toEqual([]);
  });
});

describe("several servers", () => {
  test("each get the tokens of their prefix alone", async () => {
    const other = await startJwksServer();
    other.serve((_, response) => void response.end(JSON.stringify({ active: false })));
    open(active, { prefix: "one_" });
    world.close();
    world = createWorld(
      [],
      {},
      {
        introspection: [
          config({ prefix: "one_" }),
          config({ name: "other", prefix: "one_two_", url: other.url }),
        ],
      },
    );
    expect(await ask("one_1")).toBe("identified");
    expect(await ask("one_two_1")).toBe("token_inactive");
    expect(await ask("three_1")).toBe("token_malformed");
    expect([asked.length, other.requests.length]).toEqual([1, 1]);
    await other.close();
  });
});

describe("the servers' configuration", () => {
  const problems = (...servers: Members[]): readonly string[] => {
    try {
      parseIntrospection(parseJson(JSON.stringify(servers)));
    } catch (error) {
      if (error instanceof IssuersInvalid) return error.problems;
      throw error;
    }
    return [];
  };
  const good = (): Members => ({ ...config({ url: "https://as.test/introspect" }) });

  test("parses again to the same", () => {
    open(active);
    const once = parseIntrospection(parseJson(JSON.stringify([good()])));
    expect(parseIntrospection(parseJson(JSON.stringify(once)))).toEqual(once);
  });

  test.each<[string, Members, RegExp]>([
    ["plain HTTP", { url: "http://as.test/" }, /\[0\]\.url: must be https/],
    ["no secret", { client_secret_file: undefined }, /client_secret_file: is missing/],
    ["a secret in place", { client_secret: "s" }, /client_secret: unknown field/],
    ["an hour of memory", { cache_seconds: 3_600 }, /cache_seconds: .* from 0 to 300/],
    ["an unknown option", { optional: ["exp"] }, /optional\[0\]: must be aud, token_type or sub/],
  ])("with %s is refused", (_, over, problem) => {
    open(active);
    expect(problems({ ...good(), ...over })).toEqual([expect.stringMatching(problem)]);
  });

  test("with two servers for the same tokens is refused", () => {
    open(active);
    expect(problems(good(), { ...good(), name: "two" })).toEqual([
      "identity.introspection[1].prefix: is taken",
    ]);
  });
});
