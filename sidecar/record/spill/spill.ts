/**
 * Keeps blocks on the disk until they have arrived: in files that are written once, the oldest first.
 *
 * What `append` took survives a kill of the process; with `sync` a loss of power, too, as it waits for the disk
 * (`fdatasync`, one for all that was recorded meanwhile). Without, the disk is waited for at the end of a segment.
 */
import { open, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { FileHandle } from "node:fs/promises";
import { frameBytes } from "../upload/chunk.js";
import type { Block } from "../upload/block.js";
import type { BlockStore, DropReason } from "../upload/store.js";
import { takeAbandoned, takeSlot } from "./directory.js";
import { headBytes } from "./frame.js";
import type { Segment, SegmentWriter } from "./segment.js";
import {
  countEvents,
  createSegment,
  NotOurs,
  moveSegment,
  openSegment,
  readBlock,
  readSent,
  removeSegment,
  segmentName,
  writeSent,
} from "./segment.js";

export interface SpillParts {
  readonly directory: string;
  readonly maxBytes: number;
  /** Nothing that was taken is ever dropped: past the limit, `append` throws. Otherwise the oldest are dropped. */
  readonly strict: boolean;
  readonly onDropped: (reason: DropReason, count: number) => void;
  /** Told of files that aren't as they were written. */
  readonly onOdd: (what: "torn" | "corrupt" | "foreign", file: string) => void;
  readonly now: () => number;
  /** How often places that others left behind are looked for, milliseconds; 30,000. */
  readonly adoptEveryMs?: number;
}

const longestSegment = 8 * 2 ** 20;

/** @throws Error where the directory can't be used; its words say what to do */
export async function openSpill(parts: SpillParts): Promise<BlockStore> {
  const { directory, maxBytes, strict, onDropped, onOdd, now } = parts;
  const segmentBytes = Math.min(longestSegment, Math.floor(maxBytes / 8));
  const slot = await takeSlot(directory);
  /** Oldest first; the last one may be being written. */
  let segments: Segment[] = [];
  let bytes = 0;
  let next = 0;
  let writer: { readonly to: Segment; readonly file: SegmentWriter } | undefined;
  let reader: { readonly of: Segment; readonly file: FileHandle } | undefined;
  let oldest: number | undefined;
  /** One thing at a time is done to the files. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };
  const newPath = (): string => join(slot.path, String(next++));

  /** Takes the segments that stand in a directory, in front of what is there. */
  async function adopt(path: string): Promise<void> {
    const numbers = (await readdir(path))
      .flatMap((name) => segmentName.exec(name)?.[1] ?? [])
      .sort((a, b) => Number(a) - Number(b));
    const found: Segment[] = [];
    for (const number of numbers) {
      const from = join(path, number);
      try {
        const { file, size, at } = await openSegment(from);
        await file.close();
        if (path === slot.path) next = Math.max(next, Number(number) + 1);
        const to = path === slot.path ? from : newPath();
        const said = await readSent(from);
        const sent = said > size ? 0 : said;
        if (to !== from) await moveSegment(from, to);
        found.push({ path: to, size, sent, events: undefined, read: false, at });
        bytes += size;
      } catch {
        if (path === slot.path) next = Math.max(next, Number(number) + 1);
        onOdd("foreign", `${number}.segment`);
      }
    }
    segments = [...found, ...segments];
  }

  async function adoptAbandoned(): Promise<void> {
    for (const { path, lock } of await takeAbandoned(directory, slot.path)) {
      await adopt(path).finally(() => lock.release());
    }
  }

  async function close(segment: Segment): Promise<void> {
    if (reader?.of === segment) {
      await reader.file.close().catch(() => undefined);
      reader = undefined;
    }
    if (writer?.to === segment) {
      await writer.file.seal().catch(() => undefined);
      writer = undefined;
    }
  }

  async function forget(segment: Segment): Promise<void> {
    await close(segment);
    segments = segments.filter((one) => one !== segment);
    bytes -= segment.size;
    await removeSegment(segment.path);
  }

  async function drop(segment: Segment): Promise<void> {
    const count = segment.events ?? (await countEvents(segment.path, segment.sent).catch(() => 1));
    await forget(segment);
    oldest = segments[0]?.at;
    if (count > 0) onDropped("spill_full", count);
  }

  async function makeRoom(size: number): Promise<void> {
    while (bytes + size > maxBytes) {
      const [first] = segments;
      if (first === undefined || strict) throw new Error("the spill is full");
      await drop(first);
    }
  }

  async function openWriter(size: number): Promise<NonNullable<typeof writer>> {
    if (writer !== undefined && writer.to.size + size > segmentBytes) {
      const { file } = writer;
      writer = undefined;
      await file.seal();
    }
    if (writer !== undefined) return writer;
    const to: Segment = { path: newPath(), size: 0, sent: 0, events: 0, read: true, at: now() };
    writer = { to, file: await createSegment(to.path) };
    segments.push(to);
    if (strict) await syncDirectory(slot.path);
    return writer;
  }

  /** Gives undefined where the file is gone, or another one stands in its place. */
  async function readerOf(segment: Segment): Promise<FileHandle | undefined> {
    if (reader?.of === segment) return reader.file;
    await reader?.file.close().catch(() => undefined);
    reader = undefined;
    try {
      const { file } = await openSegment(segment.path);
      reader = { of: segment, file };
      return file;
    } catch (error) {
      if (error instanceof NotOurs || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      // too many open files, a disk that fails: it may be read later
      throw error;
    }
  }

  /** The oldest blocks and where each ends; what isn't as it was written is passed over. */
  async function readOldest(
    most: number,
  ): Promise<{ segment: Segment; blocks: Block[]; end: number } | undefined> {
    for (let [segment] = segments; segment !== undefined; [segment] = segments) {
      const file = await readerOf(segment);
      const blocks: Block[] = [];
      let end = segment.sent;
      let size: number = frameBytes.around;
      while (file !== undefined) {
        const read = await readBlock(file, end, segment.size);
        if (read.kind === "block") {
          size += read.block.deflated.length + frameBytes.between;
          if (blocks.length > 0 && size > most) break;
          blocks.push(read.block);
          segment.read = true;
          end = read.end;
          if (size > most) break;
        } else {
          // where an earlier start says it had got to may be no block's beginning
          if (read.kind !== "end" && end > 0 && segment.events === undefined && !segment.read) {
            segment.sent = end = 0;
            segment.read = true;
            continue;
          }
          if (read.kind !== "end" && blocks.length === 0) odd(segment, read.kind);
          break;
        }
      }
      if (blocks.length > 0) return { segment, blocks, end };
      if (file === undefined) odd(segment, "corrupt");
      if (segment === writer?.to && segment.sent >= segment.size) return undefined;
      await forget(segment);
    }
    return undefined;
  }

  function odd(segment: Segment, what: "torn" | "corrupt"): void {
    onOdd(what, basename(`${segment.path}.segment`));
    // how many there were can't be known: one at least
    if (what === "corrupt") onDropped("corrupt", Math.max(1, segment.events ?? 1));
  }

  async function sweep(): Promise<void> {
    await inTurn(adoptAbandoned).catch(() => undefined);
  }

  await adopt(slot.path);
  await adoptAbandoned();
  oldest = segments[0]?.at;
  const sweeping = setInterval(() => void sweep(), parts.adoptEveryMs ?? 30_000);
  sweeping.unref();

  return {
    append: (blocks) =>
      inTurn(async () => {
        const size = blocks.reduce((sum, { deflated }) => sum + deflated.length + headBytes, 0);
        if (size === 0) return;
        if (!(await slot.lock.isOurs())) throw new Error("another process took over the spill's place");
        await makeRoom(size);
        const { to, file } = await openWriter(size);
        try {
          await file.append(blocks, strict);
        } catch (error) {
          await close(to);
          if (to.size === 0) await forget(to);
          throw error;
        }
        to.size += size;
        bytes += size;
        to.events = (to.events ?? 0) + blocks.reduce((sum, { events }) => sum + events, 0);
        oldest ??= blocks[0]?.at;
      }),
    peek: (most) =>
      inTurn(async () => {
        const found = await readOldest(most);
        oldest = found?.blocks[0]?.at;
        if (found === undefined) return undefined;
        const { segment, blocks, end } = found;
        return {
          blocks,
          done: () =>
            inTurn(async () => {
              // it may have been dropped meanwhile
              if (!segments.includes(segment)) return;
              segment.sent = end;
              const count = blocks.reduce((sum, { events }) => sum + events, 0);
              if (segment.events !== undefined) segment.events -= count;
              const isLast = segment === writer?.to;
              if (segment.sent < segment.size || isLast) await writeSent(segment.path, end);
              else await forget(segment);
            }),
        };
      }),
    waiting: () => ({
      bytes: 0,
      spilledBytes: segments.reduce((sum, { size, sent }) => sum + size - sent, 0),
      ...(oldest === undefined ? {} : { oldest }),
    }),
    async close() {
      clearInterval(sweeping);
      await inTurn(async () => {
        for (const segment of segments) await close(segment);
        for (const segment of [...segments]) if (segment.sent >= segment.size) await forget(segment);
        await slot.lock.release();
      });
    },
  };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  await directory.sync().finally(() => directory.close());
}
