/** Milvus Lite behind the routes of Milvus's RESTful API: the filter language is the real one. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

// of the compiled file
const root = fileURLToPath(new URL("../../../../../../", import.meta.url));
const packages = join(root, ".cache/python-milvus");

export interface MilvusCollection {
  readonly collectionName: string;
  /** Column to type, as in the gateway's configuration; all but primary and vectors may be null. */
  readonly schema: Readonly<Record<string, string>>;
  readonly primary?: string;
  readonly dynamic?: boolean;
  readonly dimension?: number;
  readonly partitions?: readonly string[];
  /** A row's `$partition` is where it goes. */
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
}

export interface MilvusServer {
  readonly url: string;
  /** Makes a collection with its rows, anew where it is there. */
  create(collection: MilvusCollection): Promise<void>;
  /** Asks the store itself, past any gateway. */
  ask(path: string, body: unknown): Promise<{ readonly code: number; readonly data: unknown }>;
  close(): Promise<void>;
}

/** Starts the store on a free port, with these collections. */
export async function startMilvus(collections: readonly MilvusCollection[]): Promise<MilvusServer> {
  if (!existsSync(join(packages, ".installed"))) throw new Error("run deploy/python-clients.sh first");
  const child = spawn("python3", ["-B", join(root, "test/gateway/retrieval/stores/milvus/rest.py")], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PYTHONPATH: packages },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", () => reject(new Error("the store didn't start")));
  });
  const ask = async (path: string, body: unknown): Promise<{ code: number; data: unknown }> => {
    const answer = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
    return (await answer.json()) as { code: number; data: unknown };
  };
  const server: MilvusServer = {
    url,
    async create(collection) {
      const said = await ask("/kit/create", collection);
      if (said.code !== undefined && said.code !== 0) throw new Error(JSON.stringify(said));
    },
    ask: (path, body) => ask(`/v2/vectordb/${path}`, body),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
  for (const collection of collections) await server.create(collection);
  return server;
}
