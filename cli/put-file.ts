import { chmod, realpath, rename, stat, unlink, writeFile } from "node:fs/promises";

/**
 * Puts a file there whole or not at all: who watches it must not see half of it. One that is there keeps its mode, and a
 * link to it stays one.
 */
export async function putFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const mode = await stat(target).then(
    (facts) => facts.mode & 0o7777,
    () => undefined,
  );
  const fresh = `${target}.${process.pid}.new`;
  try {
    await writeFile(fresh, bytes, { flag: "wx" });
    if (mode !== undefined) await chmod(fresh, mode);
    await rename(fresh, target);
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
}
