/** Files of the demo that are for their owner only: the issuer's key, the operator's key. */
import { randomUUID } from "node:crypto";
import { lstat, mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes a file that only its owner can read, whole or not at all.
 * @param dir made if missing (0700); must be fit for secrets if it exists
 * @returns the file's path
 * @throws Error when the directory is another's, a link, or open to others
 */
export async function savePrivately(dir: string, name: string, text: string): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await assertPrivate(dir, "directory");
  const path = join(dir, name);
  const temporary = `${path}.${randomUUID()}`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return path;
}

/** Checks that nobody else could have read or replaced it. @throws Error where somebody could. */
export async function assertPrivate(path: string, kind: "directory" | "file"): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) throw new Error(`there is no ${path}: is the demo running?`);
  if (kind === "directory" ? !found.isDirectory() : !found.isFile()) {
    throw new Error(`${path} is not a ${kind}`);
  }
  if (found.uid !== process.getuid?.()) throw new Error(`${path} belongs to another user`);
  if ((found.mode & 0o077) !== 0) throw new Error(`${path} is open to others; it must be for its owner only`);
}
