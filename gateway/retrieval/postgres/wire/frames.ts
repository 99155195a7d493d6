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

/** What is held of a peer that isn't waited for, bytes. */
const ahead = 1_048_576;

/** What comes on a stream, to be taken in pieces. */
export class Inbox {
  private chunks: Buffer[] = [];
  private size = 0;
  private over = false;
  private waiting: (() => void) | undefined;

  constructor(private readonly stream: Duplex) {
    stream.on("data", this.hear).on("end", this.end).on("close", this.end).on("error", this.end);
  }

  private readonly hear = (chunk: Buffer): void => {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size > ahead && this.waiting === undefined) this.stream.pause();
    this.waiting?.();
  };
  private readonly end = (): void => {
    this.over = true;
    this.waiting?.();
  };

  /** Gives so many bytes; undefined where the peer is gone before. */
  async take(size: number): Promise<Buffer | undefined> {
    while (this.size < size) {
      if (this.over) return undefined;
      const heard = new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
      this.stream.resume();
      await heard;
      this.waiting = undefined;
    }
    const all = this.chunks.length === 1 ? (this.chunks[0] ?? none) : Buffer.concat(this.chunks);
    this.chunks = all.length > size ? [all.subarray(size)] : [];
    this.size = all.length - size;
    return all.subarray(0, size);
  }

  /** How much was heard that isn't taken, bytes. */
  get left(): number {
    return this.size;
  }

  /** Leaves the stream to somebody else. */
  leave(): void {
    this.stream.off("data", this.hear).off("end", this.end).off("close", this.end).off("error", this.end);
    this.stream.pause();
  }
}

const none = Buffer.alloc(0);

/** Reads a message; undefined where the peer is gone. @throws BadFrame */
export async function readFrame(inbox: Inbox, most: number): Promise<Frame | undefined> {
  const head = await inbox.take(5);
  if (head === undefined) return undefined;
  const size = head.readInt32BE(1) - 4;
  if (size < 0 || size > most) throw new BadFrame("a message of such a size");
  const body = await inbox.take(size);
  return body === undefined ? undefined : { type: String.fromCharCode(head[0] ?? 0), body };
}

/** Reads what a client begins with, which has no type. @throws BadFrame */
export async function readStartup(inbox: Inbox): Promise<Buffer | undefined> {
  const head = await inbox.take(4);
  if (head === undefined) return undefined;
  const size = head.readInt32BE(0) - 4;
  // as PostgreSQL has it (MAX_STARTUP_PACKET_LENGTH)
  if (size < 4 || size > 10_000) throw new BadFrame("a beginning of such a size");
  return inbox.take(size);
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
