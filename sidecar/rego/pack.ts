/** Writes `.tar.gz`: ustar, with a pax header for a name that doesn't fit. */
import { gzipSync } from "node:zlib";

const block = 512;

/** Packs files by their place, each below `/` as OPA does. The same files in the same order give the same bytes. */
export function packEntries(entries: Iterable<readonly [place: string, body: Uint8Array]>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [place, body] of entries) parts.push(...entryOf(`/${place}`, body));
  const packed = gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * block)]), { level: 9 });
  // the header names the operating system; 255 is "unknown" (RFC 1952)
  packed[9] = 255;
  return packed;
}

function entryOf(name: string, body: Uint8Array): Uint8Array[] {
  const fits = /^[\u0020-\u007e]*$/.test(name) && name.length <= 100;
  return fits
    ? [...member("0", name, body)]
    : [...member("x", "pax", paxRecord("path", name)), ...member("0", "file", body)];
}

/** The length that a record begins with counts its own digits, too. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes;
  while (`${length}`.length + bytes !== length) length = `${length}`.length + bytes;
  return Buffer.from(`${length}${rest}`);
}

function member(type: string, name: string, body: Uint8Array): Uint8Array[] {
  const header = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  };
  header.write(name, 0, "latin1");
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(body.byteLength, 124, 12);
  octal(0, 136, 12);
  header.write("        ", 148, "latin1");
  header.write(type, 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return [header, body, Buffer.alloc((block - (body.byteLength % block)) % block)];
}
