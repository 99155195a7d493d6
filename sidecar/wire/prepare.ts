/** Wires how bundles are read, verified, built, checked and kept. */
import type { Prepare } from "../bundles/arrival.js";
import { applyDelta } from "../bundles/delta/apply.js";
import type { DataView } from "../bundles/delta/plan.js";
import type { Keep } from "../bundles/keep/keep.js";
import { createDiskMarks, createMemoryMarks } from "../bundles/keep/marks.js";
import type { Delta, ReadContent } from "../bundles/make.js";
import { createMake } from "../bundles/make.js";
import type { PrepareParts } from "../bundles/prepare.js";
import { createPrepare } from "../bundles/prepare.js";
import { verifyEntries } from "../bundles/signature/verify.js";
import type { Entries } from "../rego/archive.js";
import { readArchive } from "../rego/archive.js";
import { compileBundle } from "../rego/build.js";
import { digestOfBytes } from "../rego/digest.js";
import { limits } from "../rego/limits.js";
import { isDelta, readDelta } from "../rego/read-delta.js";
import { readEntries } from "../rego/read.js";
import type { Toolchain } from "../rego/toolchain.js";
import { createToolchain } from "../rego/toolchain.js";

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
  close(): Promise<void>;
}

/** All tests of a bundle together, milliseconds: one that doesn't end must not keep others from being built. */
const testsMs = 60_000;

export function wirePrepare(parts: WirePrepareParts): WiredPrepare {
  const { viewOf, keep, toolchain, testing: shared, cacheDir, ...rest } = parts;
  const testing = shared ?? createToolchain({ timeoutMs: testsMs });
  const prepare = createPrepare({
    ...rest,
    test: testing.test,
    make: createMake({
      ...{ read: readContent, verify: verifyEntries, delta: deltasOver(viewOf) },
      compile: (entries) =>
        compileBundle({ entries, toolchain, ...(cacheDir === undefined ? {} : { cacheDir }) }),
    }),
    marks: keep === undefined ? createMemoryMarks() : createDiskMarks(keep.folderOf),
    ...(keep === undefined ? {} : { keep }),
    sizeLimitBytes: limits.archiveBytes,
  });
  return { prepare, close: () => (shared === undefined ? testing.close() : Promise.resolve()) };
}

/** Reads an archive, or what lies at a path. */
export const readContent: ReadContent = async (content, { archiveBytes }) => {
  if ("path" in content) {
    const found = await readEntries(content.path);
    return found.kind === "rejected" ? found : { ...found, size: sizeOf(found.entries) };
  }
  const size = content.bytes.byteLength;
  const read = await readArchive(content.bytes, { maxBytes: archiveBytes });
  return read.kind === "rejected" ? read : { ...read, size, archiveDigest: digestOfBytes(content.bytes) };
};

function sizeOf(entries: Entries): number {
  return [...entries.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
}

function deltasOver(viewOf: WirePrepareParts["viewOf"]): Delta {
  return {
    isDelta,
    apply(entries, base, archiveDigest) {
      const delta = readDelta(entries);
      if (delta.kind === "rejected") return Promise.resolve(delta);
      const view = viewOf?.(base.digest);
      const options = {
        ...(view === undefined ? {} : { view }),
        ...(archiveDigest === undefined ? {} : { archiveDigest }),
      };
      return Promise.resolve(applyDelta(base, delta, options));
    },
  };
}
