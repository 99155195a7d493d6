/** Relays and servers that are known by name: where each is asked, and with what; and what a configuration may not say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { GatewayConfigRefused, parseGatewayConfig } from "../../../gateway/config.js";
import { load } from "js-yaml";
import type { Preset } from "../../../gateway/upstreams/presets.js";
import { presetNames, presets } from "../../../gateway/upstreams/presets.js";
import type { Json } from "../../../sidecar/contract.js";
import { root } from "../../world.js";
import type { Served, World } from "../world.js";
import { allow, chatBody, json, post, startUpstream, startWorld } from "../world.js";

const minimal = (upstream: object): Json =>
  ({ sidecar: { socket: "/run/pdp.sock" }, upstreams: { it: upstream } }) as unknown as Json;
const read = (upstream: object) => parseGatewayConfig(minimal(upstream)).upstreams.get("it");
const problems = (upstream: object): readonly string[] => {
  try {
    parseGatewayConfig(minimal(upstream));
    return [];
  } catch (error) {
    if (error instanceof GatewayConfigRefused) return error.problems;
    throw error;
  }
};

const key = { value: "provider-key-1" };
const relayKey = { value: "relay-key-1" };
/** How each is configured, and what it gets then beside what every one gets. */
const cases: readonly {
  readonly kind: string;
  readonly url: string;
  readonly config?: object;
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
}[] = [
  {
    kind: "openrouter",
    url: "https://openrouter.ai/api/v1",
    config: { headers: { "HTTP-Referer": "https://app.example", "X-OpenRouter-Title": "The App" } },
    path: "/api/v1",
    headers: { "http-referer": "https://app.example", "x-openrouter-title": "The App" },
  },
  {
    kind: "portkey",
    url: "https://api.portkey.ai/v1",
    config: {
      relay_key: relayKey,
      headers: { "x-portkey-provider": "openai", "x-portkey-virtual-key": { value: "virtual-key-1" } },
    },
    headers: {
      "x-portkey-api-key": "relay-key-1",
      "x-portkey-provider": "openai",
      "x-portkey-virtual-key": "virtual-key-1",
    },
  },
  {
    kind: "litellm",
    url: "",
    config: { headers: { "x-litellm-tags": "team-a" } },
    headers: { "x-litellm-tags": "team-a" },
  },
  {
    kind: "helicone",
    url: "https://oai.helicone.ai/v1",
    config: { relay_key: relayKey, headers: { "Helicone-Cache-Enabled": "true" } },
    headers: { "helicone-auth": "Bearer relay-key-1", "helicone-cache-enabled": "true" },
  },
  { kind: "ollama", url: "http://127.0.0.1:11434/v1", headers: {} },
  {
    kind: "vllm",
    url: "http://127.0.0.1:8000/v1",
    config: { headers: { "x-route": "blue" } },
    headers: { "x-route": "blue" },
  },
  { kind: "mistral", url: "https://api.mistral.ai/v1", headers: {} },
  { kind: "groq", url: "https://api.groq.com/openai/v1", path: "/openai/v1", headers: {} },
  { kind: "together", url: "https://api.together.ai/v1", headers: {} },
  {
    kind: "gemini",
    url: "https://generativelanguage.googleapis.com/v1beta/openai",
    path: "/v1beta/openai",
    headers: {},
  },
];

test("each preset has a case here, and says where it is from", () => {
  expect(cases.map(({ kind }) => kind)).toEqual(presetNames);
  for (const { source } of Object.values(presets)) expect(source.length).toBeGreaterThan(10);
});

describe("a preset", () => {
  let world: World;
  let upstream: Served;
  beforeAll(async () => {
    upstream = await startUpstream(() => undefined);
    const upstreams = cases.map(({ kind, config, path = "/v1" }) => [
      kind,
      { kind, url: `${upstream.url}${path}`, api_key: key, ...config },
    ]);
    const gemini = { url: `${upstream.url}/v1beta?api-version=1`, protocol: "gemini", api_key: key };
    const claude = { kind: "openrouter", url: `${upstream.url}/v1`, protocol: "anthropic", api_key: key };
    const place = { provider: "p", region: "eu", environment: "prod" };
    const models = cases.map(({ kind }) => [
      kind,
      { upstream: kind, upstream_model: "org/model:free", provider: kind, region: "eu", environment: "prod" },
    ]);
    world = await startWorld({
      config: {
        upstreams: { ...(Object.fromEntries(upstreams) as object), claude, queried: gemini },
        models: {
          ...(Object.fromEntries(models) as object),
          queried: { upstream: "queried", ...place },
          "openrouter-claude": { upstream: "claude", ...place },
        },
      },
    });
  });
  afterAll(async () => {
    await world.close();
    await upstream.close();
  });
  beforeEach(() => {
    world.sidecar.decide = allow;
    upstream.received.length = 0;
    upstream.answer = (_req, res) => {
      json(res, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [] });
    };
  });

  test.each(cases)("$kind is where it says, unless its operator says otherwise", ({ kind, url, config }) => {
    if (url === "") expect(problems({ kind, ...config })).toEqual(["upstreams.it.url: is required"]);
    else expect(read({ kind, ...config })?.url.href.replace(/\/$/, "")).toBe(url);
  });

  test.each(cases)("$kind gets the request with its headers, and none of the client's", async (one) => {
    const { kind, path = "/v1", headers } = one;
    const claims = Object.fromEntries(Object.keys(headers).map((name) => [name, "the-clients"]));
    const answer = await post(world, "/v1/chat/completions", chatBody({ model: kind }), claims);
    expect(answer.status).toBe(200);
    const [received] = upstream.received;
    expect(received?.path).toBe(`${path}/chat/completions`);
    expect(received?.headers).toEqual({
      ...{ accept: "application/json", "accept-encoding": "identity", "content-type": "application/json" },
      ...{ host: new URL(upstream.url).host, connection: "keep-alive" },
      "content-length": String(received?.body.length),
      authorization: "Bearer provider-key-1",
      ...headers,
    });
    expect(JSON.parse(received?.body ?? "")).toMatchObject({ model: "org/model:free" });
  });

  test("with a query in its address keeps it beside the request's own", async () => {
    const body = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };
    await post(world, "/v1beta/models/queried:streamGenerateContent?alt=sse", JSON.stringify(body));
    expect(upstream.received.map(({ path }) => path)).toEqual([
      "/v1beta/models/queried:streamGenerateContent?alt=sse&api-version=1",
    ]);
  });

  test("that speaks Anthropic's protocol, too, is asked in it, with its key where it looks", async () => {
    upstream.answer = (_req, res) => {
      json(res, { type: "error", error: { type: "invalid_request_error", message: "no" } }, 400);
    };
    const body = { model: "openrouter-claude", max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
    await post(world, "/v1/messages", JSON.stringify(body));
    const [received] = upstream.received;
    expect(received?.path).toBe("/v1/messages");
    expect(received?.headers).toMatchObject({
      authorization: "Bearer provider-key-1",
      "anthropic-version": "2023-06-01",
    });
    expect(received?.headers["x-api-key"]).toBeUndefined();
  });

  test.each(["relay-key-1", "virtual-key-1"])(
    "that quotes the secret %s in an error isn't passed on",
    async (secret) => {
      upstream.answer = (_req, res) => {
        json(res, { error: { message: `${secret} is wrong` } }, 400);
      };
      const answer = await post(world, "/v1/chat/completions", chatBody({ model: "portkey" }));
      expect([answer.status, (await answer.text()).includes(secret)]).toEqual([502, false]);
    },
  );
});

describe("a header of the configuration", () => {
  const refused = [
    ...[
      "authorization",
      "Authorization",
      "x-api-key",
      "api-key",
      "x-goog-api-key",
      "cookie",
      "proxy-authorization",
    ],
    ...[
      "host",
      "content-type",
      "content-length",
      "transfer-encoding",
      "connection",
      "te",
      "accept",
      "accept-encoding",
    ],
    ...["x-forwarded-for", "x-forwarded-user", "forwarded", "x-real-ip", "x-user-id", "x-auth-request-email"],
    ...["helicone-user-id", "x-portkey-metadata", "x-portkey-api-key", "helicone-auth", "x-litellm-api-key"],
    ...["x-countersign-assertion", "x-amz-security-token", "x-amz-date", "x-ms-client-principal", "x_route"],
    ...["x-portkey-forward-headers", "mcp-session-id", "anthropic-version", "", "x-route\r\nx-user: root"],
  ];
  test.each(refused)("can't be %j, whatever the kind", (name) => {
    for (const kind of ["portkey", "helicone", "litellm", "vllm", undefined]) {
      const upstream = { url: "http://127.0.0.1:1/v1", headers: { [name]: "x" }, ...(kind && { kind }) };
      expect(problems(upstream).join()).toMatch(/isn't among the headers/);
    }
  });
  test.each([
    ["two lines", { "x-route": "a\r\nx-user: root" }, /printable/],
    ["nothing", { "x-route": "" }, /printable/],
    ["what isn't ASCII", { "x-route": "ü" }, /printable/],
    ["too much", { "x-route": "x".repeat(5_000) }, /printable/],
    ["a number", { "x-route": 5 }, /must be a string/],
    ["itself twice", { "x-route": "a", "X-Route": "b" }, /twice/],
    ["a secret from two places", { "x-route": { env: "A", value: "b" } }, /give one of/],
  ])("can't hold %s", (_name, headers, why) => {
    expect(problems({ kind: "vllm", headers }).join()).toMatch(why);
  });
  test("can't be the one of the assertion", () => {
    const assertion = { audience: "a", header: "x-route" };
    expect(problems({ kind: "vllm", headers: { "x-route": "a" }, assertion }).join()).toMatch(
      /among the headers/,
    );
  });
});

describe("a configuration", () => {
  const azure = { kind: "azure", url: "https://x.openai.azure.com" };
  const entra = { tenant: "t", client_id: "c", client_secret: { value: "s" } };
  const credentials = { access_key_id: { value: "a" }, secret_access_key: { value: "s" } };
  const bedrock = { kind: "bedrock", region: "eu-central-1", credentials };
  test.each([
    ["a kind that there isn't", { kind: "azur", url: "http://a" }, /must be one of/],
    ["Azure without its address", { kind: "azure" }, /url: is required/],
    ["deployments without a version", { ...azure, surface: "deployments" }, /api_version: is required/],
    ["a version that is none", { ...azure, api_version: "2024&x=1" }, /api_version/],
    ["a version in the address", { ...azure, url: "https://x?api-version=1" }, /must not hold a query/],
    ["two proofs for Azure", { ...azure, api_key: key, entra }, /not both/],
    ["a tenant that is a path", { ...azure, entra: { ...entra, tenant: "../x" } }, /tenant/],
    ["a secret in the clear", { ...azure, entra: { ...entra, authority: "http://login.example" } }, /https/],
    [
      "both a secret and an assertion",
      { ...azure, entra: { ...entra, client_assertion: key } },
      /give client_secret/,
    ],
    ["no proof of the client", { ...azure, entra: { tenant: "t", client_id: "c" } }, /give client_secret/],
    ["Azure's keys elsewhere", { kind: "vllm", entra }, /entra: unknown field/],
    ["Bedrock without a region", { kind: "bedrock", credentials }, /region: is required/],
    ["a region that is a host", { ...bedrock, region: "x.evil.example/" }, /must be a region/],
    [
      "Bedrock without credentials",
      { kind: "bedrock", region: "eu-central-1" },
      /give credentials or api_key/,
    ],
    ["Bedrock with both", { ...bedrock, api_key: key }, /give credentials or api_key/],
    ["half a key", { ...bedrock, credentials: { access_key_id: key } }, /secret_access_key: is required/],
    ["a file that is relative", { ...bedrock, credentials: { file: "credentials" } }, /absolute/],
    ["a profile that ends a section", { ...bedrock, credentials: { file: "/a", profile: "x]" } }, /profile/],
    ["a file and keys", { ...bedrock, credentials: { ...credentials, file: "/a" } }, /unknown field/],
    ["Bedrock in the clear", { ...bedrock, url: "http://bedrock.example" }, /must be https/],
    ["a protocol that Bedrock hasn't", { ...bedrock, protocol: "gemini" }, /protocol/],
    ["a protocol that isn't spoken there", { kind: "groq", protocol: "anthropic" }, /must be one of openai/],
    [
      "Gemini's own under its OpenAI-compatible name",
      { kind: "gemini", protocol: "gemini" },
      /must be one of openai/,
    ],
    [
      "deployments of Anthropic's",
      { ...azure, protocol: "anthropic", surface: "deployments", api_version: "latest" },
      /OpenAI's models only/,
    ],
    ["a version that is JSON", { ...bedrock, anthropic_version: '"x' }, /anthropic_version/],
    [
      "a version of Converse",
      { ...bedrock, api: "converse", anthropic_version: "x" },
      /anthropic_version: unknown/,
    ],
    ["a relay's key where there is no relay", { kind: "ollama", relay_key: key }, /relay_key: unknown field/],
  ])("can't say %s", (_name, upstream, why) => {
    expect(problems(upstream).join("\n")).toMatch(why);
  });
  test.each([
    [bedrock, "https://bedrock-runtime.eu-central-1.amazonaws.com/"],
    [{ ...bedrock, region: "cn-north-1" }, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/"],
    [{ ...bedrock, region: "us-gov-west-1" }, "https://bedrock-runtime.us-gov-west-1.amazonaws.com/"],
    [{ ...bedrock, api: "openai" }, "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1"],
    [azure, "https://x.openai.azure.com/openai/v1"],
    [{ ...azure, protocol: "anthropic" }, "https://x.openai.azure.com/anthropic/v1"],
    [{ ...azure, url: "https://apim.example/base/openai/v1" }, "https://apim.example/base/openai/v1"],
  ])("leads %j to %s", (upstream, url) => {
    expect(read(upstream)?.url.href).toBe(url);
  });
  test.each([
    ["openai", "api-key", "https://cognitiveservices.azure.com/.default"],
    ["anthropic", "x-api-key", "https://ai.azure.com/.default"],
  ])("proves itself to Azure's models of %s as they want it", (protocol, keyIn, scope) => {
    expect(read({ ...azure, protocol, entra })).toMatchObject({
      keyIn,
      credentials: { kind: "entra", scope },
    });
  });
});

describe("docs/gateway-upstreams.md", () => {
  const text = readFileSync(join(root, "docs/gateway-upstreams.md"), "utf8");
  test("has an example that is a valid configuration", () => {
    const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const config = load(example) as object;
    const parsed = parseGatewayConfig({ sidecar: { socket: "/run/pdp.sock" }, ...config } as unknown as Json);
    expect([...parsed.models.keys()]).toEqual(["gpt-4o", "claude"]);
  });
  test.each(presetNames)("lists %s with its address and its headers", (name) => {
    const preset: Preset = presets[name];
    const row = text.split("\n").find((line) => line.startsWith(`| \`${name}\``)) ?? "";
    expect(row).toContain(preset.url === undefined ? "| required" : `\`${preset.url}\``);
    for (const one of preset.speaks ?? []) expect(row.toLowerCase()).toContain(one);
    if (preset.relayKey !== undefined) expect(row.toLowerCase()).toContain(preset.relayKey.header);
    for (const header of preset.headers) {
      const short = header.replace(/^(?:x-portkey|x-litellm|helicone)-/, "");
      expect(row).toContain(`\`${short}\``);
    }
  });
});
