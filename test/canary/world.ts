/**
 * The product as a process of its own, told everything that is secret, and every place that it writes to. What it gets
 * to write to later (traces) is another line in {@link CanaryWorld.places}.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../cli/main.js";
import type { DemoIssuer } from "../../demo/issuer.js";
import { createDemoIssuer } from "../../demo/issuer.js";
import { demoSidecarConfig } from "../../demo/world.js";
import type { FakeVault } from "../gateway/secrets/fake-vault.js";
import { startFakeVault } from "../gateway/secrets/fake-vault.js";
import type { Served } from "../gateway/world.js";
import { json, startUpstream, until } from "../gateway/world.js";
import { bundleCache, policies, root } from "../world.js";
import type { Canary, Place } from "./find.js";
import { canary } from "./find.js";

/** What the gateway holds. None of it may reach a client, either. Nothing here looks like a key: the log would take that out. */
export const held = {
  env: canary("the provider's key from the environment"),
  file: canary("the provider's key in a file"),
  fileNext: canary("the provider's next key in a file"),
  vault: canary("the provider's key in Vault"),
  vaultSecretId: canary("the AppRole's secret id"),
  value: canary("the provider's key in the configuration"),
  header: canary("a header of an upstream"),
  hook: canary("the secret of a hook"),
  idKey: canary("the key of ids", "id-key-padded-to-its-length-"),
  bad: canary("a key in a configuration that is refused"),
} as const;

/** What callers bring. It may come back to them, and goes nowhere else but upstream. */
export const said = {
  prompt: canary("the prompt"),
  system: canary("the instructions"),
  arguments: canary("the arguments of a tool"),
  description: canary("the description of a tool"),
  answer: canary("the model's answer"),
  called: canary("the arguments that a model made up"),
  query: canary("a query of retrieval"),
  document: canary("a document"),
  claim: canary("a claim"),
  group: canary("a group"),
  header: canary("a header of the caller's"),
  claimed: canary("a claimed header"),
  cookie: canary("a cookie"),
  session: canary("a cookie that a route passes on"),
  url: canary("a query parameter"),
  seen: canary("a query parameter that policy sees"),
  broken: canary("text in a body that can't be parsed"),
} as const;

export interface CanaryWorld {
  readonly url: string;
  readonly issuer: DemoIssuer;
  readonly apiKey: string;
  readonly model: Served;
  readonly vault: FakeVault;
  readonly keyFile: string;
  /** What goes to clients: heads and bodies. */
  readonly answers: string[];
  /** What callers present: tokens, keys, proofs. */
  readonly presented: Canary[];
  /** Sends as a caller does, and keeps all that comes back; the status, 0 where the connection ends without. */
  send(
    path: string,
    init?: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<number>;
  /** Writes the configuration and has it read again; `text` as it is, else over the good one. */
  reload(change: Record<string, unknown> | string): Promise<void>;
  /** Waits until the log says something. */
  said(text: string): Promise<void>;
  /** Stops it; gives all that it wrote, by place. */
  places(): Promise<Place[]>;
  close(): Promise<void>;
}

export async function startCanaryWorld(): Promise<CanaryWorld> {
  const directory = mkdtempSync(join(tmpdir(), "countersign-canary-"));
  const at = (name: string): string => join(directory, name);
  const [issuer, vault, model, collector] = await Promise.all([
    createDemoIssuer({ now: Date.now }),
    startFakeVault(),
    startUpstream((_req, res) => {
      json(res, {});
    }),
    startUpstream((_req, res) => {
      json(res, {});
    }),
  ]);
  vault.approle.secretId = held.vaultSecretId.value;
  vault.write("secret", "ai/provider", { api_key: held.vault.value });
  writeFileSync(at("key"), held.file.value);
  const apiKey = await createApiKey(at("keys.json"));
  writeFileSync(
    at("sidecar.json"),
    JSON.stringify({
      ...(demoSidecarConfig(issuer, at("decisions.jsonl")) as Record<string, unknown>),
      identity: { issuers: [issuer.issuerConfig()], api_keys: { file: at("keys.json") }, dpop: {} },
    }),
  );
  const place = { provider: "openai", region: "us", environment: "prod" };
  const of = (api_key: object, more: object = {}): object => ({
    ...{ url: model.url, api_key, timeouts: { first_byte_ms: 1_000, between_bytes_ms: 1_000 } },
    ...more,
  });
  const auth = { approle: { role_id: vault.approle.roleId, secret_id: { env: "CANARY_SECRET_ID" } } };
  const config = {
    listen: "127.0.0.1:0",
    sidecar: { socket: at("pdp.sock"), deadline_ms: 5_000 },
    environment: "test",
    id_key: { env: "CANARY_ID_KEY" },
    claimed_headers: ["x-purpose"],
    max_body_bytes: 65_536,
    telemetry: { endpoint: collector.url, metrics_every_ms: 100, trust_traceparent: true, propagate: true },
    content: { detectors: ["pii", "secrets", "injection", "language"], budget_ms: 10_000 },
    upstreams: {
      file: of({ file: at("key"), id: "file", refresh_ms: 50 }),
      vault: of({
        ...{ id: "vault", refresh_ms: 50 },
        vault: { address: vault.address, path: "ai/provider", field: "api_key", auth, timeout_ms: 1_000 },
      }),
      value: of({ value: held.value.value }, { protocol: "anthropic" }),
      header: of({ env: "CANARY_ENV_KEY" }, { headers: { "openai-beta": { env: "CANARY_HEADER" } } }),
    },
    models: {
      "gpt-4o": { upstream: "vault", ...place },
      "gpt-4o-mini": { upstream: "file", ...place, region: "eu" },
      "claude-sonnet": { upstream: "value", ...place, provider: "anthropic" },
      "llama-3.1-70b": { upstream: "header", ...place, environment: "experiments" },
    },
    servers: {
      files: { url: `${model.url}/mcp`, api_key: { env: "CANARY_ENV_KEY" } },
      search: { url: "http://127.0.0.1:9", api_key: { env: "CANARY_ENV_KEY" } },
    },
    routes: {
      notes: {
        ...{ kind: "web", url: `${model.url}/notes`, api_key: { env: "CANARY_ENV_KEY" } },
        ...{ region: "eu", environment: "prod", cookies: ["session"], query_values: ["tab"], body: "json" },
      },
    },
    notify: { hook: { url: `${model.url}/hook`, secret: { env: "CANARY_HOOK" } } },
    collections: {
      handbook: {
        ...{ url: `${model.url}/query`, api_key: { env: "CANARY_ENV_KEY" } },
        ...{ classification: "internal", region: "eu", environment: "prod" },
      },
    },
  };
  const write = (more: Record<string, unknown> | string): void => {
    writeFileSync(
      at("gateway.yaml"),
      typeof more === "string" ? more : JSON.stringify({ ...config, ...more }),
    );
  };
  write({});

  const { child, output } = start(directory);
  const found = (pattern: RegExp): string | undefined => pattern.exec(output.err)?.[1];
  const listening = (): boolean => found(/gateway listens on (http\S+)/) !== undefined;
  const metricsUrl = (): string | undefined => found(/sidecar listens on (http:\S+)/);
  await until(() => child.exitCode !== null || (listening() && metricsUrl() !== undefined), 20_000).catch(
    () => undefined,
  );
  const url = found(/gateway listens on (http\S+)/);
  if (url === undefined || metricsUrl() === undefined) {
    child.kill("SIGKILL");
    throw new Error(`it didn't start: ${output.err}`);
  }

  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await exited;
  };
  let seen = 0;
  const answers: string[] = [];
  const presented: Canary[] = [];
  const world: CanaryWorld = {
    ...{ url, issuer, apiKey, model, vault, keyFile: at("key"), answers, presented },
    async send(path, { method = "POST", headers = {}, body } = {}) {
      const response = await fetch(`${url}${path}`, {
        ...{ method, headers: { "content-type": "application/json", ...headers } },
        ...(body === undefined ? {} : { body }),
        redirect: "manual",
      }).catch(() => undefined);
      if (response === undefined) return 0;
      const text = await response.text().catch(() => "");
      answers.push(JSON.stringify([response.status, ...response.headers]), text);
      return response.status;
    },
    async reload(change) {
      const before = output.err.length;
      write(change);
      child.kill("SIGHUP");
      await until(() => /configuration (?:not )?reloaded/.test(output.err.slice(before)), 20_000);
    },
    async said(text) {
      await until(() => output.err.slice(seen).includes(text), 20_000);
      seen = output.err.length;
    },
    async places() {
      const metrics = await fetch(`${metricsUrl() ?? ""}/metrics`);
      const told = (path: string): string =>
        collector.received
          .filter((one) => one.path === path)
          .map(({ headers, body }) => JSON.stringify(headers) + body)
          .join("\n");
      const text = await metrics.text();
      // what wasn't sent yet is, now
      await stop();
      return [
        { name: "the traces", text: told("/v1/traces") },
        { name: "the collector's metrics", text: told("/v1/metrics") },
        { name: "the log", text: output.err + output.out },
        { name: "the metrics", text },
        { name: "the decision log", text: readFileSync(at("decisions.jsonl"), "utf8") },
      ];
    },
    async close() {
      await stop();
      await Promise.all([model.close(), vault.close(), collector.close()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return world;
}

async function createApiKey(file: string): Promise<string> {
  let out = "";
  const args = [
    "keys",
    "create",
    "-f",
    file,
    "-n",
    "test",
    "-t",
    "acme",
    "-s",
    "workload:test",
    "--unscoped",
  ];
  const io = { out: (text: string) => (out += text), err: (text: string) => (out += text) };
  await main([...args, "--group", "ml-senior", "--format", "json"], io);
  const key = /cs_live_[\w-]+/.exec(out)?.[0];
  if (key === undefined) throw new Error(`no key was made: ${out}`);
  return key;
}

function start(directory: string): { child: ChildProcess; output: { out: string; err: string } } {
  const at = (name: string): string => join(directory, name);
  const args = [
    ...["run", "-b", policies, "-c", at("sidecar.json"), "--gateway-config", at("gateway.yaml")],
    ...["-a", `unix://${at("pdp.sock")}`, "-a", "127.0.0.1:0", "--cache-dir", bundleCache],
    ...["--log-level", "debug"],
  ];
  const child = spawn(process.execPath, [join(root, "bin", "countersign.js"), ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      CANARY_ENV_KEY: held.env.value,
      CANARY_HOOK: `whsec_${Buffer.from(held.hook.value).toString("base64")}`,
      CANARY_HEADER: held.header.value,
      CANARY_ID_KEY: held.idKey.value,
      CANARY_SECRET_ID: held.vaultSecretId.value,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.err += chunk.toString()));
  return { child, output };
}
