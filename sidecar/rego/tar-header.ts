/** Reads the headers of tar: ustar, with pax and GNU long names. */

export const block = 512;

const latin = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A fault of the archive; `entry` is its name where one is known. */
export class Broken extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly entry?: string,
  ) {
    super(message);
  }
}

export interface Header {
  /** ustar's letter; an old tar's `\0` is `0`, a file. */
  readonly type: string;
  readonly name: string;
  /** Bytes of the body. */
  readonly size: number;
}

/** @throws Broken */
export function readHeader(header: Uint8Array): Header {
  let sum = 0;
  for (let i = 0; i < block; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0);
  if (sum !== octal(header, 148, 8)) throw new Broken("bundle_archive", "an entry's checksum is wrong");
  const type = String.fromCharCode(header[156] ?? 0);
  return { type: type === "\0" ? "0" : type, name: nameOf(header), size: octal(header, 124, 12) };
}

function octal(header: Uint8Array, from: number, length: number): number {
  // GNU's way to write a negative number, or one of more than eleven digits
  if (((header[from] ?? 0) & 0x80) !== 0) {
    throw new Broken("bundle_archive", "a size is negative or beyond what a bundle may hold (base-256)");
  }
  const digits = latin
    .decode(header.subarray(from, from + length))
    .replace(/[\0 ]+$/, "")
    .trimStart();
  if (!/^[0-7]+$/.test(digits)) throw new Broken("bundle_archive", "an entry's header is malformed");
  return Number.parseInt(digits, 8);
}

function nameOf(header: Uint8Array): string {
  const field = (from: number, length: number): string => {
    const end = header.indexOf(0, from);
    return text(header.subarray(from, end === -1 || end > from + length ? from + length : end));
  };
  // GNU's own format keeps times where ustar keeps the prefix
  const prefix = latin.decode(header.subarray(257, 263)) === "ustar\0" ? field(345, 155) : "";
  return prefix === "" ? field(0, 100) : `${prefix}/${field(0, 100)}`;
}

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Broken("bundle_path", "an entry's name is not valid UTF-8");
  }
}

/** The body of GNU's `L`: the name of the entry that follows. */
export function longName(body: Uint8Array): string {
  return text(body).replace(/\0+$/, "");
}

/**
 * The `path` of a pax header (POSIX.1-2017, pax, "Extended Header"), if it has one. Whose file it was and when, nobody asks.
 *
 * INVARIANT: what changes an entry in any other way is refused: a `size` would let one hide others from whoever doesn't
 * know pax, a sparse file unpacks to more than is there.
 * @throws Broken
 */
export function paxPath(body: Uint8Array): string | undefined {
  const seen = new Set<string>();
  let path: string | undefined;
  let rest = body;
  while (rest.byteLength > 0) {
    const space = rest.subarray(0, 8).indexOf(32);
    const digits = latin.decode(rest.subarray(0, Math.max(space, 0)));
    const length = Number(digits);
    if (!/^[1-9][0-9]*$/.test(digits) || length <= space + 1 || length > rest.byteLength) {
      throw new Broken("bundle_archive", "a pax header is malformed");
    }
    const record = text(rest.subarray(space + 1, length));
    const equals = record.indexOf("=");
    const key = record.slice(0, equals);
    if (equals < 1 || !record.endsWith("\n") || seen.has(key)) {
      throw new Broken("bundle_archive", "a pax header is malformed");
    }
    seen.add(key);
    if (/^(size|linkpath|hdrcharset|charset|GNU\..*|SUN\..*)$/.test(key)) {
      throw new Broken(
        "bundle_archive",
        `a pax header sets ${key.slice(0, 40)}, which a bundle has no need of`,
      );
    }
    if (key === "path") path = record.slice(equals + 1, -1);
    rest = rest.subarray(length);
  }
  return path;
}
