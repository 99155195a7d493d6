/**
 * A real Chroma server (the native one of the PyPI package) on a free port, with a directory of its own that goes when it is
 * closed: `deploy/python-clients.sh` installs it.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../../free-port.js";
import { root } from "../../../../world.js";

export const packages = join(root, ".cache/python-chroma");

export interface ChromaDocument {
  readonly id: string;
  readonly embedding: readonly number[];
  /** Null or absent: none is stored. */
  readonly metadata?: Readonly<Record<string, unknown>> | null;
  readonly text?: string;
}

export interface ChromaServer {
  readonly url: string;
  /** Asks the server itself, as an operator would. */
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** Makes a collection of these documents (in `default_tenant` and `default_database` unless told otherwise); gives its UUID. */
  fill(name: string, documents: readonly ChromaDocument[], database?: string): Promise<string>;
  close(): Promise<void>;
}

export const home = "/api/v2/tenants/default_tenant/databases/default_database";

/** Linux's PR_SET_PDEATHSIG: a server doesn't outlive the test that is stopped. */
const code = `
import ctypes, sys, chromadb_rust_bindings as chroma
if sys.platform == "linux": ctypes.CDLL(None).prctl(1, 9)
chroma.cli(["chroma", "run", sys.argv[1]])`;

/** Starts a server, with these collections. */
export async function startChroma(
  collections: Readonly<Record<string, readonly ChromaDocument[]>> = {},
): Promise<ChromaServer> {
  if (!existsSync(join(packages, ".installed"))) throw new Error("run deploy/python-clients.sh first");
  const directory = await mkdtemp(join(tmpdir(), "chroma-"));
  const port = await freePort();
  const config = {
    port,
    listen_address: "127.0.0.1",
    persist_path: join(directory, "data"),
    allow_reset: true,
  };
  // JSON is YAML
  await writeFile(join(directory, "config.yaml"), JSON.stringify(config));
  const child = spawn("python3", ["-B", "-c", code, join(directory, "config.yaml")], {
    env: { PATH: process.env["PATH"], HOME: directory, PYTHONPATH: packages },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  child.stderr.on("data", (part: Buffer) => said.push(part.toString()));
  const ended = new Promise<void>((done) => child.on("exit", () => done()));
  const url = `http://127.0.0.1:${port}`;
  await ready(url, () => child.exitCode, said);
  const server: ChromaServer = {
    url,
    async ask(method, path, body) {
      const answer = await fetch(url + path, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === "" ? undefined : JSON.parse(text) };
    },
    fill: (name, documents, database = home) => fill(server, name, documents, database),
    async close() {
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
  for (const [name, documents] of Object.entries(collections)) await server.fill(name, documents);
  return server;
}

async function fill(
  { ask }: ChromaServer,
  name: string,
  documents: readonly ChromaDocument[],
  database: string,
): Promise<string> {
  const made = await ask("POST", `${database}/collections`, { name });
  const { id } = made.body as { readonly id?: string };
  if (id === undefined) throw new Error(`no collection: ${JSON.stringify(made)}`);
  if (documents.length === 0) return id;
  const added = await ask("POST", `${database}/collections/${id}/add`, {
    ids: documents.map((one) => one.id),
    embeddings: documents.map((one) => one.embedding),
    metadatas: documents.map((one) => one.metadata ?? null),
    documents: documents.map((one) => one.text ?? null),
  });
  if (added.status !== 201) throw new Error(`not added: ${JSON.stringify(added)}`);
  return id;
}

async function ready(url: string, exitCode: () => number | null, said: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (exitCode() !== null) throw new Error(`Chroma ended: ${said.join("")}`);
    try {
      const answer = await fetch(`${url}/api/v2/heartbeat`);
      if (answer.ok) return;
    } catch {
      // not yet
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`Chroma isn't there: ${said.join("")}`);
}

/** The version that is installed, as its folder says. */
export async function installedVersion(): Promise<string> {
  const pinned = await readFile(join(packages, ".installed"), "utf8");
  return /^chromadb==(\S+)$/m.exec(pinned)?.[1] ?? "";
}
