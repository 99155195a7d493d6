/** Writes an upload anew: its fields, then its files, under a boundary of our own. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import type { UploadedFile } from "./read-upload.js";

export interface Written {
  readonly contentType: string;
  /** A stream only where a file is passed on as it comes. */
  readonly body: Buffer | Readable;
}

/** INVARIANT: names and types were read in a form that has no quote, backslash or line break. */
export function writeMultipart(fields: JsonObject, files: readonly UploadedFile[]): Written {
  const boundary = `countersign-${randomBytes(18).toString("hex")}`;
  const begin = (name: string, more = ""): string =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n`;
  const texts = Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${begin(name)}${textOf(one)}\r\n`),
  );
  const pieces: (Buffer | AsyncIterable<Buffer>)[] = [Buffer.from(texts.join(""))];
  for (const { part, filename, type = "application/octet-stream", held, rest } of files) {
    pieces.push(Buffer.from(begin(part, `; filename="${filename}"\r\ncontent-type: ${type}`)), held);
    if (rest !== undefined) pieces.push(rest);
    pieces.push(Buffer.from("\r\n"));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  const contentType = `multipart/form-data; boundary=${boundary}`;
  const whole = pieces.filter((piece) => Buffer.isBuffer(piece));
  if (whole.length === pieces.length) return { contentType, body: Buffer.concat(whole) };
  async function* all(): AsyncGenerator<Buffer> {
    for (const piece of pieces) {
      if (Buffer.isBuffer(piece)) yield piece;
      else yield* piece;
    }
  }
  return { contentType, body: Readable.from(all(), { objectMode: false }) };
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : String(value);
}
