/** Reads `multipart/form-data` (RFC 7578) strictly: what could be read in two ways is refused. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { Dicer } from "@fastify/busboy";
import type { Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";

export interface Part {
  readonly name: string;
  /** A file's; absent: it is a field. */
  readonly filename?: string;
  /** A file's media type, as the client says. */
  readonly type?: string;
  readonly body: Readable;
}

/** What isn't as it must be; thrown by the iteration. */
export class MultipartRefused extends Error {
  override readonly name = "MultipartRefused";
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

const mostParts = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const boundaryOf =
  /^multipart\/form-data\s*;\s*boundary=(?:"([\w'()+,./:=?-]{1,70})"|([\w'()+,./:=?-]{1,70}))$/i;
/** No `filename*`, escapes, other parameters or order: names that servers read in different ways. */
const disposition = /^form-data; ?name="([A-Za-z0-9_.[\]-]{1,64})"(?:; ?filename="([^"]{1,255})")?$/i;
/** INVARIANT: no path, no hidden file, nothing that a shell, a header or an escape could begin with. */
const filename = /^[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N} ._()+@=,&'-]{0,198}[\p{L}\p{M}\p{N}_)-])?$/u;
const fileType =
  /^[a-z0-9][a-z0-9.+-]{0,63}\/[a-z0-9][a-z0-9.+-]{0,63}(?:; ?(?:codecs="?[\w.,-]{1,64}"?|charset="?utf-8"?))?$/i;
/** A part's length is said by some, and read by nobody: where it ends is where the boundary is. */
const known = new Set(["content-disposition", "content-type", "content-length"]);
const fieldType = /^text\/plain(?:; ?charset="?utf-8"?)?$/i;

/** Gives the boundary of a request's body; a refusal where it isn't such a body. */
export function readBoundary({ headers }: IncomingMessage): string | Refusal {
  if (headers["content-encoding"] !== undefined) return refuse("unsupported_encoding");
  const [, quoted, plain] = boundaryOf.exec(headers["content-type"] ?? "") ?? [];
  return quoted ?? plain ?? refuse("unsupported_media_type", "multipart/form-data with a boundary");
}

const bad = (what: string): MultipartRefused => new MultipartRefused(refuse("invalid_request", what));

/**
 * Gives the parts in order. Each one's body must be read to its end before the next is asked for.
 * @param limit of the whole body, bytes
 * @throws MultipartRefused
 */
export async function* readParts(
  req: IncomingMessage,
  boundary: string,
  limit: number,
): AsyncGenerator<Part> {
  const dicer = new Dicer({ boundary, maxHeaderPairs: 8 });
  const ready: (Part | MultipartRefused | "end")[] = [];
  let wake = (): void => undefined;
  const give = (one: Part | MultipartRefused | "end"): void => {
    ready.push(one);
    wake();
  };
  let count = 0;
  let open = 0;
  let size = 0;
  let current: Readable | undefined;
  const stop = (wrong: MultipartRefused): void => {
    req.unpipe(dicer);
    give(wrong);
    current?.destroy(wrong);
  };
  dicer.on("part", (body) => {
    body.on("error", () => undefined);
    if (++count > mostParts || open > 0) return void stop(bad("a part without a head, or too many parts"));
    open++;
    body.once("header", (header) => {
      open--;
      current = body;
      const part = readHead(header as Readonly<Record<string, readonly string[]>>);
      if (part instanceof MultipartRefused) stop(part);
      else give({ ...part, body });
    });
  });
  dicer.on("error", () => {
    stop(bad("the multipart body isn't one, or ended early"));
  });
  dicer.on("finish", () => {
    give(open > 0 ? bad("a part without a head") : "end");
  });
  req.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) stop(new MultipartRefused(refuse("body_too_large", `at most ${limit} bytes`)));
  });
  req.on("close", () => {
    if (!req.complete) stop(bad("the body ended early"));
  });
  req.pipe(dicer);
  try {
    for (;;) {
      const next = ready.shift();
      if (next === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else if (next === "end") return;
      else if (next instanceof MultipartRefused) throw next;
      else yield next;
    }
  } finally {
    req.unpipe(dicer);
  }
}

function readHead(
  header: Readonly<Record<string, readonly string[]>>,
): Omit<Part, "body"> | MultipartRefused {
  const names = Object.keys(header);
  const once = names.every((name) => header[name]?.length === 1);
  if (!once || !names.every((name) => known.has(name))) return bad("a part's head");
  const [said = ""] = header["content-disposition"] ?? [];
  const [type] = header["content-type"] ?? [];
  const [, name, given] = disposition.exec(decode(said) ?? "") ?? [];
  if (name === undefined) return bad("a part's content-disposition");
  if (given === undefined) {
    return type === undefined || fieldType.test(type) ? { name } : bad(`the content-type of ${name}`);
  }
  if (!filename.test(given)) return bad(`the filename of ${name}`);
  // the parser gives up a head at a line that is none: without its type it may not be whole
  if (type === undefined || !fileType.test(type)) return bad(`the content-type of ${name}`);
  return { name, filename: given.normalize("NFC"), type };
}

/** Heads come as bytes, one character each. */
function decode(bytes: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(bytes, "latin1"));
  } catch {
    return undefined;
  }
}
