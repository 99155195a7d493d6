/** A file of blocks, written once and read from its beginning; beside it, how far it has been sent. */
import { constants } from "node:fs";
import { open, readFile, rename, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Block } from "../upload/block.js";
import { headBytes, headOf, isWhole, readHead } from "./frame.js";

export interface Segment {
  /** Path without an extension. */
  path: string;
  /** Bytes that hold, and how many of them were sent. */
  size: number;
  sent: number;
  /** Events in it that weren't sent; undefined where it is from an earlier start. */
  events: number | undefined;
  /** Whether a block of it was read: what stands before is known to be one, too. */
  read: boolean;
  /** When its first block was made, epoch milliseconds. */
  readonly at: number;
}

export const segmentName = /^(\d{1,15})\.segment$/;
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** A file that others could have put there, or written. */
export class NotOurs extends Error {
  override readonly name = "NotOurs";
}

/** Opens a segment for reading. @throws NotOurs; Error where it can't be opened */
export async function openSegment(path: string): Promise<{ file: FileHandle; size: number; at: number }> {
  // a pipe would be waited for, without end
  const file = await open(`${path}.segment`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === "ELOOP" ? new NotOurs("it is a link") : error;
  });
  const stat = await file.stat();
  const { size, mtimeMs: at, uid, nlink, mode } = stat;
  const user = process.getuid?.();
  if (stat.isFile() && (user === undefined || (uid === user && nlink === 1 && (mode & 0o077) === 0)))
    return { file, size, at };
  await file.close();
  throw new NotOurs("it isn't a file of this user alone");
}

export interface SegmentWriter {
  /** Adds blocks whole, or throws and leaves what was there. */
  append(blocks: readonly Block[], sync: boolean): Promise<void>;
  size(): number;
  /** Waits for the disk and ends it. */
  seal(): Promise<void>;
}

/** @throws Error where there is such a file */
export async function createSegment(path: string): Promise<SegmentWriter> {
  const file = await open(`${path}.segment`, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  let size = 0;
  let broken = false;
  return {
    async append(blocks, sync) {
      if (broken) throw new Error("the segment can't be written");
      const parts = blocks.flatMap((block) => [headOf(block), block.deflated]);
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      try {
        await writeAll(file, Buffer.concat(parts), size);
        if (sync) await file.datasync();
      } catch (error) {
        // INVARIANT: what isn't acknowledged doesn't stand in front of what is
        await file.truncate(size).catch(() => {
          broken = true;
        });
        throw error;
      }
      size += bytes;
    },
    size: () => size,
    async seal() {
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
    },
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

export type Read =
  | { readonly kind: "block"; readonly block: Block; readonly end: number }
  | { readonly kind: "end" }
  /** The last write was cut off: it was never acknowledged. */
  | { readonly kind: "torn" }
  | { readonly kind: "corrupt" };

/** Reads the block at an offset. INVARIANT: what a head says takes no memory before the file is known to be so long. */
export async function readBlock(file: FileHandle, offset: number, size: number): Promise<Read> {
  if (offset >= size) return { kind: "end" };
  const head = await readAt(file, offset, Math.min(headBytes, size - offset));
  if (head.length < headBytes) return { kind: "torn" };
  const said = readHead(head);
  if (said === undefined) return { kind: "corrupt" };
  const end = offset + headBytes + said.length;
  if (end > size) return { kind: "torn" };
  const deflated = await readAt(file, offset + headBytes, said.length);
  if (deflated.length < said.length || !isWhole(head, deflated)) return { kind: "corrupt" };
  const { events, bytes, crc, at } = said;
  return { kind: "block", block: { deflated, events, bytes, crc, at }, end };
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Counts the events from an offset on, by the heads alone; 1 at least, since something was there. */
export async function countEvents(path: string, from: number): Promise<number> {
  let events = 0;
  const { file, size } = await openSegment(path);
  try {
    for (let offset = from, heads = 0; offset + headBytes <= size && heads < 10_000; heads++) {
      const said = readHead(await readAt(file, offset, headBytes));
      if (said === undefined) break;
      offset += headBytes + said.length;
      if (offset <= size) events += said.events;
    }
  } finally {
    await file.close();
  }
  return Math.max(1, events);
}

/** Reads how far a segment was sent. */
export async function readSent(path: string): Promise<number> {
  try {
    const text = await readFile(`${path}.sent`, { encoding: "utf8", flag: O_RDONLY | O_NOFOLLOW });
    return /^\d{1,15}\n$/.test(text) ? Number(text) : 0;
  } catch {
    return 0;
  }
}

/** Keeps how far a segment was sent; lost, it is sent again. */
export async function writeSent(path: string, sent: number): Promise<void> {
  const file = await open(`${path}.sent`, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
  await writeAll(file, Buffer.from(`${String(sent).padStart(15, "0")}\n`), 0).finally(() => file.close());
}

export async function moveSegment(from: string, to: string): Promise<void> {
  await rename(`${from}.segment`, `${to}.segment`);
  await rename(`${from}.sent`, `${to}.sent`).catch(() => undefined);
}

export async function removeSegment(path: string): Promise<void> {
  await unlink(`${path}.segment`).catch(() => undefined);
  await unlink(`${path}.sent`).catch(() => undefined);
}
