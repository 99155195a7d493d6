/** Starts what is measured: a sidecar with the shipped policies and a gateway on one core, a store on the other. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDemoIssuer } from "../../demo/issuer.js";
import { demoSidecarConfig } from "../../demo/world.js";
import type { Json } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import { freePort } from "../../test/free-port.js";
import type { Started } from "../process.js";
import { hasChildren, loadCore, pinSelf, serverCore, start } from "../process.js";
import { collectionsJson } from "./configure.js";
import { shelves } from "./documents.js";

export interface Stage {
  /** Of the store, without a path. */
  readonly store: string;
  readonly gateway: string;
  /** Where the store's API is at the gateway. */
  readonly prefix: string;
  /** The sidecar's. */
  readonly socket: string;
  readonly policies: string;
  /** For another one, in this process. */
  readonly sidecarConfig: Json;
  readonly pids: { readonly sidecar: number; readonly gateway: number };
  /** Both in one process, as `countersign run` has them. */
  readonly together: { readonly gateway: string; readonly pid: number };
  readonly token: string;
  close(): Promise<void>;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
export const command = join(root, "bin/countersign.js");
export const bundleCache = join(root, ".cache/bundles");

/** Copies the shipped policies, with facts about these collections and limits that a load doesn't reach. */
export async function writePolicies(folder: string): Promise<void> {
  await cp(join(root, "policies"), folder, { recursive: true });
  const path = join(folder, "data.json");
  const data = JSON.parse(await readFile(path, "utf8")) as { facts: Record<string, Record<string, unknown>> };
  const { facts } = data;
  for (const { name } of shelves)
    facts["collections"] = {
      ...facts["collections"],
      [name]: {
        tenant: "acme",
        classification: "internal",
        up_to: "confidential",
        open: ["retrieval.query"],
      },
    };
  facts["retrieval"] = {
    ...facts["retrieval"],
    ...{ top_k: 1_000, recent: { queries: 1e9, narrow: 1e9 } },
  };
  await writeFile(path, JSON.stringify(data));
}

async function writeJson(path: string, value: unknown): Promise<string> {
  await writeFile(path, JSON.stringify(value));
  return path;
}

export async function prepareStage(): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-retrieval-"));
  const started: Started[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await Promise.all(started.map((one) => one.stop()));
      await rm(directory, { recursive: true, force: true });
    })());
  // what was started must not outlive a run that is broken off
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void close().finally(() => process.exit(1)));
  const run = async (core: number, file: string, args: readonly string[]): Promise<Started> => {
    const one = await start(core, file, args);
    started.push(one);
    return one;
  };
  try {
    pinSelf();
    const program = fileURLToPath(new URL("store.js", import.meta.url));
    const store = await run(loadCore, process.execPath, [program]);
    const url = /http:\/\/[\d.:]+/.exec(store.said)?.[0] ?? "";
    const policies = join(directory, "policies");
    await writePolicies(policies);
    const issuer = await createDemoIssuer({ now: Date.now });
    const [port, ownPort] = [await freePort(), await freePort()];
    const socket = join(directory, "pdp.sock");
    const configure = (name: string, listen: number, pdp: string): Promise<string> =>
      writeJson(join(directory, `${name}.json`), {
        ...{
          listen: `127.0.0.1:${listen}`,
          sidecar: { socket: pdp, deadline_ms: 5_000 },
          environment: "demo",
        },
        stores: {
          bench: {
            ...{ kind: "qdrant", url, region: "eu", environment: "prod" },
            collections: collectionsJson("qdrant"),
          },
        },
      });
    const decides = (name: string, pdp: string): Promise<string[]> =>
      writeJson(
        join(directory, `${name}.json`),
        demoSidecarConfig(issuer, join(directory, `${name}.jsonl`)),
      ).then((path) => [
        ...["-b", policies, "-c", path, "-a", `unix://${pdp}`],
        ...["-l", "error", "--cache-dir", bundleCache],
      ]);
    const sidecar = await run(serverCore, command, ["sidecar", ...(await decides("sidecar", socket))]);
    const gateway = await run(serverCore, command, [
      ...["gateway", "-c", await configure("gateway", port, socket), "-l", "error"],
    ]);
    const own = join(directory, "own.sock");
    const both = await run(serverCore, command, [
      ...["run", ...(await decides("both", own))],
      ...["--gateway-config", await configure("both-gateway", ownPort, own)],
    ]);
    // the toolchain's process, which stays a while
    while (hasChildren(sidecar.pid) || hasChildren(both.pid))
      await new Promise((resolve) => setTimeout(resolve, 200));
    return {
      ...{ store: url, gateway: `http://127.0.0.1:${port}`, prefix: "/stores/bench", socket, policies },
      pids: { sidecar: sidecar.pid, gateway: gateway.pid },
      together: { gateway: `http://127.0.0.1:${ownPort}`, pid: both.pid },
      sidecarConfig: demoSidecarConfig(issuer, join(directory, "in-process.jsonl")),
      token: await issuer.token("senior"),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts the same sidecar in this process, as `countersign run` has it; without a socket. */
export function openSidecar({ policies, sidecarConfig }: Stage): Promise<Sidecar> {
  return startSidecar({
    ...{ bundles: [policies], addresses: [], diagnosticAddresses: [], sets: [], watch: false },
    ...{ config: sidecarConfig, cacheDir: bundleCache, version: "bench" },
    log: { level: "error", format: "text" },
  });
}
