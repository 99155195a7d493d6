import { randomBytes } from "node:crypto";
import { open, readFile, realpath, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { parseKeyList, writeKeyList, type ApiKey } from "./key-list.js";

/** A file of keys that can't be changed now. */
export class KeyFileRefused extends Error {
  override readonly name = "KeyFileRefused";
}

const patience = 5_000;
const pause = 50;

/** Reads the keys of a file. @throws KeyFileRefused, KeyListInvalid */
export async function readKeyFile(path: string): Promise<ApiKey[]> {
  try {
    return parseKeyList(await readFile(path));
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new KeyFileRefused(`cannot read ${path}`);
  }
}

/**
 * Changes the keys of a file: under a lock, by a new file (0600, the old one's owner) that takes the old one's place at
 * once, so that a reader sees the old keys or the new ones, whole.
 * @param absent what to change where there is no file yet; undefined: that is refused
 * @throws KeyFileRefused, KeyListInvalid
 */
export async function changeKeyFile(
  path: string,
  change: (keys: readonly ApiKey[]) => readonly ApiKey[],
  absent?: readonly ApiKey[],
): Promise<void> {
  // a link stays a link
  const target = await realpath(path).catch(() => path);
  const lock = `${target}.lock`;
  await (await take(lock)).close();
  try {
    const before = await stat(target).catch(() => undefined);
    if (before === undefined && absent === undefined) throw new KeyFileRefused(`there is no file ${path}`);
    const keys = before === undefined ? (absent ?? []) : await readKeyFile(target);
    await replace(target, writeKeyList(change(keys)), before);
  } finally {
    await unlink(lock);
  }
}

async function take(lock: string): Promise<FileHandle> {
  for (let waited = 0; ; waited += pause) {
    try {
      return await open(lock, "wx", 0o600);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw new KeyFileRefused(`cannot write ${lock}`);
      if (waited >= patience) {
        throw new KeyFileRefused(`someone else is changing the keys; if nobody is, remove ${lock}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

async function replace(
  target: string,
  text: string,
  before: { readonly uid: number; readonly gid: number } | undefined,
): Promise<void> {
  const next = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  const file = await open(next, "wx", 0o600);
  try {
    try {
      await file.writeFile(text);
      // whoever could read the keys before, can read them after: root may run this for a sidecar that isn't
      if (before !== undefined) await file.chown(before.uid, before.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, target);
  } catch (error) {
    await unlink(next).catch(() => undefined);
    throw new KeyFileRefused(`cannot write ${target}: ${codeOf(error) ?? "failed"}`);
  }
  const directory = await open(dirname(target));
  await directory.sync().finally(() => directory.close());
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
