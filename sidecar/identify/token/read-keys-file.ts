import { open } from "node:fs/promises";
import { LoadFailed } from "./load-failed.js";

/**
 * Reads a key set from a file when it is another than `known` (by inode, size and time of change).
 * @throws LoadFailed
 */
export async function readKeysFile(
  path: string,
  known: string | undefined,
  limit: number,
): Promise<{ version: string; bytes: Uint8Array } | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) throw new LoadFailed("unreadable");
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await file.stat();
    const version = [dev, ino, size, mtimeMs, ctimeMs].join(":");
    if (version === known) return undefined;
    if (size > limit) throw new LoadFailed("too_large");
    const buffer = Buffer.alloc(limit + 1);
    const { bytesRead } = await file.read(buffer, 0, limit + 1, 0);
    if (bytesRead > limit) throw new LoadFailed("too_large");
    return { version, bytes: Uint8Array.from(buffer.subarray(0, bytesRead)) };
  } catch (error) {
    throw error instanceof LoadFailed ? error : new LoadFailed("unreadable");
  } finally {
    await file.close();
  }
}
