/** Keeps a directory for one process: a file that names its owner, and is taken over once that one is gone. */
import { randomUUID } from "node:crypto";
import { constants, readFileSync, readlinkSync } from "node:fs";
import { lstat, open, readFile, rename, unlink, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

export interface Lock {
  /** False where this process stood still for so long that another one took it for gone. */
  isOurs(): Promise<boolean>;
  release(): Promise<void>;
}

interface Owner {
  /** Where process ids mean the same: one start of one machine, one container. */
  readonly place: string;
  readonly pid: number;
  /** When the process began, as the machine counts: ids are used again. */
  readonly began: string;
  readonly id: string;
}

const beatMs = 5_000;
/** An owner that can't be asked after is gone when it has been silent for so long. */
export const silentMs = 30_000;
const name = "lock";

/** Takes a directory; undefined where another process has it, or may have. */
export async function lockDirectory(directory: string): Promise<Lock | undefined> {
  const path = join(directory, name);
  const me: Owner = { place: placeOf(), pid: process.pid, began: beganOf(process.pid), id: randomUUID() };
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await write(path, me)) return held(path, me);
    if (await isHeld(path)) return undefined;
    // INVARIANT: of two that find it left behind, one can rename it, and only the one that renamed what it read goes on
    const aside = `${path}.${me.id}`;
    const before = await readOwner(path);
    try {
      await rename(path, aside);
    } catch {
      continue;
    }
    const moved = await readOwner(aside);
    if (moved?.id !== before?.id) {
      await rename(aside, path).catch(() => undefined);
      return undefined;
    }
    await unlink(aside).catch(() => undefined);
  }
  return undefined;
}

/** Gives the process that has a directory, where it is known to be alive; one of another container or machine can't be asked. */
export async function ownerAlive(directory: string): Promise<number | undefined> {
  const owner = await readOwner(join(directory, name));
  return owner?.place === placeOf() && lives(owner) ? owner.pid : undefined;
}

async function write(path: string, owner: Owner): Promise<boolean> {
  try {
    const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
    const file = await open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    await file.writeFile(JSON.stringify(owner)).finally(() => file.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function held(path: string, me: Owner): Lock {
  let beaten = performance.now();
  const beat = setInterval(() => {
    const now = new Date();
    const at = performance.now();
    void utimes(path, now, now).then(
      () => (beaten = at),
      () => undefined,
    );
  }, beatMs);
  beat.unref();
  return {
    async isOurs() {
      return performance.now() - beaten < silentMs / 2 || (await readOwner(path))?.id === me.id;
    },
    async release() {
      clearInterval(beat);
      const owner = await readOwner(path);
      if (owner?.id === me.id) await unlink(path).catch(() => undefined);
    },
  };
}

async function isHeld(path: string): Promise<boolean> {
  const owner = await readOwner(path);
  if (owner?.place === placeOf()) return lives(owner);
  try {
    const { mtimeMs } = await lstat(path);
    return Math.abs(Date.now() - mtimeMs) < silentMs;
  } catch {
    return false;
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const text = await readFile(path, { encoding: "utf8", flag: constants.O_RDONLY | constants.O_NOFOLLOW });
    const { place, pid, began, id } = JSON.parse(text.slice(0, 4_096)) as Record<string, unknown>;
    if (typeof place !== "string" || typeof began !== "string" || typeof id !== "string") return undefined;
    return Number.isSafeInteger(pid) && Number(pid) > 0 ? { place, pid: Number(pid), began, id } : undefined;
  } catch {
    return undefined;
  }
}

function lives({ pid, began }: Owner): boolean {
  return beganOf(pid) === began && isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function placeOf(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

/** Field 22 of `/proc/<pid>/stat`; "" where there is none. */
function beganOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
