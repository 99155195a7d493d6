import { open } from "node:fs/promises";
import { LoadFailed } from "./load-failed.js";

const mostBytes = 256 * 1024;

/**
 * Reads a file that holds a secret or a few certificates, anew at each use: what replaces it counts at once.
 * @throws LoadFailed
 */
export async function readSmallFile(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) throw new LoadFailed("unreadable");
  try {
    const { size } = await file.stat();
    if (size > mostBytes) throw new LoadFailed("too_large");
    return await file.readFile("utf8");
  } catch (error) {
    throw error instanceof LoadFailed ? error : new LoadFailed("unreadable");
  } finally {
    await file.close();
  }
}
