/** A fleet that bundles are pushed to: sidecars with one Redis, or none, operators' keys, and authors' signatures. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packSigned } from "../../cli/sign-archive.js";
import type { JsonObject } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import { packEntries } from "../../sidecar/rego/pack.js";
import { bundleCache } from "../world.js";

export const keys = {
  lead: "operator-key-of-the-lead-at-least-32-characters",
  pusher: "operator-key-of-a-pusher-at-least-32-characters",
  viewer: "operator-key-of-a-viewer-at-least-32-characters",
};
const roles = { lead: "bundle-operator", pusher: "bundle-pusher", viewer: "bundle-viewer" };

const pair = (): { privateKey: string; publicKey: string } =>
  generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
/** Whose signature the sidecars ask for. */
export let author = pair();
const stranger = pair();
/** Has another process's author be this one's, too. */
export function takeAuthor(other: typeof author): void {
  author = other;
}

export interface Draft {
  readonly revision?: string;
  readonly version?: number;
  /** What the policy answers. */
  readonly allow?: boolean;
  /** In the place of the policy. */
  readonly rego?: string;
  /** Rego of a test; passes unless given. */
  readonly test?: string;
  readonly by?: "author" | "stranger" | "nobody";
}

/** Makes an archive, with its tests. */
export async function bundleOf(draft: Draft = {}): Promise<Buffer> {
  const { revision = "r1", version, allow = true, by = "author" } = draft;
  const rego =
    draft.rego ??
    `package app\n\n# METADATA\n# entrypoint: true\nallow := ${allow}\n\nrevision := "${revision}"\n`;
  const test = draft.test ?? `package app_test\n\nimport data.app\n\ntest_it if app.allow == ${allow}\n`;
  const manifest = {
    ...{ revision, roots: ["app", "app_test"], rego_version: 1 },
    ...(version === undefined ? {} : { metadata: { version } }),
  };
  const entries = new Map(
    Object.entries({ "app.rego": rego, "app_test.rego": test, ".manifest": JSON.stringify(manifest) }).map(
      ([place, text]) => [place, Buffer.from(text)],
    ),
  );
  if (by === "nobody") return Buffer.from(packEntries(entries));
  const { privateKey } = by === "author" ? author : stranger;
  const signed = await packSigned(entries, { key: privateKey, alg: "ES256", keyId: "author" });
  if (signed.kind === "rejected") throw new Error(JSON.stringify(signed.errors));
  return Buffer.from(signed.bytes);
}

export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  readonly bytes: Buffer;
}

export interface Replica {
  readonly sidecar: Sidecar;
  readonly url: string;
  readonly dir: string;
  ask(
    method: string,
    path: string,
    key?: string,
    body?: Buffer | object,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  push(bytes: Buffer, query?: string, headers?: Record<string, string>, key?: string): Promise<Answer>;
  /** What the policy answers now: the revision in force, or undefined. */
  inForce(): Promise<unknown>;
  records(): Promise<JsonObject[]>;
  /** Stops it; what is on its disk stays. */
  stop(): Promise<void>;
}

export interface ReplicaOptions {
  readonly redisUrl?: string;
  /** What was kept by another before. */
  readonly dir?: string;
  readonly verify?: JsonObject;
  readonly config?: JsonObject;
  readonly secret?: string;
  /** Where compiled bundles are kept; the tests' own unless given. */
  readonly cacheDir?: string;
}

const secret = "the-fleets-secret-of-at-least-thirty-two-characters";

export function configOf(dir: string, { redisUrl, verify, config, secret: own }: ReplicaOptions): JsonObject {
  return {
    ...{
      decision_logs: { console: false, file: join(dir, "log.jsonl") },
      persistence_directory: join(dir, "kept"),
    },
    keys: { author: { algorithm: "ES256", key: author.publicKey } },
    bundles: { app: { push: true, signing: { keyid: "author" }, verify: { tests: true, ...verify } } },
    operator: {
      keys: Object.entries(roles).map(([name, role]) => ({
        ...{ name, token_file: join(dir, name), roles: [role], person: name },
      })),
    },
    ...(redisUrl === undefined ? {} : { state: { redis_url: redisUrl, secret: own ?? secret } }),
    ...config,
  };
}

export async function writeKeys(dir: string): Promise<void> {
  for (const [name, text] of Object.entries(keys))
    await writeFile(join(dir, name), `${text}\n`, { mode: 0o600 });
}

export async function newDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), "countersign-push-"));
}

/** Starts a sidecar that takes pushes of the bundle `app`. */
export async function startReplica(options: ReplicaOptions = {}): Promise<Replica> {
  const dir = options.dir ?? (await newDir());
  await writeKeys(dir);
  const sidecar = await startSidecar({
    ...{ bundles: [], addresses: ["127.0.0.1:0"], diagnosticAddresses: [] },
    cacheDir: options.cacheDir ?? bundleCache,
    config: configOf(dir, options) as never,
    ...{ sets: [], watch: false, log: { level: "error", format: "json" }, version: "test" },
  });
  return connect(sidecar.addresses[0] ?? "", dir, sidecar);
}

export function connect(url: string, dir: string, sidecar: Sidecar): Replica {
  const replica: Replica = {
    ...{ sidecar, url, dir },
    ask: (method, path, key, body, headers = {}) => {
      const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
      const type = Buffer.isBuffer(body) ? "application/gzip" : "application/json";
      return new Promise((resolve, reject) => {
        const req = request(
          new URL(path, url),
          {
            method,
            headers: {
              ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
              ...(bytes === undefined ? {} : { "content-type": type, "content-length": bytes.byteLength }),
              ...headers,
            },
          },
          (res) => {
            const got: Buffer[] = [];
            res.on("data", (part: Buffer) => got.push(part));
            res.on("end", () => {
              const all = Buffer.concat(got);
              const isJson = (res.headers["content-type"] ?? "").startsWith("application/json");
              const body = isJson ? (JSON.parse(all.toString()) as JsonObject) : {};
              resolve({ status: res.statusCode ?? 0, body, bytes: all });
            });
          },
        );
        req.on("error", reject).end(bytes);
      });
    },
    push: (bytes, query = "", headers = {}, key = keys.pusher) =>
      replica.ask("PUT", `/v1/bundles/app${query}`, key, bytes, headers),
    async inForce() {
      const { body } = await replica.ask("GET", "/v1/data/app/revision");
      return body["result"];
    },
    async records() {
      const text = await readFile(join(dir, "log.jsonl"), "utf8").catch(() => "");
      const lines = text.split("\n").filter((line) => line !== "");
      return lines.map((line) => JSON.parse(line) as JsonObject).filter((line) => line["type"] === "bundle");
    },
    stop: () => sidecar.close(),
  };
  return replica;
}

export async function removeDirs(dirs: readonly string[]): Promise<void> {
  await Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true })));
}
