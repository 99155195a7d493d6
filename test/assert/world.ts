/** Sidecar, gateway and an upstream that wants to know who calls: all real, with the shipped policies. */
import { readFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IdentityName } from "../../demo/identities.js";
import { createDemoIssuer } from "../../demo/issuer.js";
import { demoSidecarConfig } from "../../demo/world.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { startSidecar } from "../../sidecar/main.js";
import { json, startUpstream, type Served } from "../gateway/world.js";
import { bundleCache, policies } from "../world.js";

export const issuer = "https://countersign.example";
export const audience = "https://models.internal";

export interface AssertionWorld {
  readonly gatewayUrl: string;
  /** The sidecar's TCP address. */
  readonly sidecarUrl: string;
  readonly socket: string;
  readonly upstream: Served;
  /** Asks a model as somebody of the demo, with more claims in the token. */
  ask(name: IdentityName, headers?: Record<string, string>, claims?: object): Promise<Response>;
  token(name: IdentityName): Promise<string>;
  /** The assertion that the upstream got last. */
  received(header?: string): string;
  decisionLog(): Promise<string>;
  close(): Promise<void>;
}

export interface AssertionWorldOptions {
  /** Of the sidecar; null: none. */
  readonly signing?: Record<string, Json> | null;
  /** Of the upstream; null: none. */
  readonly wanted?: Record<string, Json> | null;
  readonly gateway?: Record<string, Json>;
  readonly bundle?: string;
}

export async function startAssertionWorld(options: AssertionWorldOptions = {}): Promise<AssertionWorld> {
  const { signing = {}, wanted = {}, gateway: more = {}, bundle = policies } = options;
  const directory = await mkdtemp(join(tmpdir(), "countersign-assert-"));
  const decisionLog = join(directory, "decisions.jsonl");
  const socket = join(directory, "pdp.sock");
  const demo = await createDemoIssuer({ now: Date.now });
  const upstream = await startUpstream((_req, res) => {
    json(res, { id: "c", object: "chat.completion", choices: [] });
  });
  const closeEarly = async (error: unknown): Promise<never> => {
    await upstream.close();
    await rm(directory, { recursive: true, force: true });
    throw error;
  };
  const sidecar = await startSidecar({
    bundles: [bundle],
    addresses: [`unix://${socket}`, "127.0.0.1:0"],
    diagnosticAddresses: [],
    config: {
      ...(demoSidecarConfig(demo, decisionLog) as Record<string, Json>),
      ...(signing === null ? {} : { assertion: { issuer, ...signing } }),
    },
    sets: [],
    watch: false,
    cacheDir: bundleCache,
    log: { level: "error", format: "json" },
    version: "test",
  }).catch(closeEarly);
  const gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket, deadline_ms: 5_000 },
      upstreams: {
        main: {
          url: upstream.url,
          ...(wanted === null ? {} : { assertion: { audience, ...wanted } }),
        },
      },
      models: { "gpt-4o": { upstream: "main", provider: "openai", region: "us", environment: "prod" } },
      ...more,
    },
    log: sidecar.log,
  });
  return {
    gatewayUrl: gateway.address,
    sidecarUrl: sidecar.addresses[1] ?? "",
    socket,
    upstream,
    token: (name) => demo.token(name),
    async ask(name, headers = {}, claims = {}) {
      return fetch(`${gateway.address}/v1/chat/completions`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${await demo.token(name, { ...claims })}`,
          "content-type": "application/json",
          ...headers,
        },
        body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] }),
      });
    },
    received(header = "x-countersign-assertion") {
      const value = upstream.received.at(-1)?.headers[header];
      return typeof value === "string" ? value : "";
    },
    decisionLog: () => readFile(decisionLog, "utf8"),
    async close() {
      await gateway.close();
      await sidecar.close();
      await upstream.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
