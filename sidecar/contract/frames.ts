/**
 * Frames between an enforcement point and its sidecar: many questions and answers on one connection (docs/api.md).
 *
 * A frame is the length of its payload (4 bytes), its kind (1 byte) and its id (6 bytes), big-endian, then the payload:
 * JSON in UTF-8. Ids are the asking side's; an answer has its question's.
 */

/** What `Upgrade` names, on `GET /v1/decisions`. */
export const framesProtocol = "countersign-frames-2";

export const frameKinds = {
  /** A decision request. */
  question: 1,
  /** Its decisions, as `POST /v1/decisions` gives them. */
  answer: 2,
  /** Why a question or an outcome was not taken: `{code, message, fix}`. */
  refusal: 3,
  /** What became of a decided call; ids of outcomes grow. */
  outcome: 4,
  /** All outcomes up to the id were taken or refused; no payload. */
  taken: 5,
  /** From the sidecar, unasked: what changed about fences, a `FenceChange`. */
  fences: 6,
  /** Asks for more than a call's allowance: an `Extension`; its answer is an `Extended`. */
  extend: 7,
  /** From the sidecar: how many live things would a fence cut, `{match, issued_before?}`. */
  census: 8,
  /** The answer: `{live: {kind: count}}`. */
  counted: 9,
  /** From an enforcement point that reuses decisions: asks to be told; from the sidecar: an `EpochChange`. */
  epochs: 10,
} as const;

const headBytes = 11;

export interface FrameWriter {
  /** Queues a frame. All that is queued while one turn's messages are read goes out in one write. */
  add(kind: number, id: number, payload: string): void;
  /** Writes what is queued, now. */
  flush(): void;
}

/** Creates a writer of frames. */
export function createFrameWriter(write: (bytes: Buffer) => void): FrameWriter {
  let waiting: { readonly kind: number; readonly id: number; readonly payload: string }[] = [];
  let bytes = 0;
  const lengths: number[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const out = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const [index, { kind, id, payload }] of waiting.entries()) {
      const length = lengths[index] ?? 0;
      out.writeUInt32BE(length, at);
      out.writeUInt8(kind, at + 4);
      out.writeUIntBE(id, at + 5, 6);
      out.write(payload, at + headBytes, length, "utf8");
      at += headBytes + length;
    }
    waiting = [];
    lengths.length = 0;
    bytes = 0;
    write(out);
  };
  return {
    add(kind, id, payload) {
      if (waiting.length === 0) setImmediate(flush);
      const length = Buffer.byteLength(payload);
      waiting.push({ kind, id, payload });
      lengths.push(length);
      bytes += headBytes + length;
    },
    flush,
  };
}

/** Takes a frame; its payload is a view that the next read may not outlive. */
export type TakeFrame = (kind: number, id: number, payload: Buffer) => void;

/**
 * Creates a reader of frames from chunks of any size.
 * @param largest payload, bytes
 * @returns takes a chunk; false where a frame is larger, from when on nothing is taken any more
 */
export function createFrameReader(largest: number, take: TakeFrame): (chunk: Buffer) => boolean {
  let kept: Buffer[] = [];
  let size = 0;
  /** Bytes that must be there before it's worth to look again. */
  let needed = headBytes;
  let broken = false;
  return (chunk) => {
    if (broken) return false;
    kept.push(chunk);
    size += chunk.length;
    if (size < needed) return true;
    const bytes = kept.length === 1 ? chunk : Buffer.concat(kept, size);
    let at = 0;
    needed = headBytes;
    while (size - at >= headBytes) {
      const length = bytes.readUInt32BE(at);
      if (length > largest) {
        broken = true;
        kept = [];
        return false;
      }
      const end = at + headBytes + length;
      if (end > size) {
        needed = end - at;
        break;
      }
      take(bytes.readUInt8(at + 4), bytes.readUIntBE(at + 5, 6), bytes.subarray(at + headBytes, end));
      at = end;
    }
    size -= at;
    kept = size === 0 ? [] : [bytes.subarray(at)];
    return true;
  };
}
