/** The framing of PostgreSQL's protocol, version 3 (PostgreSQL manual, 55.2 and 55.7). */
import type { Duplex } from "node:stream";

export interface Frame {
  /** One letter. */
  readonly type: string;
  readonly body: Buffer;
}

/** What a peer sends isn't of the protocol, or too large. */
export class BadFrame extends Error {
  override readonly name = "BadFrame";
}

/** Reads so many bytes; undefined where the peer is gone before. */
export async function take(stream: Duplex, size: number): Promise<Buffer | undefined> {
  if (size === 0) return Buffer.alloc(0);
  for (;;) {
    if (stream.destroyed || stream.readableEnded) return undefined;
    const chunk = stream.read(size) as Buffer | null;
    if (chunk !== null) return chunk.length === size ? chunk : undefined;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off("readable", done).off("end", done).off("close", done).off("error", done);
        resolve();
      };
      stream.on("readable", done).on("end", done).on("close", done).on("error", done);
    });
  }
}

/** Reads a message; undefined where the peer is gone. @throws BadFrame */
export async function readFrame(stream: Duplex, most: number): Promise<Frame | undefined> {
  const head = await take(stream, 5);
  if (head === undefined) return undefined;
  const size = head.readInt32BE(1) - 4;
  if (size < 0 || size > most) throw new BadFrame("a message of such a size");
  const body = await take(stream, size);
  return body === undefined ? undefined : { type: String.fromCharCode(head[0] ?? 0), body };
}

/** Messages as they come on a stream that flows. */
export class FrameFeed {
  private held: Buffer = Buffer.alloc(0);
  private chunks: Buffer[] = [];
  private waiting: (() => void) | undefined;
  private over = false;

  constructor(
    stream: Duplex,
    private readonly most: number,
  ) {
    const wake = (): void => {
      this.waiting?.();
    };
    const end = (): void => {
      this.over = true;
      wake();
    };
    stream.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk);
      wake();
    });
    stream.on("end", end).on("close", end).on("error", end);
  }

  /** Undefined where the peer is gone. @throws BadFrame */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      if (this.held.length >= 5) {
        const size = this.held.readInt32BE(1) + 1;
        if (size < 5 || size > this.most) throw new BadFrame("a message of such a size");
        if (this.held.length + this.chunks.reduce((sum, { length }) => sum + length, 0) >= size) {
          this.join();
          const type = String.fromCharCode(this.held[0] ?? 0);
          const body = this.held.subarray(5, size);
          this.held = this.held.subarray(size);
          return { type, body };
        }
      } else if (this.chunks.length > 0) {
        this.join();
        continue;
      }
      if (this.over) return undefined;
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
      this.waiting = undefined;
    }
  }

  private join(): void {
    if (this.chunks.length === 0) return;
    this.held = Buffer.concat([this.held, ...this.chunks]);
    this.chunks = [];
  }
}

/** Reads what a client begins with, which has no type. @throws BadFrame */
export async function readStartup(stream: Duplex): Promise<Buffer | undefined> {
  const head = await take(stream, 4);
  if (head === undefined) return undefined;
  const size = head.readInt32BE(0) - 4;
  // as PostgreSQL has it (MAX_STARTUP_PACKET_LENGTH)
  if (size < 4 || size > 10_000) throw new BadFrame("a beginning of such a size");
  return take(stream, size);
}

export const int16 = (value: number): Buffer => {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(value);
  return out;
};
export const int32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeInt32BE(value);
  return out;
};
/** A text with its end. INVARIANT: none within it. */
export const cstring = (value: string): Buffer => Buffer.from(`${value.replaceAll("\0", "")}\0`);

export function frame(type: string, ...parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, { length }) => sum + length, 4);
  return Buffer.concat([Buffer.from(type, "latin1"), int32(size), ...parts], size + 1);
}

/** A value with its length; null is NULL. */
export const sized = (value: Buffer | null): Buffer =>
  value === null ? int32(-1) : Buffer.concat([int32(value.length), value]);

/** Reads a message's fields, one after the other. @throws BadFrame */
export class Cursor {
  private at = 0;
  constructor(private readonly body: Buffer) {}

  private step(size: number): number {
    const from = this.at;
    if (size < 0 || from + size > this.body.length) throw new BadFrame("a message that ends early");
    this.at = from + size;
    return from;
  }
  byte(): number {
    return this.body[this.step(1)] ?? 0;
  }
  int16(): number {
    return this.body.readUInt16BE(this.step(2));
  }
  int32(): number {
    return this.body.readInt32BE(this.step(4));
  }
  bytes(size: number): Buffer {
    const from = this.step(size);
    return this.body.subarray(from, from + size);
  }
  text(): string {
    const end = this.body.indexOf(0, this.at);
    if (end < 0) throw new BadFrame("a text without an end");
    const bytes = this.bytes(end - this.at);
    this.at = end + 1;
    const text = bytes.toString("utf8");
    // what isn't UTF-8 would be another text here than there
    if (!Buffer.from(text).equals(bytes)) throw new BadFrame("a text that is not UTF-8");
    return text;
  }
  value(): Buffer | null {
    const size = this.int32();
    return size === -1 ? null : this.bytes(size);
  }
  /** @throws BadFrame where something is left */
  end(): void {
    if (this.at !== this.body.length) throw new BadFrame("a message that goes on");
  }
  get done(): boolean {
    return this.at >= this.body.length;
  }
}
