/** Reads `.tar.gz` in memory: ustar with pax and GNU long names, strict about everything that a bundle has no need of. */
import { gunzipSync } from "node:zlib";
import type { Rejected } from "./bundle.js";
import { rejected } from "./bundle.js";
import { limits, placeIn } from "./limits.js";

export type Entries = ReadonlyMap<string, Uint8Array>;

const block = 512;
const latin = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A fault of the archive; `name` is the entry where one is known. */
class Broken extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly entry?: string,
  ) {
    super(message);
  }
}

/**
 * Gives the files of an archive by their place in the bundle (`a/data.json`). Nothing is written to disk. One leading
 * `/` or `./` is OPA's way to name the bundle's root and is taken off; links, devices, `..`, repeated names, bad
 * checksums and archives beyond {@link limits} are refused.
 */
export function readArchive(
  bytes: Uint8Array,
): { readonly kind: "read"; readonly entries: Entries } | Rejected {
  let tar: Uint8Array;
  try {
    tar = gunzipSync(bytes, { maxOutputLength: limits.archiveBytes });
  } catch (error) {
    const tooLarge =
      typeof error === "object" && error !== null && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return tooLarge
      ? rejected("bundle_too_large", `the archive unpacks to more than ${limits.archiveBytes} bytes`)
      : rejected("bundle_archive", "the archive is not valid gzip");
  }
  try {
    return { kind: "read", entries: entriesOf(tar) };
  } catch (error) {
    if (error instanceof Broken) return rejected(error.code, error.message, error.entry);
    throw error;
  }
}

function entriesOf(tar: Uint8Array): Entries {
  const entries = new Map<string, Uint8Array>();
  let longName: string | undefined;
  let at = 0;
  for (;;) {
    const header = tar.subarray(at, at + block);
    if (header.byteLength < block) throw new Broken("bundle_archive", "the archive ends in mid-entry");
    if (header.every((byte) => byte === 0)) return entries;
    checkSum(header);
    const size = octal(header, 124, 12);
    const body = tar.subarray(at + block, at + block + size);
    // a body that is cut short leaves no header after it, and that is refused
    at += block + Math.ceil(size / block) * block;

    const type = String.fromCharCode(header[156] ?? 0);
    if (type === "x") {
      longName = paxPath(body) ?? longName;
      continue;
    }
    if (type === "L") {
      longName = text(body).replace(/\0+$/, "");
      continue;
    }
    // facts about the whole archive (git archive writes its commit there)
    if (type === "g") continue;
    const raw = longName ?? headerName(header);
    longName = undefined;
    if (type === "5") continue;
    if (type !== "0" && type !== "\0") {
      throw new Broken("bundle_entry", "an entry is neither a file nor a directory", raw);
    }
    const place = placeIn(raw);
    if (place === undefined) throw new Broken("bundle_path", "an entry's name leads out of the bundle", raw);
    if (entries.has(place))
      throw new Broken("bundle_duplicate", "the same name stands twice in the archive", place);
    if (size > limits.fileBytes) throw new Broken("bundle_too_large", "a file is too large", place);
    entries.set(place, body);
    if (entries.size > limits.files)
      throw new Broken("bundle_too_large", `there are more than ${limits.files} files`);
  }
}

function checkSum(header: Uint8Array): void {
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 32 : byte;
  if (sum !== octal(header, 148, 8)) throw new Broken("bundle_archive", "an entry's checksum is wrong");
}

function octal(header: Uint8Array, from: number, length: number): number {
  const digits = latin
    .decode(header.subarray(from, from + length))
    .replace(/[\0 ]+$/, "")
    .trimStart();
  if (!/^[0-7]+$/.test(digits)) throw new Broken("bundle_archive", "an entry's header is malformed");
  return Number.parseInt(digits, 8);
}

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Broken("bundle_path", "an entry's name is not valid UTF-8");
  }
}

function headerName(header: Uint8Array): string {
  const field = (from: number, length: number): string => {
    const end = header.indexOf(0, from);
    return text(header.subarray(from, end === -1 || end > from + length ? from + length : end));
  };
  // GNU's own format keeps times where ustar keeps the prefix
  const prefix = latin.decode(header.subarray(257, 263)) === "ustar\0" ? field(345, 155) : "";
  return prefix === "" ? field(0, 100) : `${prefix}/${field(0, 100)}`;
}

/** The `path` of a pax header. INVARIANT: a pax `size` would let an entry hide others; it is refused. */
function paxPath(body: Uint8Array): string | undefined {
  let path: string | undefined;
  let rest = body;
  while (rest.byteLength > 0) {
    const space = rest.indexOf(32);
    const length = Number(latin.decode(rest.subarray(0, Math.max(space, 0))));
    if (!Number.isSafeInteger(length) || length <= space + 1 || length > rest.byteLength) {
      throw new Broken("bundle_archive", "an entry's header is malformed");
    }
    const record = text(rest.subarray(space + 1, length - 1));
    if (record.startsWith("path=")) path = record.slice("path=".length);
    if (/^(size|linkpath|GNU\.sparse\.[^=]*)=/.test(record)) {
      throw new Broken("bundle_archive", "an entry's header asks for what a bundle has no need of");
    }
    rest = rest.subarray(length);
  }
  return path;
}
