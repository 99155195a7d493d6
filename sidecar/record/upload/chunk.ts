/** Puts blocks together to one upload: a JSON array of events, compressed by gzip. Source: RFC 1951, RFC 1952. */
import { crc32 } from "node:zlib";
import type { Block } from "./block.js";

/** Bytes that an upload has beside its blocks, and before each of them but the first. */
export const frameBytes = { around: 30, between: 7 } as const;

const header = Buffer.from("1f8b08000000000000ff", "hex");
const open = stored("[", false);
const between = stored(",\n", false);
const close = stored("]", true);
const crcOf = { open: crc32("["), between: crc32(",\n"), close: crc32("]") };

/** Gives the upload of blocks, without compressing anything again. */
export function gzipOf(blocks: readonly Block[]): Buffer {
  const parts: Uint8Array[] = [header, open];
  let crc = crcOf.open;
  let length = 1;
  blocks.forEach((block, i) => {
    if (i > 0) {
      parts.push(between);
      crc = joinCrc(crc, crcOf.between, 2);
      length += 2;
    }
    parts.push(block.deflated);
    crc = joinCrc(crc, block.crc, block.bytes);
    length += block.bytes;
  });
  const end = Buffer.alloc(8);
  end.writeUInt32LE(joinCrc(crc, crcOf.close, 1), 0);
  end.writeUInt32LE((length + 1) % 2 ** 32, 4);
  return Buffer.concat([...parts, close, end]);
}

/** A deflate block that isn't compressed. */
function stored(text: string, last: boolean): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt8(last ? 1 : 0, 0);
  head.writeUInt16LE(bytes.length, 1);
  head.writeUInt16LE(~bytes.length & 0xffff, 3);
  return Buffer.concat([head, bytes]);
}

// CRC-32 of two texts from the CRC-32 of each: polynomials over GF(2), lowest power in the highest bit

const polynomial = 0xedb88320;
/** x to the power of 2^n. */
const squares = Array.from({ length: 32 }, () => 0);
squares.forEach((_, n) => {
  const last = squares[n - 1] ?? 0;
  squares[n] = n === 0 ? 2 ** 30 : multiply(last, last);
});

function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 2 ** 31; bit >= 1; bit /= 2) {
    if ((a & bit) !== 0) product ^= b;
    b = (b & 1) === 0 ? b >>> 1 : (b >>> 1) ^ polynomial;
  }
  return product >>> 0;
}

/** Gives the CRC-32 of a text and one of `length` bytes behind it. */
export function joinCrc(first: number, second: number, length: number): number {
  let power = 2 ** 31;
  // x to the power of the length in bits
  for (let n = 3, left = length; left > 0; n++, left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(squares[n % 32] ?? 0, power);
  }
  return (multiply(power, first) ^ second) >>> 0;
}
