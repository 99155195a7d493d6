/** Files that are there whole or not at all, in folders that nobody else may write. */
import { randomUUID } from "node:crypto";
import { link, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";

export class FolderRefused extends Error {
  override readonly name = "FolderRefused";
}

const temporary = /^\.fresh-[0-9a-f-]{36}$/;

/**
 * Makes a folder (0700), or looks at the one that is there.
 * @throws FolderRefused where others may write it; Error of the file system
 */
export async function openFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await refuseOthers(folder);
}

/** Gives what `work` gives; what it throws at a start names the folder, as nobody is there who knows it. */
export async function naming<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`persistence_directory: ${folder}: ${why}`, { cause: error });
  }
}

async function refuseOthers(place: string): Promise<void> {
  const facts = await lstat(place);
  if (facts.isSymbolicLink()) throw new FolderRefused("it is a link");
  if ((facts.mode & 0o022) !== 0) throw new FolderRefused("others may write it: chmod -R go-w");
  const self = process.geteuid?.();
  if (self !== undefined && facts.uid !== self && facts.uid !== 0)
    throw new FolderRefused("it belongs to another user");
}

/**
 * Writes a file whole: after a crash at any point, the one before it or the new one is there. On disk when it answers.
 * @throws FolderRefused; Error of the file system
 */
export async function writeWhole(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await openFolder(folder);
  const fresh = join(folder, `.fresh-${randomUUID()}`);
  try {
    const file = await open(fresh, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, join(folder, name));
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
}

/**
 * Gives a file a second name, which {@link sweep} takes away after a crash; undefined where there is no such file.
 * @throws Error of the file system
 */
export async function setAside(folder: string, name: string): Promise<string | undefined> {
  const aside = join(folder, `.fresh-${randomUUID()}`);
  try {
    await link(join(folder, name), aside);
    return aside;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === "ENOENT") return undefined;
    throw error;
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a file that {@link writeWhole} wrote; undefined where there is none.
 * @throws FolderRefused where others may write it, or it is too large; Error of the file system
 */
export async function readWhole(
  folder: string,
  name: string,
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  const place = join(folder, name);
  try {
    await refuseOthers(folder);
    await refuseOthers(place);
    const file = await open(place, "r");
    try {
      const { size } = await file.stat();
      if (size > mostBytes) throw new FolderRefused("it is too large");
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Takes away what writes that were cut off have left. */
export async function sweep(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(
    names
      .filter((name) => temporary.test(name))
      .map((name) => unlink(join(folder, name)).catch(() => undefined)),
  );
}
