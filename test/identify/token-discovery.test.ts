import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  type Members,
  type World,
} from "./world.js";

const k1 = ec();
const keys = { keys: [jwk(k1, { kid: "k1" })] };
let server: JwksServer;
let origin: string;
let world: World;

beforeEach(async () => {
  server = await startJwksServer();
  origin = new URL(server.url).origin;
});
afterEach(async () => {
  world.close();
  await server.close();
});

type Answers = Record<string, Members | ((response: ServerResponse, request: IncomingMessage) => void)>;
const wellKnown = "/.well-known/openid-configuration";

function open(answers: Answers, more: Members = {}, fetchTimeoutMs = 20_000): void {
  server.serve((request, response) => {
    const found = answers[request.url ?? ""];
    if (typeof found === "function") found(response, request);
    else if (found === undefined) response.writeHead(404).end("{}");
    else response.end(JSON.stringify(found));
  });
  world = createWorld([issuerConfig(undefined as never, { issuer: origin, jwks: undefined, ...more })], {
    fetchTimeoutMs,
  });
}
async function ask(over: Members = {}): Promise<string> {
  const outcome = await world.identify({
    bearer: token(header, { ...payload, iss: origin, ...over }, es256(k1)),
  });
  return outcome.kind === "refusal" ? outcome.code : outcome.kind;
}
const faults = (): unknown[] =>
  world.events.flatMap((event) => (event.kind === "keys_failed" ? [event.fault] : []));

describe("discovery", () => {
  test("finds the keys through the issuer's metadata", async () => {
    open({ [wellKnown]: { issuer: origin, jwks_uri: `${origin}/keys` }, "/keys": keys });
    expect(await ask()).toBe("identified");
    expect(server.requests).toEqual([wellKnown, "/keys"]);
  });

  test("finds them before the first caller comes, where it is told to", async () => {
    open({ [wellKnown]: { issuer: origin, jwks_uri: `${origin}/keys` }, "/keys": keys });
    world.warm();
    while (world.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.requests).toEqual([wellKnown, "/keys"]);
    expect(await ask()).toBe("identified");
    expect(server.requests.length).toBe(2);
  });

  test("keeps an issuer's path, and drops the slash at its end", async () => {
    const issuer = `${origin}/realms/acme/`;
    open({ [`/realms/acme${wellKnown}`]: { issuer, jwks_uri: `${origin}/keys` }, "/keys": keys }, { issuer });
    expect(await ask({ iss: issuer })).toBe("identified");
  });

  test("looks where it is told to", async () => {
    open(
      { "/elsewhere": { issuer: "https://sts.test/", jwks_uri: `${origin}/keys` }, "/keys": keys },
      {
        issuer: "https://sts.test/",
        discovery: `${origin}/elsewhere`,
      },
    );
    expect(await ask({ iss: "https://sts.test/" })).toBe("identified");
  });

  test("follows keys that move", async () => {
    const metadata: Members = { issuer: origin, jwks_uri: `${origin}/keys` };
    const k2 = ec();
    open({ [wellKnown]: metadata, "/keys": keys, "/new": { keys: [jwk(k2, { kid: "k2" })] } });
    expect(await ask()).toBe("identified");
    metadata["jwks_uri"] = `${origin}/new`;
    const moved = token({ ...header, kid: "k2" }, { ...payload, iss: origin }, es256(k2));
    expect(await world.identify({ bearer: moved })).toMatchObject({ kind: "identified" });
  });

  const html = (response: ServerResponse): void =>
    void response.setHeader("content-type", "text/html").end("<html>");
  test.each<[name: string, fault: string, answers: () => Answers, asked: number]>([
    ["of another issuer", "issuer_mismatch", () => ({ [wellKnown]: { issuer: "https://evil.test" } }), 1],
    ["of the issuer and a slash", "issuer_mismatch", () => ({ [wellKnown]: { issuer: `${origin}/` } }), 1],
    [
      "of the issuer in capitals",
      "issuer_mismatch",
      () => ({ [wellKnown]: { issuer: origin.toUpperCase() } }),
      1,
    ],
    ["of no issuer", "issuer_mismatch", () => ({ [wellKnown]: { jwks_uri: `${origin}/keys` } }), 1],
    ["of a list of issuers", "issuer_mismatch", () => ({ [wellKnown]: { issuer: [origin] } as never }), 1],
    ["without keys", "invalid", () => ({ [wellKnown]: { issuer: origin } }), 1],
    [
      "with keys in place",
      "invalid",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: keys } as never }),
      1,
    ],
    [
      "with keys at another port of this machine",
      "address",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: "http://127.0.0.1:9/keys" } }),
      1,
    ],
    [
      "with keys at the cloud's metadata",
      "address",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: "http://169.254.169.254/latest/" } }),
      1,
    ],
    [
      "with keys at a private address",
      "address",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: "https://10.0.0.1/keys" } }),
      1,
    ],
    [
      "with keys by plain HTTP",
      "address",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: "http://idp.test/keys" } }),
      1,
    ],
    [
      "with keys in a file",
      "address",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: "file:///etc/passwd" } }),
      1,
    ],
    [
      "with keys behind a user",
      "address",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: origin.replace("//", "//a:b@") } }),
      1,
    ],
    [
      "that redirects",
      "status",
      () => ({
        [wellKnown]: (response) => void response.writeHead(301, { location: `${origin}/else` }).end(),
        "/else": { issuer: origin, jwks_uri: `${origin}/keys` },
        "/keys": keys,
      }),
      1,
    ],
    [
      "whose keys redirect",
      "status",
      () => ({
        [wellKnown]: { issuer: origin, jwks_uri: `${origin}/keys` },
        "/keys": (response) => void response.writeHead(307, { location: `${origin}/else` }).end(),
        "/else": keys,
      }),
      2,
    ],
    ["that is HTML", "content_type", () => ({ [wellKnown]: html }), 1],
    [
      "whose keys are HTML",
      "content_type",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: `${origin}/keys` }, "/keys": html }),
      2,
    ],
    ["that hangs", "timeout", () => ({ [wellKnown]: () => undefined }), 1],
    [
      "that floods",
      "too_large",
      () => ({ [wellKnown]: { issuer: origin, jwks_uri: `${origin}/keys`, filler: "f".repeat(300_000) } }),
      1,
    ],
    [
      "with its issuer twice",
      "invalid",
      () => ({
        [wellKnown]: (response) =>
          void response.end(
            `{"issuer":"https://evil.test","issuer":"${origin}","jwks_uri":"${origin}/keys"}`,
          ),
        "/keys": keys,
      }),
      1,
    ],
    ["that isn't there", "status", () => ({}), 1],
  ])("by metadata %s is refused", async (_, fault, answers, asked) => {
    open(answers(), {}, fault === "timeout" ? 300 : undefined);
    expect(await ask()).toBe("issuer_unavailable");
    expect(faults()).toEqual([fault]);
    expect(server.requests.length).toBe(asked);
  });

  test("a name that leads to a private address isn't asked, unless configured", async () => {
    const named = (addresses?: string): World =>
      createWorld(
        [
          issuerConfig(
            { url: "https://idp.corp.test/keys" },
            {
              ...(addresses === undefined ? {} : { fetch: { addresses } }),
            },
          ),
        ],
        { fetchTimeoutMs: 20_000 },
        { lookup: () => Promise.resolve(["127.0.0.1"]) },
      );
    const bearer = token(header, payload, es256(k1));
    for (const [addresses, fault] of [
      [undefined, "address"],
      ["private", "address"],
      ["loopback", "network"],
    ] as const) {
      world = named(addresses);
      expect(await world.identify({ bearer })).toMatchObject({ code: "issuer_unavailable" });
      expect(faults()).toEqual([fault]);
      world.close();
    }
  });

  test("presents a token from a file at the issuer's origin, as a cluster wants it", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "token-")), "token");
    await writeFile(file, "pod-token-1\n");
    const authorizations: unknown[] = [];
    const guarded =
      (members: Members) =>
      (response: ServerResponse, request: IncomingMessage): void => {
        authorizations.push(request.headers.authorization);
        response.end(JSON.stringify(members));
      };
    open(
      { [wellKnown]: guarded({ issuer: origin, jwks_uri: `${origin}/keys` }), "/keys": guarded(keys) },
      { fetch: { token_file: file } },
    );
    expect(await ask()).toBe("identified");
    expect(authorizations).toEqual(["Bearer pod-token-1", "Bearer pod-token-1"]);
  });

  test("doesn't show that token to another origin", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "token-")), "token");
    await writeFile(file, "pod-token-1\n");
    const other = await startJwksServer();
    const authorizations: unknown[] = [];
    other.serve((request, response) => {
      authorizations.push(request.headers.authorization);
      response.end(JSON.stringify(keys));
    });
    open(
      { [wellKnown]: { issuer: origin, jwks_uri: other.url } },
      { fetch: { token_file: file, addresses: "loopback", http: true } },
    );
    expect(await ask()).toBe("identified");
    expect(authorizations).toEqual([undefined]);
    await other.close();
  });
});

describe("one issuer for two audiences", () => {
  const two = (): World =>
    createWorld([
      issuerConfig(keys as never),
      issuerConfig(keys as never, { name: "two", audience: "second", tenants: ["globex"], claims: {} }),
    ]);
  test.each<[name: string, aud: unknown, expected: Members]>([
    ["the first", "countersign", { identity: { tenant: "acme" } }],
    ["the second", ["second"], { identity: { tenant: "globex" } }],
    ["both", ["countersign", "second"], { code: "token_audience" }],
    ["none", "third", { code: "token_audience" }],
    ["nobody", undefined, { code: "token_audience" }],
  ])("maps a token for %s", async (_, aud, expected) => {
    world = two();
    expect(await world.identify({ bearer: token(header, { ...payload, aud }, es256(k1)) })).toMatchObject(
      expected,
    );
  });
});
