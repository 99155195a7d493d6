/** Reads answers off a socket byte by byte as cheaply as can be, and knows when each is whole. */

export interface AnswerReader {
  /** Takes what came; true once the answer is whole. @throws Error on what isn't HTTP/1.1, or comes after the end */
  take(chunk: Buffer): boolean;
  /** Makes it ready for the next answer on the same connection. */
  reset(): void;
  readonly status: number;
  /** Of the body, without what frames it. */
  readonly bytes: number;
  /** The body ended with the event that ends a stream. */
  readonly done: boolean;
}

type Frame = "size" | "data" | "after" | "end";
const headEnd = "\r\n\r\n";
const ending = "data: [DONE]";
/** More than what stands behind the text of the last event: its end, and the frames of HTTP. */
const tailBytes = 64;

/** Creates a reader for one connection. @param onBody gets the body's pieces; what came by then may be a part only */
export function createAnswerReader(onBody?: (piece: Buffer) => void): AnswerReader {
  let head = "";
  let inBody = false;
  let chunked = false;
  /** Of the body, or of the chunk that is read. */
  let missing = 0;
  let frame: Frame = "size";
  let tail = "";
  let status = 0;
  let bytes = 0;

  const takeBody = (chunk: Buffer, from: number): boolean => {
    tail = (tail + chunk.toString("latin1", Math.max(from, chunk.length - tailBytes))).slice(-tailBytes);
    if (!chunked) {
      const got = chunk.length - from;
      if (got > missing) throw new Error("more came than the answer's length says");
      if (onBody !== undefined && got > 0) onBody(chunk.subarray(from));
      bytes += got;
      missing -= got;
      return missing === 0;
    }
    return takeChunks(chunk, from);
  };

  const takeChunks = (chunk: Buffer, from: number): boolean => {
    let at = from;
    while (at < chunk.length) {
      if (frame === "data") {
        const got = Math.min(missing, chunk.length - at);
        onBody?.(chunk.subarray(at, at + got));
        bytes += got;
        missing -= got;
        at += got;
        if (missing === 0) frame = "after";
        continue;
      }
      const byte = chunk[at++] ?? 0;
      if (frame === "size") {
        if (byte === 10) frame = missing === 0 ? "end" : "data";
        else if (byte !== 13) missing = missing * 16 + digit(byte);
      } else if (frame === "after") {
        if (byte === 10) frame = "size";
      } else if (byte === 10) {
        if (at < chunk.length) throw new Error("something came after the answer's end");
        return true;
      }
    }
    return false;
  };

  return {
    take(chunk) {
      if (inBody) return takeBody(chunk, 0);
      const before = head.length;
      head += chunk.toString("latin1");
      const end = head.indexOf(headEnd);
      if (end < 0) return false;
      status = Number(head.slice(9, 12));
      const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head.slice(0, end + 2))?.[1];
      chunked = length === undefined;
      missing = Number(length ?? 0);
      inBody = true;
      return takeBody(chunk, end + headEnd.length - before);
    },
    reset() {
      head = "";
      tail = "";
      inBody = false;
      missing = 0;
      frame = "size";
      status = 0;
      bytes = 0;
    },
    get status() {
      return status;
    },
    get bytes() {
      return bytes;
    },
    get done() {
      return tail.includes(ending);
    },
  };
}

function digit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  if (lower >= 97 && lower <= 102) return lower - 87;
  throw new Error("a chunk's size isn't a number");
}
