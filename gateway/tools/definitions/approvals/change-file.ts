import { randomBytes } from "node:crypto";
import { open, realpath, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** A file that can't be read or changed now. */
export class FileRefused extends Error {
  override readonly name = "FileRefused";
  constructor(
    readonly fault: "unreadable" | "too_large" | "writable_by_others" | "locked" | "unwritable" | "full",
    message: string,
  ) {
    super(message);
  }
}

const mostBytes = 128 * 2 ** 20;
const writableByOthers = 0o022;
const patience = 5_000;
const pause = 50;

export interface Read {
  /** Differs where the file is another, or was changed. */
  readonly version: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a file where it is another than the one known (by inode, size and times).
 * @returns undefined where it is the one known; `absent` where there is none
 * @throws FileRefused
 */
export async function readFileIfChanged(path: string, known: string): Promise<Read | "absent" | undefined> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "absent";
    throw new FileRefused("unreadable", `cannot read ${path}`);
  }
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, mode } = await file.stat({ bigint: true });
    if ((Number(mode) & writableByOthers) !== 0)
      throw new FileRefused("writable_by_others", `${path} can be written by others; chmod 600 it`);
    const version = [dev, ino, size, mtimeNs, ctimeNs].join(":");
    if (version === known) return undefined;
    if (size > mostBytes) throw new FileRefused("too_large", `${path} is larger than ${mostBytes} bytes`);
    return { version, bytes: await file.readFile() };
  } catch (error) {
    if (error instanceof FileRefused) throw error;
    throw new FileRefused("unreadable", `cannot read ${path}`);
  } finally {
    await file.close();
  }
}

/**
 * Changes a file under a lock: by a new one (0600, the old one's owner) that takes the old one's place at once, so that a
 * reader sees the old text or the new one, whole.
 * @param change gives the new text, of the old bytes; undefined: it stays
 * @throws FileRefused, and what `change` throws
 */
export async function changeFile(
  path: string,
  change: (before: Uint8Array | undefined) => string | undefined,
): Promise<void> {
  // a link stays a link
  const target = await realpath(path).catch(() => path);
  const lock = `${target}.lock`;
  await (await take(lock)).close();
  try {
    const read = await readFileIfChanged(target, "");
    const before = read === "absent" || read === undefined ? undefined : read.bytes;
    const text = change(before);
    if (text === undefined) return;
    // INVARIANT: what is written can be read again
    if (Buffer.byteLength(text) > mostBytes)
      throw new FileRefused("full", `${path} would be larger than ${mostBytes} bytes`);
    await replace(target, text);
  } finally {
    await unlink(lock).catch(() => undefined);
  }
}

async function take(lock: string): Promise<FileHandle> {
  for (let waited = 0; ; waited += pause) {
    try {
      return await open(lock, "wx", 0o600);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw new FileRefused("unwritable", `cannot write ${lock}`);
      if (waited >= patience)
        throw new FileRefused("locked", `someone else is changing the file; if nobody is, remove ${lock}`);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

async function replace(target: string, text: string): Promise<void> {
  const before = await stat(target).catch(() => undefined);
  const next = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text);
      // whoever could read it before, can read it after: root may run the command line for a gateway that isn't
      if (before !== undefined) await file.chown(before.uid, before.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, target);
    const directory = await open(dirname(target));
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    await unlink(next).catch(() => undefined);
    throw new FileRefused("unwritable", `cannot write ${target}: ${codeOf(error) ?? "failed"}`);
  }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
