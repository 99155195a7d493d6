/** Wires how a bundle is made of what arrived, in this thread. */
import { applyDelta, createTextView } from "../bundles/delta/apply.js";
import type { DataView } from "../bundles/delta/plan.js";
import type { Delta, Make, ReadContent } from "../bundles/make.js";
import { createMake } from "../bundles/make.js";
import { verifyEntries } from "../bundles/signature/verify.js";
import type { Entries } from "../rego/archive.js";
import { readArchive } from "../rego/archive.js";
import { compileBundle } from "../rego/build.js";
import { digestOfBytes } from "../rego/digest.js";
import { isDelta, readDelta } from "../rego/read-delta.js";
import { readEntries } from "../rego/read.js";
import type { Compiler } from "./make-aside.js";

export interface MakeHereParts {
  readonly toolchain: Compiler;
  readonly cacheDir: string | undefined;
  /** The documents of what is in force, by the digest of what was built. */
  readonly viewOf?: ((digest: string) => DataView | undefined) | undefined;
}

export function createMakeHere({ toolchain, cacheDir, viewOf }: MakeHereParts): Make {
  return createMake({
    ...{ read: readContent, verify: verifyEntries, delta: deltasOver(viewOf), test: toolchain.test },
    compile: (entries) =>
      compileBundle({ entries, toolchain, ...(cacheDir === undefined ? {} : { cacheDir }) }),
  });
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

function deltasOver(viewOf: MakeHereParts["viewOf"]): Delta {
  return {
    isDelta,
    apply(entries, base, archiveDigest, shared) {
      const delta = readDelta(entries);
      if (delta.kind === "rejected") return Promise.resolve(delta);
      // what earlier changes of this arrival were made to is ahead of what is in force
      const inForce = shared.view === undefined ? viewOf?.(base.digest) : undefined;
      const view = inForce ?? (shared.view ??= createTextView(base.data));
      const named = archiveDigest === undefined ? {} : { archiveDigest };
      const applied = applyDelta(base, delta, { view, ...named });
      if (applied.kind === "applied") shared.view?.patch(applied.patches);
      return Promise.resolve(applied);
    },
  };
}
