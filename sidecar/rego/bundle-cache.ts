import { randomUUID } from "node:crypto";
import { mkdir, readFile, readdir, rename, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuiltBundle } from "./bundle.js";
import { readArchive } from "./archive.js";
import { interpret } from "./read.js";
import { writeBundle } from "./write.js";

const mostKept = 32;

/**
 * Keeps compiled bundles on disk by the digest of their sources, in the product's own `.tar.gz`. A cache may fail: what
 * can't be read or written costs a compilation. INVARIANT: a file that is not whole, or that others may write, is a miss.
 */
export function createBundleCache(directory: string): {
  get(key: string): Promise<BuiltBundle | undefined>;
  put(key: string, bundle: BuiltBundle): Promise<void>;
} {
  const fileOf = (key: string): string => join(directory, `${key}.tar.gz`);
  return {
    async get(key) {
      try {
        if (await othersMayWrite(directory)) return undefined;
        const archive = await readArchive(await readFile(fileOf(key)));
        if (archive.kind === "rejected") return undefined;
        const found = interpret(archive.entries);
        return found.kind === "compiled" ? found.bundle : undefined;
      } catch {
        return undefined;
      }
    },
    async put(key, bundle) {
      const fresh = join(directory, `.${randomUUID()}`);
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await writeFile(fresh, writeBundle(bundle), { mode: 0o600 });
        await rename(fresh, fileOf(key));
        await prune(directory);
      } catch {
        await unlink(fresh).catch(() => undefined);
      }
    },
  };
}

/** Who can write here decides what is allowed there. */
async function othersMayWrite(directory: string): Promise<boolean> {
  return ((await stat(directory)).mode & 0o022) !== 0;
}

async function prune(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => /^[0-9a-f]{64}\.tar\.gz$/.test(name));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(directory, name))).mtimeMs })),
  );
  aged.sort((a, b) => b.at - a.at);
  await Promise.all(aged.slice(mostKept).map(({ name }) => unlink(join(directory, name))));
}
