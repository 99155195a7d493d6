/**
 * Keeps fences in a file that survives restarts of everything: a line for each change, sealed, each line signed together
 * with the one before, so that one can't be taken out. INVARIANT: it is what no older Redis can fall behind.
 */
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Fence } from "./fences.js";
import type { FenceRecords } from "./records.js";
import { isOver } from "./records.js";
import type { FenceSeal } from "./seal.js";

export interface FileParts {
  readonly dir: string;
  readonly seal: FenceSeal;
  readonly records: FenceRecords;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface FenceFile {
  /** Takes what the file holds into the records. `damaged`: it isn't as it was left; what is authentic was taken. */
  load(): Promise<"none" | "loaded" | "damaged">;
  /** Appends changes; false where they could not be written, as it is while the file is damaged. */
  write(fences: readonly Fence[]): Promise<boolean>;
  /** Writes all anew in the place of a damaged file, once it is known elsewhere what there is. */
  replace(): Promise<boolean>;
  close(): Promise<void>;
}

/** Bytes of the largest file that is read. */
const largest = 512 * 2 ** 20;
const head = "countersign fences 1";

export function createFenceFile({ dir, seal, records, now }: FileParts): FenceFile {
  const path = join(dir, "fences");
  let handle: FileHandle | undefined;
  let last = seal.sign("file", head);
  let lines = 0;
  let damaged = false;
  let queue: Promise<unknown> = Promise.resolve();

  const lineOf = (fence: Fence): string => {
    const text = `${fence.id} ${seal.close(fence)}`;
    last = seal.sign("line", `${last} ${text}`);
    return `${last} ${text}\n`;
  };

  /** Writes all anew beside the file, then takes its place. */
  const rewrite = async (): Promise<void> => {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const fresh = `${path}.new`;
    // what an aborted attempt left, or what somebody laid there
    const made = await open(
      fresh,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await made.chmod(0o600);
      last = seal.sign("file", head);
      const at = now();
      const kept = [...records.all()].filter((fence) => !isOver(fence, at));
      await made.writeFile(`${head} ${last}\n${kept.map(lineOf).join("")}`);
      await made.sync();
      await rename(fresh, path);
      lines = kept.length;
    } catch (error) {
      await made.close();
      throw error;
    }
    await handle?.close();
    handle = made;
    const folder = await open(dir, "r");
    await folder.sync().finally(() => folder.close());
  };

  const append = async (fences: readonly Fence[]): Promise<boolean> => {
    if (damaged) return false;
    try {
      if (handle === undefined || lines > 2 * records.size + 1_000) {
        await rewrite();
        return true;
      }
      await handle.appendFile(fences.map(lineOf).join(""));
      await handle.datasync();
      lines += fences.length;
      return true;
    } catch {
      // what was half written is written anew, whole
      await handle?.close().catch(() => undefined);
      handle = undefined;
      return false;
    }
  };

  /** Takes each line that is authentic; tells whether all stand as they were written. */
  const takeAll = (text: string): boolean => {
    const rows = text.split("\n");
    // a line that a crash cut off: nobody was told that it is written
    rows.pop();
    let whole = rows.shift() === `${head} ${last}`;
    for (const row of rows) {
      const [mac = "", id = "", ...rest] = row.split(" ");
      const sealed = rest.join(" ");
      const fence = seal.open(id, sealed);
      whole &&= fence !== undefined && seal.verify("line", `${last} ${id} ${sealed}`, mac);
      last = mac;
      if (fence !== undefined) records.take(fence);
    }
    return whole;
  };

  return {
    async load() {
      let text: string;
      try {
        const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          const found = await file.stat();
          // what isn't a file may never end
          damaged = !found.isFile() || found.size > largest;
          if (damaged) return "damaged";
          text = await readFile(file, "utf8");
        } finally {
          await file.close();
        }
      } catch (error) {
        damaged = (error as { code?: unknown }).code !== "ENOENT";
        return damaged ? "damaged" : "none";
      }
      damaged = !takeAll(text);
      return damaged ? "damaged" : "loaded";
    },
    write(fences) {
      const done = queue.then(() => append(fences));
      queue = done;
      return done;
    },
    replace() {
      damaged = false;
      return this.write([]);
    },
    async close() {
      await queue;
      await handle?.close();
      handle = undefined;
    },
  };
}
