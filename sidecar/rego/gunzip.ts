/** Unpacks gzip (RFC 1952) away from the event loop: one member, nothing after it, no more than asked for. */
import type { ZlibOptions } from "node:zlib";
import { crc32, inflateRaw } from "node:zlib";
import type { Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";

type Unpacked = { readonly kind: "unpacked"; readonly bytes: Uint8Array } | Rejected;

/** Deflate can't do better (RFC 1951: 258 bytes of two bits). */
const mostRatio = 1_032;
const headerBytes = 10;
const trailerBytes = 8;

/**
 * Gives what a gzip file holds. Its check sum and length must be right, which Node's own `gunzip` sees to, too; a second
 * member or other bytes after the first are refused, which it doesn't: what one reader takes for the end others read on from.
 * @param most bytes of what is unpacked
 */
export async function gunzipOne(bytes: Uint8Array, most: number): Promise<Unpacked> {
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = startOf(packed);
  if (start === "truncated") return truncated();
  if (start === undefined) return rejected("bundle_archive", "the archive is not valid gzip");
  const told = packed.byteLength < start + trailerBytes ? 0 : packed.readUInt32LE(packed.byteLength - 4);
  const inflated = await inflate(packed.subarray(start), most, told);
  if (inflated.kind === "rejected") return inflated;

  const end = start + inflated.taken;
  if (packed.byteLength < end + trailerBytes) return truncated();
  if (
    packed.readUInt32LE(end) !== crc32(inflated.bytes) ||
    packed.readUInt32LE(end + 4) !== inflated.bytes.byteLength
  ) {
    return rejected("bundle_archive", "the archive's check sum is wrong");
  }
  if (packed.byteLength > end + trailerBytes) {
    return rejected("bundle_trailing", "something follows the end of the gzip data");
  }
  return { kind: "unpacked", bytes: inflated.bytes };
}

function truncated(): Rejected {
  return rejected("bundle_truncated", "the gzip data ends too soon");
}

/** Where the deflated data begins; undefined: this is no gzip. */
function startOf(packed: Buffer): number | "truncated" | undefined {
  const magic = [0x1f, 0x8b, 8];
  if (magic.some((byte, i) => i < packed.byteLength && packed[i] !== byte)) return undefined;
  const flags = packed[3];
  if (packed.byteLength < headerBytes || flags === undefined) {
    return packed.byteLength === 0 ? undefined : "truncated";
  }
  if ((flags & 0xe0) !== 0) return undefined;
  let at = headerBytes;
  if ((flags & 4) !== 0) {
    if (packed.byteLength < at + 2) return "truncated";
    at += 2 + packed.readUInt16LE(at);
  }
  // the file's name, and a comment
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = packed.indexOf(0, at);
    if (end === -1) return "truncated";
    at = end + 1;
  }
  if ((flags & 2) !== 0) at += 2;
  return at > packed.byteLength ? "truncated" : at;
}

type Inflated = { readonly kind: "inflated"; readonly bytes: Buffer; readonly taken: number } | Rejected;

function inflate(deflated: Buffer, most: number, told: number): Promise<Inflated> {
  // room for all of it at once, where the trailer says the truth: pieces would have to be joined on the event loop
  const chunkSize = Math.max(64, Math.min(told, most, deflated.byteLength * mostRatio)) + 64;
  const options: ZlibOptions = { maxOutputLength: most, chunkSize, info: true };
  return new Promise((resolve) => {
    inflateRaw(deflated, options, (error, result) => {
      if (error !== null) {
        const code = "code" in error ? error.code : undefined;
        if (code === "ERR_BUFFER_TOO_LARGE") {
          resolve(rejected("bundle_too_large", `the archive unpacks to more than ${most} bytes`));
        } else if (code === "Z_BUF_ERROR") resolve(truncated());
        else resolve(rejected("bundle_archive", "the archive is not valid gzip"));
        return;
      }
      // `info` asks for both; the types don't know it
      const { buffer, engine } = result as unknown as {
        buffer: Buffer;
        engine: { readonly bytesWritten: number };
      };
      resolve({ kind: "inflated", bytes: buffer, taken: engine.bytesWritten });
    });
  });
}
