/** One exchange over HTTP with a server that isn't believed: bounded in time and size, no redirect followed, no proxy. */
import { Buffer } from "node:buffer";
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { createDeadlines, type Deadlines, type Limits } from "./deadlines.js";
import { Fault, faultOf } from "./fault.js";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Exchange extends Limits {
  readonly url: URL;
  readonly method: Method;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Absent: a connection of its own. */
  readonly agent?: Agent | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly pair?: { readonly cert: string; readonly key: string } | undefined;
  readonly lookup?: LookupFunction | undefined;
  /** Of a body, as it comes and as it is once it is unpacked. */
  readonly maxBytes: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Unpacked. Of an answer that is no success, the first 64 KiB at most. */
  readonly bytes: Uint8Array;
}

/** Bytes of an answer's headers. */
const mostHeaders = 32 * 1024;
const mostOfErrors = 64 * 1024;
const repeatable: ReadonlySet<Method> = new Set(["GET", "HEAD", "PUT", "DELETE"]);
const unpack = promisify(gunzip);

/** INVARIANT: certificates are checked, whatever the environment says (`NODE_TLS_REJECT_UNAUTHORIZED`). */
const tls = { rejectUnauthorized: true, minVersion: "TLSv1.2" } as const;

/** @throws Fault */
export async function exchange(wanted: Exchange): Promise<Answer> {
  const deadlines = createDeadlines(wanted);
  try {
    const response = await ask(wanted, deadlines.signal);
    deadlines.came();
    return await read(response, wanted, deadlines);
  } catch (error) {
    throw deadlines.signal.aborted ? faultOf(deadlines.signal.reason) : faultOf(error);
  } finally {
    deadlines.end();
  }
}

/** Sends the request; once more where a connection that was kept turns out to have ended meanwhile. */
async function ask(wanted: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  for (;;) {
    const request = send(wanted, signal);
    try {
      return await answerTo(request);
    } catch (error) {
      request.destroy();
      const ended = ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "");
      if (!ended || !request.reusedSocket || !repeatable.has(wanted.method) || signal.aborted) throw error;
    }
  }
}

function send(wanted: Exchange, signal: AbortSignal): ClientRequest {
  const { url, method, body, ca, pair, lookup } = wanted;
  const secure = url.protocol === "https:";
  const request = (secure ? requestHttps : requestHttp)({
    method,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? undefined : Number(url.port),
    path: url.pathname + url.search,
    headers: {
      "accept-encoding": "identity",
      "user-agent": "countersign",
      ...wanted.headers,
      ...(body === undefined ? {} : { "content-length": String(body.length) }),
    },
    agent: wanted.agent ?? false,
    maxHeaderSize: mostHeaders,
    signal,
    ...(lookup === undefined ? {} : { lookup }),
    ...(secure ? { ...tls, ...pair, ...(ca === undefined ? {} : { ca }) } : {}),
  });
  request.end(body);
  return request;
}

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Fault("malformed", "it answers with another protocol"));
    });
    request.once("response", resolve);
  });
}

async function read(response: IncomingMessage, wanted: Exchange, deadlines: Deadlines): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  const good = status >= 200 && status < 300;
  const limit = good ? wanted.maxBytes : Math.min(wanted.maxBytes, mostOfErrors);
  if (good && wanted.method !== "HEAD" && Number(headers["content-length"] ?? 0) > limit) {
    response.destroy();
    throw tooLarge(limit);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      deadlines.came();
      length += chunk.length;
      // leaving the loop ends the connection, so the rest isn't read
      if (length > limit && good) throw tooLarge(limit);
      chunks.push(chunk);
      if (length > limit) break;
    }
  } catch (error) {
    throw error instanceof Fault || deadlines.signal.aborted ? error : truncated();
  }
  if (good && !response.complete) throw truncated();
  const bytes = Buffer.concat(chunks, Math.min(length, limit));
  return { status, headers, bytes: good ? await decode(bytes, headers["content-encoding"], limit) : bytes };
}

/** @throws Fault */
async function decode(bytes: Buffer, encoding: string | undefined, limit: number): Promise<Uint8Array> {
  const name = (encoding ?? "").trim().toLowerCase();
  if (name === "" || name === "identity" || bytes.length === 0) return bytes;
  // it was asked for as it is
  if (name !== "gzip" && name !== "x-gzip")
    throw new Fault("malformed", "its content-encoding is neither gzip nor identity");
  try {
    return await unpack(bytes, { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
    throw new Fault("malformed", "its content-encoding is gzip, and its body isn't");
  }
}

function tooLarge(limit: number): Fault {
  return new Fault("too_large", `its answer is larger than ${limit} bytes`);
}

function truncated(): Fault {
  return new Fault("truncated", "the connection ended in the middle of its answer");
}
