/** The spill's directory: one below it for each process, so that several workers can share it. */
import { lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Lock } from "../../net/lock-directory.js";
import { lockDirectory } from "../../net/lock-directory.js";

export interface Slot {
  readonly path: string;
  readonly lock: Lock;
}

const mostSlots = 1_000;

/**
 * Takes a directory of one's own below a directory.
 * @throws Error, with what to do, where others could read or change what is there
 */
export async function takeSlot(directory: string): Promise<Slot> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await check(directory);
  for (let n = 0; n < mostSlots; n++) {
    const path = join(directory, String(n));
    await mkdir(path, { mode: 0o700 }).catch(ignoreExisting);
    await check(path);
    const lock = await lockDirectory(path);
    if (lock !== undefined) return { path, lock };
  }
  throw new Error(`decision_logs.spill: all of ${mostSlots} places in ${directory} are taken`);
}

/** Takes those that were left behind, and hold something; each must be released. */
export async function takeAbandoned(directory: string, own: string): Promise<Slot[]> {
  const slots: Slot[] = [];
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    if (!/^\d{1,3}$/.test(name) || path === own) continue;
    try {
      await check(path);
      if (!(await readdir(path)).some((file) => file.endsWith(".segment"))) continue;
      const lock = await lockDirectory(path);
      if (lock !== undefined) slots.push({ path, lock });
    } catch {
      // it isn't ours
    }
  }
  return slots;
}

async function check(path: string): Promise<void> {
  const stat = await lstat(path);
  const wrong = (what: string): Error => new Error(`decision_logs.spill: ${path} ${what}`);
  if (stat.isSymbolicLink()) throw wrong("is a link: name the directory itself");
  if (!stat.isDirectory()) throw wrong("is no directory");
  const user = process.getuid?.();
  if (user !== undefined && stat.uid !== user)
    throw wrong("belongs to another user: give one that is the sidecar's own");
  if (user !== undefined && (stat.mode & 0o077) !== 0)
    throw wrong("can be read or written by others: chmod 700");
}

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
}
