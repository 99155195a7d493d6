/**
 * What Go's runtime asks of its host, with nothing behind it: no files, no arguments, no environment, no output. Own
 * functions instead of node:wasi, so that the clock is the decision's and no call reaches this process's descriptors.
 * Source: WASI preview 1.
 */
import { randomFillSync } from "node:crypto";

/** What the functions draw on; the host sets it before a call. */
export interface GoWorld {
  memory: WebAssembly.Memory | undefined;
  nowNs: bigint;
  seed: () => Uint8Array;
  /** Whether Go's last words were that memory is used up. */
  outOfMemory: boolean;
}

/** Go has ended itself. */
export class GoExit extends Error {
  override readonly name = "GoExit";
}

const errno = { none: 0, badDescriptor: 8, notFound: 44, notSupported: 52 } as const;
const clock = { realtime: 0 } as const;
const seedBytes = 32;
/** In an answer of poll_oneoff. */
const event = { bytes: 32, subscriptionBytes: 48 } as const;
const lastWords = Buffer.from("out of memory");

/** Makes the imports for one instance after the other that shares a world. */
export function goImports(world: GoWorld): WebAssembly.Imports {
  let ticks = 0n;
  const bytes = (at: number, size: number): Uint8Array => {
    if (world.memory === undefined) throw new GoExit("no memory yet");
    return new Uint8Array(world.memory.buffer, at >>> 0, size >>> 0);
  };
  const view = (at: number, size: number): DataView => {
    const part = bytes(at, size);
    return new DataView(part.buffer, part.byteOffset, part.byteLength);
  };
  const badDescriptor = (): number => errno.badDescriptor;
  const notFound = (): number => errno.notFound;
  const nothing = (counts: number, sizes: number): number => {
    view(counts, 4).setUint32(0, 0, true);
    view(sizes, 4).setUint32(0, 0, true);
    return errno.none;
  };
  const functions: Record<string, (...args: number[]) => number> = {
    args_get: () => errno.none,
    args_sizes_get: (count = 0, size = 0) => nothing(count, size),
    environ_get: () => errno.none,
    environ_sizes_get: (count = 0, size = 0) => nothing(count, size),
    // INVARIANT: the decision's instant, for what reads the clock itself (certificates); Go's own is a count of its calls
    clock_time_get: (id, _precision, at = 0) => {
      ticks += 1_000n;
      view(at, 8).setBigUint64(0, id === clock.realtime ? BigInt.asUintN(64, world.nowNs) : ticks, true);
      return errno.none;
    },
    random_get: (at = 0, size = 0) => {
      randomFillSync(bytes(at, size));
      return errno.none;
    },
    sched_yield: () => errno.none,
    proc_exit: () => {
      throw new GoExit("Go has ended itself");
    },
    // INVARIANT: what Go writes may hold arguments, and goes nowhere
    fd_write: (_descriptor, parts = 0, count = 0, written = 0) => {
      let size = 0;
      for (let i = 0; i < count; i++) {
        const part = view(parts + 8 * i, 8);
        const text = bytes(part.getUint32(0, true), part.getUint32(4, true));
        if (Buffer.from(text.buffer, text.byteOffset, text.byteLength).includes(lastWords)) {
          world.outOfMemory = true;
        }
        size += text.byteLength;
      }
      view(written, 4).setUint32(0, size, true);
      return errno.none;
    },
    // all that is waited for has come: only timers could be, and nothing waits for a wall clock here
    poll_oneoff: (subscriptions = 0, events = 0, count = 0, stored = 0) => {
      for (let i = 0; i < count; i++) {
        const answer = bytes(events + event.bytes * i, event.bytes);
        answer.fill(0);
        answer.set(bytes(subscriptions + event.subscriptionBytes * i, 8));
      }
      view(stored, 4).setUint32(0, count, true);
      return errno.none;
    },
    fd_close: badDescriptor,
    fd_read: badDescriptor,
    fd_readdir: badDescriptor,
    fd_seek: badDescriptor,
    fd_filestat_get: badDescriptor,
    fd_fdstat_get: badDescriptor,
    fd_fdstat_set_flags: badDescriptor,
    fd_prestat_get: badDescriptor,
    fd_prestat_dir_name: badDescriptor,
    // INVARIANT: not another error: Go then says of a time zone that it is unknown, as on a machine
    path_open: notFound,
    path_filestat_get: notFound,
    path_readlink: notFound,
  };
  const seed = (at = 0): void => {
    bytes(at, seedBytes).set(world.seed().subarray(0, seedBytes));
  };
  return { wasi_snapshot_preview1: functions, countersign: { seed } };
}
