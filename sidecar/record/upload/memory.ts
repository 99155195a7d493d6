/** Keeps blocks in memory up to a limit; past it the oldest are dropped, as in OPA: the newest tell what is going on. */
import { frameBytes } from "./chunk.js";
import type { Block } from "./block.js";
import type { BlockStore, DropReason } from "./store.js";

export interface MemoryStoreParts {
  readonly limit:
    { readonly of: "bytes"; readonly most: number } | { readonly of: "events"; readonly most: number };
  readonly onDropped: (reason: DropReason, count: number) => void;
}

export function createMemoryStore({ limit, onDropped }: MemoryStoreParts): BlockStore {
  let blocks: Block[] = [];
  let bytes = 0;
  let events = 0;
  const forget = ({ deflated, events: count }: Block): void => {
    bytes -= deflated.length;
    events -= count;
  };
  return {
    append(added) {
      for (const block of added) {
        blocks.push(block);
        bytes += block.deflated.length;
        events += block.events;
      }
      let lost = 0;
      for (const block of blocks) {
        if ((limit.of === "bytes" ? bytes : events) <= limit.most) break;
        forget(block);
        onDropped("buffer_full", block.events);
        lost++;
      }
      if (lost > 0) blocks = blocks.slice(lost);
      return Promise.resolve();
    },
    peek(most) {
      const taken: Block[] = [];
      let size: number = frameBytes.around;
      for (const block of blocks) {
        size += block.deflated.length + frameBytes.between;
        if (taken.length > 0 && size > most) break;
        taken.push(block);
      }
      if (taken.length === 0) return Promise.resolve(undefined);
      const gone = new Set(taken);
      return Promise.resolve({
        blocks: taken,
        done() {
          blocks = blocks.filter((block) => {
            if (gone.has(block)) forget(block);
            return !gone.has(block);
          });
          return Promise.resolve();
        },
      });
    },
    waiting: () => ({
      bytes,
      spilledBytes: 0,
      ...(blocks[0] === undefined ? {} : { oldest: blocks[0].at }),
    }),
    close() {
      if (events > 0) onDropped("shutdown", events);
      blocks = [];
      bytes = 0;
      events = 0;
      return Promise.resolve();
    },
  };
}
