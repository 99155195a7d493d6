import { afterEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import { GatewayConfigRefused, parseGatewayConfig } from "../../gateway/config.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import type { World } from "./world.js";
import { chatBody, post, startWorld } from "./world.js";

const good = {
  sidecar: { socket: "/run/pdp.sock" },
  upstreams: { main: { url: "https://api.example/v1", api_key: { env: "COUNTERSIGN_TEST_NO_SUCH_KEY" } } },
  models: { m: { upstream: "main", provider: "p", region: "eu", environment: "prod" } },
};
const problemsOf = (value: unknown): readonly string[] => {
  try {
    parseGatewayConfig(value as Json);
    return [];
  } catch (error) {
    if (error instanceof GatewayConfigRefused) return error.problems;
    throw error;
  }
};

describe("a configuration", () => {
  test("has safe defaults", () => {
    expect(parseGatewayConfig(good as unknown as Json)).toMatchObject({
      listen: "127.0.0.1:8080",
      sidecar: { deadlineMs: 250 },
      allowedOrigins: [],
      trustedProxies: [],
    });
  });
  const bad: readonly (readonly [string, object, string])[] = [
    ["a mistyped field", { ...good, upstream: {} }, "upstream: unknown field; did you mean upstreams?"],
    ["no socket", { ...good, sidecar: {} }, "sidecar.socket: is required"],
    ["an unknown upstream", { ...good, upstreams: {} }, "models.m.upstream: is not among the upstreams"],
    [
      "another scheme",
      { ...good, servers: { s: { url: "file:///etc/passwd" } } },
      "servers.s.url: must be http or https",
    ],
    [
      "a password in a URL",
      { ...good, servers: { s: { url: "http://a:b@c" } } },
      "servers.s.url: must not hold credentials; use api_key",
    ],
    [
      "a credential as a claim",
      { ...good, claimed_headers: ["Authorization"] },
      "claimed_headers: authorization is no header that policy may see",
    ],
    [
      "a key of Google's as a claim",
      { ...good, claimed_headers: ["X-Goog-Api-Key"] },
      "claimed_headers: x-goog-api-key is no header that policy may see",
    ],
    ["a key from nowhere", { ...good, id_key: {} }, "id_key.env: give one of env, file, value, vault"],
    [
      "a range that is none",
      { ...good, trusted_proxies: ["everywhere"] },
      "trusted_proxies: everywhere is not a CIDR",
    ],
    [
      "a server's name with a slash",
      { ...good, servers: { "a/b": { url: "http://c" } } },
      "servers.a/b: the name may hold letters, digits and . _ : - only",
    ],
  ];
  test.each(bad)("with %s is refused by place", (_name, value, problem) => {
    expect(problemsOf(value)).toContain(problem);
  });
  test("is refused with all that is wrong at once", () => {
    expect(problemsOf({ sidecar: {}, listne: "x", models: 1 }).length).toBeGreaterThanOrEqual(3);
  });
  test("whose credential isn't there doesn't start", async () => {
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    await expect(
      startGateway({ config: { ...good, listen: "127.0.0.1:0" } as unknown as Json, log }),
    ).rejects.toThrow("the credential env:COUNTERSIGN_TEST_NO_SUCH_KEY is missing");
  });
});

describe("a gateway", () => {
  let world: World | undefined;
  afterEach(() => world?.close());
  test("passes on what callers say of themselves as claims, and only what is listed", async () => {
    world = await startWorld({ config: { claimed_headers: ["X-Purpose", "x-team", "x-long"] } });
    const said = { "x-purpose": "support", "x-other": "1", "x-long": "l".repeat(300) };
    await post(world, "/v1/chat/completions", chatBody(), said);
    expect(world.sidecar.asked[0]?.context.claimed).toEqual({ headers: { "x-purpose": "support" } });
  });

  const sourceOf = async (proxies: string[], forwarded?: string): Promise<string | undefined> => {
    world = await startWorld({ config: { trusted_proxies: proxies } });
    const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
    await post(world, "/v1/chat/completions", chatBody(), headers);
    return world.sidecar.asked[0]?.context.source?.ip;
  };
  const sources: readonly (readonly [string, string[], string | undefined, string | undefined])[] = [
    ["the peer", [], undefined, "127.0.0.1"],
    ["the peer, whatever it claims", [], "10.0.0.1", "127.0.0.1"],
    ["what a trusted proxy says", ["127.0.0.0/8"], "203.0.113.9", "203.0.113.9"],
    [
      "the right-most that isn't a proxy",
      ["127.0.0.0/8", "10.0.0.0/8"],
      "1.2.3.4, 203.0.113.9, 10.0.0.7",
      "203.0.113.9",
    ],
    ["nobody, where a proxy says nonsense", ["127.0.0.0/8"], "1.2.3.4, unknown", undefined],
  ];
  test.each(sources)("takes as source %s", async (_name, proxies, forwarded, expected) => {
    expect(await sourceOf(proxies, forwarded)).toBe(expected);
  });

  test("serves models whose ids hold slashes and colons, as clients spell them only", async () => {
    const facts = { upstream: "main", provider: "p", region: "eu", environment: "prod" };
    world = await startWorld({ config: { models: { "org/model:tag": facts } } });
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", maxRetries: 0 });
    expect(await client.models.retrieve("org/model:tag")).toMatchObject({ id: "org/model:tag" });
    for (const spelling of [
      "org/model:tag",
      "org%2fmodel%3Atag",
      "org%252Fmodel%253Atag",
      "%6frg%2Fmodel%3Atag",
    ]) {
      expect((await fetch(`${world.url}/v1/models/${spelling}`)).status).toBe(404);
    }
    expect((await post(world, "/v1/chat/completions", chatBody({ model: "org/model:tag" }))).status).toBe(
      200,
    );
  });

  test("takes a request id of the caller's only in a harmless form", async () => {
    world = await startWorld();
    const good = await post(world, "/v1/chat/completions", chatBody(), { "x-request-id": "0123-abcd-4567" });
    expect(good.headers.get("x-request-id")).toBe("0123-abcd-4567");
    const bad = await post(world, "/v1/chat/completions", chatBody(), { "x-request-id": "a b<script>" });
    expect(bad.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});
