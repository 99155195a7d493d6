/** How a block stands in a segment: a head of 32 bytes that holds its length and a check of everything, and the block. */
import { crc32 } from "node:zlib";
import type { Block } from "../upload/block.js";

export const headBytes = 32;
/** No block is longer; a length beyond it is a lie. */
export const mostBlockBytes = 64 * 2 ** 20;
const mark = 0x43534c31;

export interface Head {
  /** Of the deflated bytes. */
  readonly length: number;
  readonly check: number;
  readonly events: number;
  readonly bytes: number;
  readonly crc: number;
  readonly at: number;
}

/** Writes the head of a block. */
export function headOf({ deflated, events, bytes, crc, at }: Block): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(mark, 0);
  head.writeUInt32LE(deflated.length, 8);
  head.writeUInt32LE(events, 12);
  head.writeUInt32LE(bytes, 16);
  head.writeUInt32LE(crc, 20);
  head.writeDoubleLE(at, 24);
  head.writeUInt32LE(checkOf(head, deflated), 4);
  return head;
}

/** Reads a head; undefined where it is none. What it says holds only where {@link isWhole} says so of its block. */
export function readHead(head: Buffer): Head | undefined {
  if (head.length < headBytes || head.readUInt32LE(0) !== mark) return undefined;
  const length = head.readUInt32LE(8);
  const at = head.readDoubleLE(24);
  if (length === 0 || length > mostBlockBytes || !(at >= 0 && at < 8.64e15)) return undefined;
  return {
    ...{ length, at, check: head.readUInt32LE(4), events: head.readUInt32LE(12) },
    ...{ bytes: head.readUInt32LE(16), crc: head.readUInt32LE(20) },
  };
}

export function isWhole(head: Buffer, deflated: Uint8Array): boolean {
  return head.readUInt32LE(4) === checkOf(head, deflated);
}

function checkOf(head: Buffer, deflated: Uint8Array): number {
  return crc32(deflated, crc32(head.subarray(8, headBytes)));
}
