/** Wires how bundles are read, verified, built, checked and kept. */
import type { Prepare } from "../bundles/arrival.js";
import type { DataView } from "../bundles/delta/plan.js";
import type { Keep } from "../bundles/keep/keep.js";
import { createDiskMarks, createMemoryMarks } from "../bundles/keep/marks.js";
import type { PrepareParts, Preparing } from "../bundles/prepare.js";
import { createPrepare } from "../bundles/prepare.js";
import { limits } from "../rego/limits.js";
import type { Toolchain } from "../rego/toolchain.js";
import { createToolchain } from "../rego/toolchain.js";
import { createMakeAside } from "./make-aside.js";
import { createMakeHere } from "./make-here.js";

export interface WirePrepareParts extends Pick<
  PrepareParts,
  "load" | "entrypoint" | "now" | "admissionOf" | "keys"
> {
  /** Absent: nothing is kept on disk. */
  readonly keep?: Keep | undefined;
  readonly toolchain: Toolchain;
  /** Runs tests; one of its own unless given. */
  readonly testing?: Toolchain;
  readonly cacheDir?: string | undefined;
  /** The documents of what is in force, by the digest of what was built. */
  readonly viewOf?: (digest: string) => DataView | undefined;
}

export interface WiredPrepare {
  readonly prepare: Prepare;
  readonly foresee: Preparing["foresee"];
  close(): Promise<void>;
}

/** All tests of a bundle together, milliseconds: one that doesn't end must not keep others from being built. */
const testsMs = 60_000;

export function wirePrepare(parts: WirePrepareParts): WiredPrepare {
  const { viewOf, keep, toolchain, testing: shared, cacheDir, ...rest } = parts;
  const testing = shared ?? createToolchain({ timeoutMs: testsMs });
  const { build, data, version } = toolchain;
  const compiler = { build, data, version, test: testing.test };
  const here = createMakeHere({ toolchain: compiler, cacheDir, viewOf });
  const aside = createMakeAside(here, compiler, cacheDir);
  const { prepare, foresee } = createPrepare({
    ...rest,
    make: aside.make,
    marks: keep === undefined ? createMemoryMarks() : createDiskMarks(keep.folderOf),
    ...(keep === undefined ? {} : { keep }),
    sizeLimitBytes: limits.archiveBytes,
  });
  return {
    ...{ prepare, foresee },
    async close() {
      await aside.close();
      if (shared === undefined) await testing.close();
    },
  };
}
