/**
 * Keeps pushed bundles here: on disk, where there is a place, or in memory. INVARIANT: what was known here once is what no
 * older Redis can fall behind.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { PushedEntry, PushedRecord } from "./pushed.js";
import type { PushedSeal } from "./seal.js";
import { idOf } from "./seal.js";

/** Files that are there whole or not at all. */
export interface Disk {
  /** On disk when it answers. @throws Error of the file system */
  write(folder: string, name: string, bytes: Uint8Array): Promise<void>;
  /** Undefined where there is none. @throws Error of the file system, or where others may write it */
  read(folder: string, name: string, mostBytes: number): Promise<Uint8Array | undefined>;
  /** Never rejects. */
  remove(folder: string, name: string): Promise<void>;
}

export interface ShelfParts {
  readonly seal: PushedSeal;
  /** Absent: what is here goes with the process. */
  readonly disk?: { readonly files: Disk; readonly folder: string };
}

/** What is on the shelf of one bundle. */
export interface Shelved {
  readonly record: PushedRecord;
  /** The generation that was in force here last. */
  readonly last?: number;
}

export interface Shelf {
  /** Never rejects: what can't be read isn't there. `damaged`: something is, and isn't as it was written. */
  load(name: string): Promise<Shelved | "none" | "damaged">;
  /** @throws Error of the file system */
  writeRecord(record: PushedRecord, last: number | undefined): Promise<void>;
  /** @throws Error of the file system */
  writeContent(name: string, entry: PushedEntry, bytes: Uint8Array): Promise<void>;
  /** Gives what is what its digest says; never rejects. */
  content(name: string, entry: PushedEntry): Promise<Uint8Array | undefined>;
  /** Lets content go that no record names. Never rejects. */
  remove(name: string, digest: string): Promise<void>;
}

/** Archives of one bundle in memory: the one in force, and the one before it. */
const mostInMemory = 2;
const recordFile = "record";
const longestRecord = 1_048_576;

export function createShelf({ seal, disk }: ShelfParts): Shelf {
  const contents = new Map<string, Map<string, Uint8Array>>();
  const folderOf = (name: string): string => join(disk?.folder ?? "", idOf(name));
  const fileOf = (digest: string): string => `${digest}.tar.gz`;
  return {
    async load(name) {
      if (disk === undefined) return "none";
      try {
        const bytes = await disk.files.read(folderOf(name), recordFile, longestRecord);
        if (bytes === undefined) return "none";
        const [text = "", mark = ""] = Buffer.from(bytes).toString("utf8").split("\n");
        const record = seal.open(idOf(name), text);
        if (record === undefined) return "damaged";
        const last = Number(mark);
        return { record, ...(Number.isSafeInteger(last) && last > 0 ? { last } : {}) };
      } catch {
        return "damaged";
      }
    },
    async writeRecord(record, last) {
      const text = `${seal.close(record)}\n${last ?? 0}\n`;
      await disk?.files.write(folderOf(record.name), recordFile, Buffer.from(text));
    },
    async writeContent(name, { digest }, bytes) {
      if (disk !== undefined) return disk.files.write(folderOf(name), fileOf(digest), bytes);
      const own = contents.get(name) ?? new Map<string, Uint8Array>();
      contents.set(name, own);
      own.delete(digest);
      own.set(digest, bytes);
      for (const oldest of own.keys()) {
        if (own.size <= mostInMemory) break;
        own.delete(oldest);
      }
    },
    async content(name, { digest, size }) {
      if (disk === undefined) return contents.get(name)?.get(digest);
      try {
        const bytes = await disk.files.read(folderOf(name), fileOf(digest), size);
        if (bytes === undefined) return undefined;
        const found = createHash("sha256").update(bytes).digest("hex");
        return bytes.byteLength === size && found === digest ? bytes : undefined;
      } catch {
        return undefined;
      }
    },
    async remove(name, digest) {
      contents.get(name)?.delete(digest);
      await disk?.files.remove(folderOf(name), fileOf(digest));
    },
  };
}
