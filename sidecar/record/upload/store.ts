import type { Block } from "./block.js";

/** Why events that were recorded never reached the service. */
export const dropReasons = [
  "buffer_full",
  "spill_full",
  "too_large",
  "refused",
  "rate_limit",
  "shutdown",
  "corrupt",
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Where blocks wait for the service, oldest first. */
export interface BlockStore {
  /**
   * Takes blocks: in strict mode it settles once they are on the disk.
   * @throws Error where they can't be kept; none of them is then
   */
  append(blocks: readonly Block[]): Promise<void>;
  /** Gives the oldest blocks, as many as fit but at least one; undefined where none wait. */
  peek(bytes: number): Promise<Taken | undefined>;
  waiting(): Waiting;
  /** Keeps what it can for the next start. */
  close(): Promise<void>;
}

export interface Taken {
  readonly blocks: readonly Block[];
  /** They have arrived. */
  done(): Promise<void>;
}

export interface Waiting {
  /** Compressed bytes in memory, and on the disk. */
  readonly bytes: number;
  readonly spilledBytes: number;
  /** When the oldest block was made, epoch milliseconds. */
  readonly oldest?: number;
}
