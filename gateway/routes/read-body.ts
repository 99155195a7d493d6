/** Reads what a request to a route brings, as the route's configuration says. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { JsonRefused, parseJson, refuse, stringifyJson } from "../../sidecar/contract.js";
import { bringsBody, readBytes } from "../http.js";

export interface RouteBody {
  readonly kind: "body";
  /** What is sent; undefined where there is none. */
  readonly send: Buffer | Readable | undefined;
  /** Headers that describe what is sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** What policy sees. */
  readonly facts: JsonObject;
  /** Tells that a streamed body came to more than it may. */
  readonly tooLarge: () => boolean;
}

/** A media type of RFC 9110 with plain parameters. */
const mediaType =
  /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(?:[ \t]*;[ \t]*[\w!#$&^.+-]{1,64}=(?:[\w!#$&^.+:/'()-]{1,128}|"[\w !#$&^.+:/'()=,@?-]{0,128}"))*$/;
const jsonType = /^application\/(?:[\w.-]+\+)?json$/;
const bodiless = ["GET", "HEAD", "OPTIONS"];

/** Reads it whole, or wraps it to be sent as it comes. */
export async function readRouteBody(
  req: IncomingMessage,
  { body: how, maxBody }: { readonly body: "facts" | "json" | "stream"; readonly maxBody: number },
): Promise<RouteBody | Refusal> {
  const none = { kind: "body", send: undefined, headers: {}, facts: {}, tooLarge: () => false } as const;
  if (bodiless.includes(req.method ?? ""))
    return bringsBody(req) ? refuse("invalid_request", "the method has no body") : none;
  if (req.headers["content-encoding"] !== undefined) return refuse("unsupported_encoding");
  const type = req.headers["content-type"];
  if (type !== undefined && !mediaType.test(type)) return refuse("unsupported_media_type");
  const media = type?.split(";", 1)[0]?.trim().toLowerCase();
  const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
  const said: JsonObject = media === undefined ? {} : { type: media };
  if (how === "stream") return wrap(req, maxBody, headers, said);
  const bytes = await readBytes(req, maxBody);
  if (!Buffer.isBuffer(bytes)) return bytes;
  // DELETE often has none; POST without one is sent as empty
  if (bytes.byteLength === 0 && type === undefined) return { ...none, send: Buffer.alloc(0) };
  if (how !== "json") return whole(bytes, headers, said);
  if (media === undefined || !jsonType.test(media) || /charset=(?!"?utf-8"?)/i.test(type ?? ""))
    return refuse("unsupported_media_type");
  const value = readValue(bytes);
  if (value.kind === "refusal") return value;
  return whole(Buffer.from(stringifyJson(value.value)), headers, { ...said, json: value.value });
}

function whole(bytes: Buffer, headers: Record<string, string>, said: JsonObject): RouteBody {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const facts = { ...said, bytes: bytes.byteLength, sha256 };
  return { kind: "body", send: bytes, headers, facts, tooLarge: () => false };
}

/** Parses JSON, strictly; a refusal names the offset. */
export function readValue(bytes: Buffer): { readonly kind: "value"; readonly value: Json } | Refusal {
  try {
    return { kind: "value", value: parseJson(bytes) };
  } catch (error) {
    return error instanceof JsonRefused
      ? refuse(error.code, error.offset < 0 ? undefined : `offset ${error.offset}`)
      : refuse("invalid_json");
  }
}

function wrap(
  req: IncomingMessage,
  limit: number,
  headers: Record<string, string>,
  said: JsonObject,
): RouteBody | Refusal {
  const declared = req.headers["content-length"];
  if (Number(declared ?? 0) > limit) return refuse("body_too_large", `at most ${limit} bytes`);
  let exceeded = false;
  async function* bounded(): AsyncGenerator<Buffer> {
    let size = 0;
    // destroying the request would close the client's connection: it is to see the refusal
    const chunks = req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > limit) {
        exceeded = true;
        throw new Error("the body is too large");
      }
      yield chunk;
    }
  }
  if (!bringsBody(req))
    return { kind: "body", send: Buffer.alloc(0), headers, facts: said, tooLarge: () => false };
  return {
    kind: "body",
    send: Readable.from(bounded(), { objectMode: false, highWaterMark: 65_536 }),
    headers: declared === undefined ? headers : { ...headers, "content-length": declared },
    facts: { ...said, streamed: true, ...(declared === undefined ? {} : { bytes: Number(declared) }) },
    tooLarge: () => exceeded,
  };
}
