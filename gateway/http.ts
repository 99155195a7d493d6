import type { IncomingMessage, ServerResponse } from "node:http";
import type { Json, Refusal } from "../sidecar/contract.js";
import { JsonRefused, parseJson, refuse } from "../sidecar/contract.js";

/** Reads a body once: strict media type, no encodings, bounded, lossless JSON. */
export async function readJson(
  req: IncomingMessage,
  limit: number,
): Promise<{ kind: "json"; value: Json; bytes: Buffer } | Refusal> {
  const type = req.headers["content-type"];
  if (type === undefined || !/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    return refuse("unsupported_media_type");
  }
  if (req.headers["content-encoding"] !== undefined) return refuse("unsupported_encoding");
  if (Number(req.headers["content-length"] ?? 0) > limit)
    return refuse("body_too_large", `at most ${limit} bytes`);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return refuse("body_too_large", `at most ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch {
    return refuse("invalid_request", "the body ended early");
  }
  const bytes = Buffer.concat(chunks, size);
  try {
    return { kind: "json", value: parseJson(bytes), bytes };
  } catch (error) {
    return error instanceof JsonRefused
      ? refuse(error.code, error.offset < 0 ? undefined : `offset ${error.offset}`)
      : refuse("invalid_json");
  }
}

/** Writes a document, unless the answer has begun or nobody is there to read it. */
export function send(
  res: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  res.end(body);
}

/** Headers that a refusal needs besides its body. */
export function refusalHeaders(status: number): Record<string, string> {
  if (status === 401) return { "www-authenticate": 'Bearer error="invalid_token"' };
  // the rest of an unread body must not be taken for the next request
  return status === 413 ? { connection: "close" } : {};
}
