/** Challenges and protected resource metadata, on every kind of route. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseGatewayConfig } from "../../gateway/config.js";
import { metadataUrl } from "../../gateway/tools/metadata.js";
import type { Decision, Json } from "../../sidecar/contract.js";
import { parseDecision } from "../../sidecar/decide/parse-decision.js";
import { cases } from "./challenge.cases.js";
import { chatBody, post, startWorld, type World } from "./world.js";

const rpc = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "read", arguments: {} },
});
const routes = [
  { name: "model", path: "/v1/chat/completions", body: chatBody(), resource: "/v1" },
  { name: "messages", path: "/v1/messages", body: chatBody({ max_tokens: 5 }), resource: "/v1" },
  { name: "tool", path: "/mcp/files", body: rpc, resource: "/mcp/files" },
  {
    name: "retrieval",
    path: "/v1/retrieval/handbook/query",
    body: JSON.stringify({ query: "q" }),
    resource: "/v1/retrieval/handbook",
  },
] as const;

const authorizationServer = "https://login.example";
const publicUrl = "https://ai.example/gateway";

describe.each([
  ["offers bearer tokens", {}],
  ["offers DPoP, too", { dpop_signing_alg_values_supported: ["ES256", "EdDSA"] }],
] as const)("a gateway that %s", (_name, metadata) => {
  let world: World;
  const dpop = "dpop_signing_alg_values_supported" in metadata;
  beforeAll(async () => {
    world = await startWorld({
      mcpUrl: "http://127.0.0.1:9/mcp",
      config: {
        public_url: publicUrl,
        authorization_servers: [authorizationServer],
        resource_metadata: metadata,
      },
    });
  });
  afterAll(() => world.close());

  const answer = async (decision: Partial<Decision>, route: (typeof routes)[number]): Promise<Response> => {
    world.sidecar.decide = () => ({ allow: false, ...decision });
    return post(world, route.path, route.body);
  };

  describe.each(routes)("on the $name route", (route) => {
    test.each(cases)("$name", async ({ reasons, status, bearer }) => {
      const response = await answer({ reasons }, route);
      // a denial of a tool is an answer
      expect(response.status).toBe(route.name === "tool" && bearer === undefined ? 200 : status);
      const header = response.headers.get("www-authenticate");
      if (bearer === undefined) {
        expect(header).toBeNull();
        return;
      }
      const where = `resource_metadata="https://ai.example/.well-known/oauth-protected-resource/gateway${route.resource}"`;
      const [first = "", second] = (header ?? "").split(", DPoP ");
      expect(first).toBe(`${bearer}${bearer.includes('="') ? ", " : " "}${where}`);
      const ofProof = reasons.some(({ code }) => code.startsWith("dpop_"));
      expect(second !== undefined).toBe(dpop || ofProof);
      if (dpop) expect(second).toMatch(/(?:^|, )algs="ES256 EdDSA"$/);
      if (ofProof) expect(second).toMatch(/^error="invalid_dpop_proof"/);
      else if (second !== undefined) {
        // the same error under both schemes
        expect(second.replace(/,? ?algs=.*/, "")).toBe(bearer.replace(/^Bearer ?/, ""));
      }
      expect(header).not.toContain("as a policy words it");
    });

    test("a nonce for the next proof is passed on, in a header of its own", async () => {
      const reasons = [{ code: "dpop_nonce_required", message: "m" }];
      const response = await answer({ reasons, dpop_nonce: "n0nce.abc" }, route);
      expect(response.headers.get("dpop-nonce")).toBe("n0nce.abc");
      expect(response.headers.get("www-authenticate")).toContain('DPoP error="use_dpop_nonce"');
    });

    test("its metadata lies where the challenge says, under the name that the client used", async () => {
      const response = await answer({ reasons: [{ code: "unauthenticated", message: "m" }] }, route);
      const [, url = ""] =
        /resource_metadata="([^"]+)"/.exec(response.headers.get("www-authenticate") ?? "") ?? [];
      // as a proxy in front hands it on, with and without its prefix
      for (const prefix of ["", "/gateway"]) {
        const path = new URL(url).pathname.replace("/gateway", prefix);
        const found = await fetch(`${world.url}${path}`);
        expect(found.status).toBe(200);
        expect(found.headers.get("cache-control")).toBe("public, max-age=300");
        expect(await found.json()).toEqual({
          resource: `${publicUrl}${route.resource}`,
          authorization_servers: [authorizationServer],
          bearer_methods_supported: ["header"],
          ...metadata,
        });
      }
    });
  });
});

describe("metadata", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({
      mcpUrl: "http://127.0.0.1:9/mcp",
      config: {
        authorization_servers: [authorizationServer, "https://other.example"],
        resource_metadata: {
          scopes_supported: ["models:use", "files:read"],
          dpop_signing_alg_values_supported: ["ES256"],
          tls_client_certificate_bound_access_tokens: true,
          resource_name: "The gateway",
          resource_documentation: "https://docs.example",
        },
        servers: { files: { url: "http://127.0.0.1:9", assertion: { audience: "a" } } },
      },
    });
  });
  afterAll(() => world.close());
  const read = (path: string): Promise<Response> =>
    fetch(`${world.url}/.well-known/oauth-protected-resource${path}`);

  test("says all that a client needs", async () => {
    expect(await (await read("/mcp/files")).json()).toEqual({
      resource: `${world.url}/mcp/files`,
      authorization_servers: [authorizationServer, "https://other.example"],
      scopes_supported: ["models:use", "files:read"],
      bearer_methods_supported: ["header"],
      dpop_signing_alg_values_supported: ["ES256"],
      tls_client_certificate_bound_access_tokens: true,
      jwks_uri: `${world.url}/.well-known/jwks.json`,
      resource_name: "The gateway",
      resource_documentation: "https://docs.example",
    });
  });
  test("of the whole gateway lies at the root", async () => {
    expect(await (await read("")).json()).toMatchObject({ resource: world.url });
  });
  test.each(["/mcp/absent", "/v1/retrieval/absent", "/v1/chat/completions", "/mcp", "/", "/x", "//v1"])(
    "of %s there is none",
    async (path) => {
      expect((await read(path)).status).toBe(404);
    },
  );
  test.each<readonly [string, object]>([
    ["a scope with a quote", { scopes_supported: ['a"b'] }],
    ["a symmetric algorithm", { dpop_signing_alg_values_supported: ["HS256"] }],
    ["no algorithm", { dpop_signing_alg_values_supported: ["none"] }],
    ["an unknown field", { jwks_uri: "https://x" }],
  ])("isn't configured with %s", (_name, metadata) => {
    const config = { sidecar: { socket: "/s" }, resource_metadata: metadata };
    expect(() => parseGatewayConfig(config as unknown as Json)).toThrow(/resource_metadata/);
  });
});

describe("a policy's reason that asks for more", () => {
  const decide = (code: string, properties: unknown): boolean =>
    parseDecision({ allow: false, reasons: [{ code, message: "m", properties }] }) !== undefined;
  test.each<readonly [string, unknown]>([
    ["insufficient_scope", { scope: "a" }],
    ["insufficient_scope", { scope: "files:read https://x.example/scope!" }],
    ["insufficient_assurance", { acr_values: "phr" }],
    ["insufficient_assurance", { max_age: 0 }],
    ["insufficient_assurance", { acr_values: "a b", max_age: 60, scope: "c" }],
  ])("%s with %j holds", (code, properties) => {
    expect(decide(code, properties)).toBe(true);
  });
  test.each<readonly [string, unknown]>([
    ["insufficient_scope", undefined],
    ["insufficient_scope", null],
    ["insufficient_scope", {}],
    ["insufficient_scope", { scope: "" }],
    ["insufficient_scope", { scope: " a" }],
    ["insufficient_scope", { scope: "a  b" }],
    ["insufficient_scope", { scope: 'a", realm="x' }],
    ["insufficient_scope", { scope: "a\r\nx: y" }],
    ["insufficient_scope", { scope: "a\\" }],
    ["insufficient_scope", { scope: "é" }],
    ["insufficient_scope", { scope: "a".repeat(513) }],
    ["insufficient_scope", { scope: ["a"] }],
    ["insufficient_scope", { scope: "a", max_age: 5 }],
    ["insufficient_assurance", { scope: "a" }],
    ["insufficient_assurance", { max_age: -1 }],
    ["insufficient_assurance", { max_age: 1.5 }],
    ["insufficient_assurance", { max_age: "60" }],
    ["insufficient_assurance", { acr_values: "a", other: 1 }],
    ["insufficient_assurance", ["a"]],
  ])("%s with %j is no decision", (code, properties) => {
    expect(decide(code, properties)).toBe(false);
  });
  test("under any other code, properties mean nothing and hurt nothing", () => {
    expect(decide("tier_not_granted", { scope: 5 })).toBe(true);
  });
});

test("a gateway whose address isn't HTTP's, and that isn't told another, says nothing of metadata", () => {
  const resource = "/mcp/files";
  expect(metadataUrl({ publicUrl: () => "unix:///run/gateway.sock" }, resource)).toBeUndefined();
  expect(metadataUrl({ publicUrl: () => "https://[::1]:8443" }, resource)).toBe(
    "https://[::1]:8443/.well-known/oauth-protected-resource/mcp/files",
  );
});
