/** The demo's configuration: what the sidecar trusts and what the gateway routes to. */
import { mkdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "../sidecar/contract.js";
import { demoAudience, demoIssuer, type DemoIssuer } from "./issuer.js";

/** The run's directory, the same for every process of a user: the issuer's key and the sockets (0700). */
export function demoDirectory(): string {
  const directory = join(
    process.env["XDG_RUNTIME_DIR"] ?? tmpdir(),
    `countersign-demo-${process.getuid?.() ?? 0}`,
  );
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if ((statSync(directory).mode & 0o077) !== 0)
    throw new Error(`${directory} is open to others; run: chmod 700 ${directory}`);
  return directory;
}

/** Files with keys of this run. */
export interface DemoKeys {
  /** Who has it may set and lift fences. */
  readonly operator: string;
  /** Who has it may push the issuer's security events. */
  readonly signals: string;
}

/** Demo identities verify against this; loopback counts as the internal network in region eu. */
export function demoSidecarConfig(issuer: DemoIssuer, decisionLog: string, keys?: DemoKeys): Json {
  return {
    labels: { environment: "demo" },
    decision_logs: { file: decisionLog },
    identity: { issuers: [issuer.issuerConfig() as unknown as Json] },
    ...(keys === undefined
      ? {}
      : {
          operator: {
            keys: [{ name: "demo", token_file: keys.operator, person: "you", roles: ["fence-operator"] }],
          },
          signals: {
            transmitters: [
              {
                ...{ name: "demo", issuer: demoIssuer, audience: demoAudience, tenants: ["acme"] },
                jwks: issuer.issuerConfig().jwks as unknown as Json,
                push: { token_file: keys.signals },
              },
            ],
          },
        }),
    networks: [
      { cidr: "127.0.0.0/8", network: "internal", region: "eu" },
      { cidr: "::1/128", network: "internal", region: "eu" },
    ],
  };
}

export interface DemoUpstreams {
  readonly modelUrl: string;
  readonly modelKey: string;
  readonly mcpUrl: string;
  readonly storeUrl: string;
}

/** What the demo's gateway routes to; `listen` and `socket` differ between a run and a test. */
export function demoGatewayConfig(
  { modelUrl, modelKey, mcpUrl, storeUrl }: DemoUpstreams,
  { listen, socket, deadlineMs = 1_000 }: { listen: string; socket: string; deadlineMs?: number | undefined },
): Json {
  const upstream = "demo-models";
  return {
    listen,
    sidecar: { socket, deadline_ms: deadlineMs },
    environment: "demo",
    upstreams: {
      [upstream]: { url: modelUrl, api_key: { value: modelKey } },
      "demo-messages": { url: modelUrl, protocol: "anthropic", api_key: { value: modelKey } },
    },
    models: {
      "gpt-4o": { upstream, provider: "openai", region: "us", environment: "prod" },
      "gpt-4o-mini": { upstream, provider: "openai", region: "eu", environment: "prod" },
      "claude-sonnet": {
        upstream: "demo-messages",
        provider: "anthropic",
        region: "us",
        environment: "prod",
      },
      "llama-3.1-70b": { upstream, provider: "internal", region: "eu", environment: "experiments" },
      "medical-llm": { upstream, provider: "internal", region: "eu", environment: "prod" },
    },
    servers: {
      files: {
        url: `${mcpUrl}/files`,
        tools: [
          { match: "read_file", risk: "low", effect: "read", arguments: { "/path": "path" } },
          { match: "write_file", risk: "high", effect: "write", arguments: { "/path": "path" } },
          { match: "delete_file", risk: "critical", effect: "write", arguments: { "/path": "path" } },
        ],
      },
      search: {
        url: `${mcpUrl}/search`,
        tools: [{ match: "web_search", risk: "low", effect: "read" }],
      },
      ops: {
        url: `${mcpUrl}/ops`,
        tools: [
          { match: "run_command", risk: "medium", effect: "read", arguments: { "/command": "shell" } },
          { match: "*", risk: "low", effect: "read" },
        ],
      },
      web: {
        url: `${mcpUrl}/web`,
        tools: [{ match: "read_page", risk: "low", effect: "external", arguments: { "/url": "url" } }],
      },
      mail: {
        url: `${mcpUrl}/mail`,
        tools: [
          { match: "send_email", risk: "high", effect: "external", arguments: { "/to": "email" } },
          { match: "*", risk: "low", effect: "read" },
        ],
      },
    },
    stores: {
      library: {
        ...{ kind: "opensearch", url: storeUrl, region: "eu", environment: "prod" },
        collections: {
          wiki: { ...collection },
          handbook: { ...collection, classification: "internal" },
          patients: { ...collection, classification: "restricted" },
          "globex-docs": { ...collection, classification: "confidential" },
          "public-docs": { ...collection, classification: "public" },
        },
      },
    },
  };
}

/** Where the demo's documents have what policy asks of documents, and how their store has it. */
const collection = {
  fields: {
    ...{ tenant: "tenant", classification: "classification", region: "region", department: "department" },
    ...{ owner: "owner", reviewer: "reviewer" },
    created: { path: "created", type: "time" },
    expires: { path: "expires", type: "time" },
  },
  mapping: {
    // some documents have a list there, which the store takes for any of its members
    tenant: "keyword",
    classification: { type: "keyword", uniform: true },
    region: { type: "keyword", uniform: true },
    department: { type: "keyword", uniform: true },
    created: { type: "date", uniform: true },
    expires: { type: "date", uniform: true },
  },
  text: "text",
};
