/** Reads an upload: its fields by an allow-list, its files held as far as they are small, else passed on as they come. */
import type { IncomingMessage } from "node:http";
import type { Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Part } from "./read-multipart.js";
import { MultipartRefused, readBoundary, readParts } from "./read-multipart.js";

/** How a field's text is read. */
export type FieldKind = "text" | "number" | "flag" | "texts";

export interface UploadShape {
  readonly fields: Readonly<Record<string, FieldKind>>;
  /** Must be there, before a file that is too large to be held. */
  readonly required: readonly string[];
  /** The names of parts that are files; those that end in `[]` may stand several times. */
  readonly files: readonly string[];
  /** Whether a file may be passed on as it comes. */
  readonly streams: boolean;
}

export interface UploadLimits {
  /** Of the whole body, bytes. */
  readonly maxBytes: number;
  /** What of files is held, bytes. */
  readonly heldBytes: number;
}

export interface UploadedFile {
  readonly part: string;
  readonly filename: string;
  readonly type?: string;
  /** All of it, or what has been read of it. */
  readonly held: Buffer;
  /** The rest as it comes; absent: there is none. @throws MultipartRefused within it */
  readonly rest?: AsyncIterable<Buffer>;
}

export interface Upload {
  readonly kind: "upload";
  readonly body: JsonObject;
  readonly files: readonly UploadedFile[];
  /** What was found wrong after the beginning was sent. */
  readonly wrong: () => Refusal | undefined;
}

const longestField = 65_536;
const utf8 = new TextDecoder("utf-8", { fatal: true });

export async function readUpload(
  req: IncomingMessage,
  shape: UploadShape,
  { maxBytes, heldBytes }: UploadLimits,
): Promise<Upload | Refusal> {
  const boundary = readBoundary(req);
  if (typeof boundary !== "string") return boundary;
  if (Number(req.headers["content-length"] ?? 0) > maxBytes)
    return refuse("body_too_large", `at most ${maxBytes} bytes`);
  const parts = readParts(req, boundary, maxBytes);
  const body: Record<string, Json> = {};
  const files: UploadedFile[] = [];
  let wrong: Refusal | undefined;
  let left = heldBytes;
  try {
    for (;;) {
      const { value: part } = (await parts.next()) as IteratorResult<Part, undefined>;
      if (part === undefined) break;
      if (part.filename === undefined) {
        await readField(part, body, shape);
        continue;
      }
      const { name, filename, type } = part;
      if (!shape.files.includes(name)) throw refused(`${name} is unknown, or no file`);
      if (!name.endsWith("[]") && files.some((one) => one.part === name))
        throw refused(`${name} stands twice`);
      const pieces = part.body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      const { held, more } = await hold(pieces, left);
      left -= held.length;
      const file = { part: name, filename, held, ...(type === undefined ? {} : { type }) };
      if (more === undefined) {
        files.push(file);
        continue;
      }
      // what isn't decided yet isn't sent, and more isn't held
      if (!shape.streams || missing(body, shape) !== undefined)
        throw new MultipartRefused(
          refuse("body_too_large", `the file, unless fields stand before it: at most ${heldBytes} bytes`),
        );
      const rest = restOf(more, pieces, parts, (refusal) => (wrong = refusal));
      return { kind: "upload", body, files: [...files, { ...file, rest }], wrong: () => wrong };
    }
    const lacks = missing(body, shape) ?? (files.length === 0 ? shape.files[0] : undefined);
    if (lacks !== undefined) throw refused(`${lacks} is missing`);
    return { kind: "upload", body, files, wrong: () => wrong };
  } catch (error) {
    if (error instanceof MultipartRefused) return error.refusal;
    return refuse("invalid_request", "the body ended early");
  }
}

const refused = (what: string): MultipartRefused => new MultipartRefused(refuse("invalid_request", what));

const missing = (body: JsonObject, { required }: UploadShape): string | undefined =>
  required.find((name) => body[name] === undefined);

async function readField(
  { name, body }: Part,
  into: Record<string, Json>,
  { fields }: UploadShape,
): Promise<void> {
  const kind = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (kind === undefined) throw refused(`${name} is unknown, or a file`);
  const { held, more } = await hold(body[Symbol.asyncIterator]() as AsyncIterator<Buffer>, longestField);
  if (more !== undefined) throw refused(`${name} is too long`);
  let text: string;
  try {
    text = utf8.decode(held);
  } catch {
    throw new MultipartRefused(refuse("invalid_utf8"));
  }
  const before = into[name];
  if (kind === "texts") {
    into[name] = [...(Array.isArray(before) ? before : []), text];
    return;
  }
  if (before !== undefined) throw refused(`${name} stands twice`);
  const value = readText(kind, text);
  if (value === undefined) throw refused(`${name} is of the wrong type`);
  into[name] = value;
}

function readText(kind: Exclude<FieldKind, "texts">, text: string): Json | undefined {
  if (kind === "text") return text;
  if (kind === "flag") return text === "true" ? true : text === "false" ? false : undefined;
  // one spelling, so that what is sent is what was read
  return /^-?[0-9]{1,9}(?:\.[0-9]{1,9})?$/.test(text) ? Number(text) : undefined;
}

/** Reads up to a limit; `more` is the first piece beyond it. */
async function hold(
  pieces: AsyncIterator<Buffer>,
  limit: number,
): Promise<{ readonly held: Buffer; readonly more?: Buffer }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const piece = await pieces.next();
    if (piece.done === true) return { held: Buffer.concat(chunks, size) };
    if (size + piece.value.length > limit) return { held: Buffer.concat(chunks, size), more: piece.value };
    size += piece.value.length;
    chunks.push(piece.value);
  }
}

/** INVARIANT: nothing follows a file that was passed on as it came: what does breaks the request off before its end. */
async function* restOf(
  more: Buffer,
  pieces: AsyncIterator<Buffer>,
  parts: AsyncGenerator<Part>,
  tell: (refusal: Refusal) => void,
): AsyncGenerator<Buffer> {
  try {
    yield more;
    for (;;) {
      const piece = await pieces.next();
      if (piece.done === true) break;
      yield piece.value;
    }
    const next = await parts.next();
    if (next.done !== true) throw refused("a part after a file that isn't held");
  } catch (error) {
    const refusal =
      error instanceof MultipartRefused ? error.refusal : refuse("invalid_request", "the body ended early");
    tell(refusal);
    throw error;
  }
}
