/** The whole product as a user runs it, on free ports, in folders of its own: real sidecar, gateway and upstreams. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Demo } from "../demo/run.js";
import { startDemo } from "../demo/run.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const policies = join(root, "policies");
/** Shared by test files, as `make run` shares it: bundles are compiled once per content. */
export const bundleCache = join(root, ".cache", "bundles");

export interface World extends Demo {
  readonly directory: string;
  /** The sidecar's TCP address. */
  readonly sidecarUrl: string;
}

/** Starts a world; `sets` are `--set` pairs for the sidecar. */
export async function startWorld({
  sets = [],
  bundle = policies,
  direct = false,
}: { sets?: string[]; bundle?: string; direct?: boolean } = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-test-"));
  const demo = await startDemo({
    sidecar: {
      bundles: [bundle],
      addresses: ["127.0.0.1:0"],
      diagnosticAddresses: [],
      sets,
      watch: false,
      log: { level: "error", format: "json" },
      version: "test",
    },
    gatewayAddress: "127.0.0.1:0",
    direct,
    // more than a busy machine's pause
    deadlineMs: 20_000,
    cacheDir: bundleCache,
    directory,
  });
  return {
    ...demo,
    directory,
    sidecarUrl: demo.sidecarUrls[1] ?? "",
    async close() {
      await demo.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
