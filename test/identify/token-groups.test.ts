/** Entra ID's groups overage, against a stand-in for Microsoft Graph. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtemp, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { oid, presetCases } from "./presets.cases.js";
import {
  createWorld,
  jwk,
  rs256,
  rsa,
  startJwksServer,
  token,
  type JwksServer,
  type Members,
  type World,
} from "./world.js";

const r1 = rsa();
const found = presetCases.find(([name]) => name === "Entra ID, a user")?.[1];
if (found === undefined) throw new Error("no such case");
const entra = found;
const many = Array.from({ length: 300 }, (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`);
/** As Entra ID says it: an endpoint that is never asked. */
const overage: Members = {
  groups: undefined,
  _claim_names: { groups: "src1" },
  _claim_sources: { src1: { endpoint: `https://graph.windows.net/evil/users/${oid}/getMemberObjects` } },
};
type Answer = (response: ServerResponse) => void;
const json =
  (value: unknown, status = 200): Answer =>
  (response) =>
    void response.writeHead(status).end(JSON.stringify(value));

let server: JwksServer;
let world: World;
let asked: { url: string; authorization: string | undefined; body: string }[];
let ownToken: Answer;
let members: Answer;

beforeEach(async () => {
  server = await startJwksServer();
  asked = [];
  ownToken = json({ access_token: "graph-token", token_type: "Bearer", expires_in: 3_599 });
  members = json({ "@odata.context": "x", value: many });
  server.serve((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      asked.push({ url: request.url ?? "", authorization: request.headers.authorization, body });
      (request.url === "/token" ? ownToken : members)(response);
    });
  });
  await open();
});

async function open(fetchTimeoutMs = 20_000): Promise<void> {
  const secret = join(await mkdtemp(join(tmpdir(), "secret-")), "secret");
  await writeFile(secret, "our-secret\n");
  const origin = new URL(server.url).origin;
  world = createWorld(
    [
      {
        ...{ name: "entra", preset: "entra", ...entra.config },
        jwks: { keys: [jwk(r1, { kid: "k1" })] },
        groups_overage: {
          client_id: "our-client",
          client_secret_file: secret,
          graph_url: origin,
          token_url: `${origin}/token`,
        },
      } as never,
    ],
    { fetchTimeoutMs },
  );
}
afterEach(async () => {
  world.close();
  await server.close();
});

async function ask(over: Members = {}): Promise<readonly string[] | string> {
  const bearer = token(entra.header, { ...entra.payload, ...overage, ...over }, rs256(r1));
  const outcome = await world.identify({ bearer });
  return outcome.kind === "refusal" ? outcome.code : outcome.identity.groups;
}
const paths = (): string[] => asked.map(({ url }) => url);

describe("groups that a token left out", () => {
  test("are asked for at Graph, with credentials of our own, all of them", async () => {
    expect(await ask()).toEqual(many);
    expect(asked).toEqual([
      {
        url: "/token",
        authorization: undefined,
        body: expect.stringMatching(
          /^grant_type=client_credentials&client_id=our-client&client_secret=our-secret&scope=http%3A.*\.default$/,
        ) as unknown,
      },
      {
        url: `/v1.0/users/${oid}/getMemberObjects`,
        authorization: "Bearer graph-token",
        body: '{"securityEnabledOnly":true}',
      },
    ]);
  });

  test("are asked for in the form of `hasgroups`, too", async () => {
    expect(await ask({ _claim_names: undefined, _claim_sources: undefined, hasgroups: true })).toEqual(many);
  });

  test("of an application are its service principal's", async () => {
    expect(await ask({ idtyp: "app", scp: undefined })).toEqual(many);
    expect(paths()).toEqual(["/token", `/v1.0/servicePrincipals/${oid}/getMemberObjects`]);
  });

  test("are asked for once by subject and time of issue, our token once by its life", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => ask({ uti: `u-${i}` })));
    expect(asked.length).toBe(2);
    expect(await ask({ uti: "u-later" })).toEqual(many);
    expect(asked.length).toBe(2);
    expect(await ask({ iat: Number(entra.payload["iat"]) + 1 })).toEqual(many);
    expect(paths().slice(2)).toEqual([`/v1.0/users/${oid}/getMemberObjects`]);
    world.pass(3_540_000);
    await ask({ iat: Number(entra.payload["iat"]) + 2 });
    expect(paths().slice(3)).toEqual(["/token", `/v1.0/users/${oid}/getMemberObjects`]);
  });

  test("of many at once are asked for by one token of ours", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `690222be-ff1a-4d56-abd1-7e4f7d38e4${i + 10}`);
    expect(await Promise.all(ids.map((id) => ask({ oid: id })))).toEqual(ids.map(() => many));
    expect(paths().filter((path) => path === "/token").length).toBe(1);
    expect(asked.length).toBe(21);
  });

  test("of more than thirty-two at once aren't all asked for", async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `690222be-ff1a-4d56-abd1-7e4f7d38e4${i + 10}`);
    const codes = await Promise.all(ids.map((id) => ask({ oid: id })));
    expect(codes.filter((code) => code === "groups_unavailable").length).toBe(8);
  });

  test("are asked for by a new token of ours where Graph no longer takes the old one", async () => {
    let first = true;
    const good = members;
    members = (response) => {
      if (first) json({ error: { code: "InvalidAuthenticationToken" } }, 401)(response);
      else good(response);
      first = false;
    };
    expect(await ask()).toEqual(many);
    expect(paths().map((path) => path.split("/").at(-1))).toEqual([
      "token",
      "getMemberObjects",
      "token",
      "getMemberObjects",
    ]);
  });

  test("that are in the token, after all, aren't asked for", async () => {
    expect(await ask({ groups: ["g-1"], _claim_names: undefined })).toEqual(["g-1"]);
    expect(asked).toEqual([]);
  });

  test("that are both there and elsewhere are refused", async () => {
    expect(await ask({ groups: ["g-1"] })).toBe("token_claims");
  });

  test.each<[string, Members]>([
    ["an object's id that leads elsewhere", { oid: "../../groups" }],
    ["an object's id with a query", { oid: `${oid}?x` }],
    ["a directory that is none", { tid: "common" }],
  ])("aren't asked for by %s", async (_, over) => {
    expect(await ask(over)).toBe("token_claims");
    expect(asked).toEqual([]);
  });

  test.each<[name: string, fault: string, answer: Answer]>([
    ["refuses", "status", json({ error: { code: "Authorization_RequestDenied" } }, 403)],
    ["refuses always for our token", "status", json({}, 401)],
    ["finds too many", "status", json({ error: { code: "Directory_ResultSizeLimitExceeded" } }, 400)],
    ["gives the first page only", "invalid", json({ value: many, "@odata.nextLink": "https://x.test" })],
    ["gives none", "invalid", json({})],
    ["gives null", "invalid", json({ value: null })],
    ["gives one without a name", "invalid", json({ value: [...many, null] })],
    ["gives more than is read", "too_large", json({ value: many, filler: "f".repeat(1_100_000) })],
    ["gives HTML", "content_type", (response) => void response.setHeader("content-type", "text/html").end()],
    ["redirects", "status", (response) => void response.writeHead(302, { location: "/else" }).end()],
    ["hangs", "timeout", () => undefined],
  ])("refuse the token where Graph %s, and are asked for again", async (_, fault, answer) => {
    const good = members;
    members = answer;
    if (fault === "timeout") {
      world.close();
      await open(2_000);
    }
    expect(await ask()).toBe("groups_unavailable");
    expect(world.events.filter(({ kind }) => kind === "groups_failed")).toEqual([
      { kind: "groups_failed", issuer: "entra", fault },
    ]);
    members = good;
    expect(await ask()).toEqual(many);
  });

  test.each<[string, Answer]>([
    ["refuses us", json({ error: "invalid_client" }, 401)],
    ["gives no token", json({ expires_in: 3_599 })],
    ["gives a token without an end", json({ access_token: "t" })],
    ["gives a token that splits a header", json({ access_token: "t\r\nx: y", expires_in: 9 })],
  ])("refuse the token where the directory %s", async (_, answer) => {
    ownToken = answer;
    expect(await ask()).toBe("groups_unavailable");
    expect(new Set(paths())).toEqual(new Set(["/token"]));
  });
});
