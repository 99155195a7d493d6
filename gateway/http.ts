import type { IncomingMessage, ServerResponse } from "node:http";
import type { Json, Refusal } from "../sidecar/contract.js";
import { JsonRefused, parseJson, refuse } from "../sidecar/contract.js";

/** Reads a body once: strict media type, no encodings, bounded, lossless JSON. */
export async function readJson(
  req: IncomingMessage,
  limit: number,
): Promise<{ kind: "json"; value: Json; bytes: Buffer } | Refusal> {
  const type = req.headers["content-type"];
  if (type === undefined || !/^application\/json\s*(?:;\s*charset=(?:utf-8|"utf-8")\s*)?$/i.test(type)) {
    return refuse("unsupported_media_type");
  }
  const bytes = await readBytes(req, limit);
  if (!Buffer.isBuffer(bytes)) return bytes;
  try {
    return { kind: "json", value: parseJson(bytes), bytes };
  } catch (error) {
    return error instanceof JsonRefused
      ? refuse(error.code, error.offset < 0 ? undefined : `offset ${error.offset}`)
      : refuse("invalid_json");
  }
}

/** Reads a body of any type once: no encodings, bounded. */
export async function readBytes(req: IncomingMessage, limit: number): Promise<Buffer | Refusal> {
  if (req.headers["content-encoding"] !== undefined) return refuse("unsupported_encoding");
  const declared = Number(req.headers["content-length"] ?? 0);
  const bytes = declared > limit ? "too_large" : await readBody(req, limit);
  if (bytes === "too_large") {
    await drain(req);
    return refuse("body_too_large", `at most ${limit} bytes`);
  }
  return bytes === "cut" ? refuse("invalid_request", "the body ended early") : bytes;
}

/** Tells whether a request that should have none brings a body. */
export function bringsBody(req: IncomingMessage): boolean {
  return Number(req.headers["content-length"] ?? 0) > 0 || req.headers["transfer-encoding"] !== undefined;
}

// not `for await`, which closes the connection when it stops: nobody would see the refusal
function readBody(req: IncomingMessage, limit: number): Promise<Buffer | "too_large" | "cut"> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Buffer | "too_large" | "cut"): void => {
      req.off("data", take).off("end", end).off("error", cut).off("close", cut);
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) settle("too_large");
      else chunks.push(chunk);
    };
    const end = (): void => {
      settle(Buffer.concat(chunks, size));
    };
    const cut = (): void => {
      settle("cut");
    };
    req.on("data", take).on("end", end).on("error", cut).on("close", cut);
  });
}

/** How long a body that nobody wants is read on, milliseconds. */
const patience = 1_000;

/** Reads on for a moment, so that a client that is still sending gets to see the answer. */
export function drain(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (req.readableEnded || req.destroyed) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, patience);
    req.on("end", done).on("close", done).on("error", done).unpipe().resume();
  });
}

/** Characters; what is longer is put into bytes first. */
const long = 16_384;

/** Writes a document, unless the answer has begun or nobody is there to read it; gives its length, bytes. */
export function send(
  res: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): number {
  if (res.headersSent || res.destroyed) return 0;
  // a short one goes out together with the head; of a long one, each pass over the text is felt
  const sent = body.length > long ? Buffer.from(body) : body;
  const bytes = typeof sent === "string" ? Buffer.byteLength(sent) : sent.length;
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": bytes,
    // what follows an unread body on this connection can't be told apart from it
    ...(res.req.complete ? {} : { connection: "close" }),
    ...headers,
  });
  res.end(sent);
  return bytes;
}
