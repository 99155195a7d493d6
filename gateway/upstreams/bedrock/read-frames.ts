/** AWS's binary event stream. Source: Amazon Transcribe Developer Guide, "Event stream encoding" (the format of all of AWS). */

/** One frame whose checksums hold. */
export interface Frame {
  /** Headers of text, by name; others aren't looked at. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A stream that isn't frames of bearable size with checksums that hold, or that breaks off within one. */
export class FramesRefused extends Error {
  override readonly name = "FramesRefused";
}

/** The prelude with its checksum, and the checksum at the end. */
const least = 16;
/** The largest frame, bytes. */
export const largestFrame = 4 * 2 ** 20;

/** Reads frames as they come. @throws FramesRefused */
export async function* readFrames(body: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  // loaded where it is needed: it is large
  const { EventStreamCodec } = await import("@smithy/eventstream-codec");
  const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes as Uint8Array).toString("utf8"),
    (text) => Buffer.from(text, "utf8"),
  );
  let chunks: Buffer[] = [];
  let size = 0;
  /** Of the frame that is being read, once its first four bytes are there. */
  let wanted: number | undefined;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= (wanted ?? 4)) {
      const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
      wanted = bytes.readUInt32BE(0);
      // INVARIANT: what a frame says of its length is believed up to here, and no memory is set aside for it
      if (wanted < least || wanted > largestFrame) throw new FramesRefused("a frame's length");
      chunks = [bytes];
      if (size < wanted) break;
      yield decode(codec, bytes.subarray(0, wanted));
      chunks = [bytes.subarray(wanted)];
      size -= wanted;
      wanted = undefined;
    }
  }
  if (size > 0) throw new FramesRefused("cut within a frame");
}

function decode(
  codec: {
    decode(message: Uint8Array): {
      readonly headers: Readonly<Record<string, { readonly type: string; readonly value: unknown }>>;
      readonly body: Uint8Array;
    };
  },
  bytes: Buffer,
): Frame {
  try {
    const { headers, body } = codec.decode(bytes);
    const texts = Object.entries(headers).flatMap(([name, { type, value }]) =>
      type === "string" && typeof value === "string" ? [[name, value] as const] : [],
    );
    return { headers: new Map(texts), body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
  } catch {
    throw new FramesRefused("a frame's checksum or headers");
  }
}
