import type { ClientRequest, IncomingMessage } from "node:http";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { plainAddress, type AllowAddress } from "./addresses.js";
import { guardedLookup, onceAtATime, systemAddresses, type Lookup } from "./lookup.js";

export type { Lookup } from "./lookup.js";

export interface FetchRequest {
  /** `https:` or `http:`; whether plain HTTP may be, is the caller's to know. */
  readonly url: string;
  /** Asked about the very addresses that are connected to. */
  readonly allows: AllowAddress;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM; instead of the public authorities. */
  readonly ca?: string;
  readonly maxBytes: number;
  /** For all of it: name, connection, headers and body. */
  readonly timeoutMs: number;
  /** Ends what is under way. */
  readonly closed?: AbortSignal;
}

export type FetchFault = "network" | "address" | "timeout" | "status" | "content_type" | "too_large";

/** A 200 with a JSON document's bytes, or why there is none; `status` where there was an answer. */
export type Fetched =
  | { readonly kind: "fetched"; readonly bytes: Uint8Array }
  | { readonly kind: "fault"; readonly fault: FetchFault; readonly status?: number };

export type FetchDocument = (request: FetchRequest) => Promise<Fetched>;

const jsonType = /^application\/(?:json|[a-z0-9.-]+\+json)\s*(?:;|$)/i;
/** Bytes of an answer's headers. */
const mostHeaders = 16 * 1024;

/** INVARIANT: certificates are checked, whatever the environment says (`NODE_TLS_REJECT_UNAUTHORIZED`). */
const tls = { rejectUnauthorized: true, minVersion: "TLSv1.2" } as const;

class Fault extends Error {
  override readonly name = "Fault";
  constructor(
    readonly fault: FetchFault,
    readonly status?: number,
  ) {
    super(fault);
  }
}

/**
 * Creates the part that fetches small JSON documents from configured places: bounded in time and size, no
 * redirect followed, no proxy, no cookie, a connection for each. Never rejects.
 *
 * INVARIANT: no address is connected to that {@link FetchRequest.allows} wasn't asked about in this very connection.
 */
export function createFetchDocument(parts: { readonly lookup?: Lookup } = {}): FetchDocument {
  const lookup = onceAtATime(parts.lookup ?? systemAddresses);
  return async (wanted) => {
    const timeout = AbortSignal.timeout(wanted.timeoutMs);
    const signal = wanted.closed === undefined ? timeout : AbortSignal.any([timeout, wanted.closed]);
    try {
      return { kind: "fetched", bytes: await exchange(wanted, lookup, signal) };
    } catch (error) {
      if (timeout.aborted) return { kind: "fault", fault: "timeout" };
      if (!(error instanceof Fault)) return { kind: "fault", fault: faultOf(error) };
      const { fault, status } = error;
      return { kind: "fault", fault, ...(status === undefined ? {} : { status }) };
    }
  };
}

/** One exchange; its connection is gone when the promise settles. */
function exchange(wanted: FetchRequest, lookup: Lookup, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const url = new URL(wanted.url);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0) {
      // Node asks nobody about an address
      const address = plainAddress(host);
      if (address === undefined || !wanted.allows(address)) return reject(new Fault("address"));
    }
    const { body, ca } = wanted;
    const request: ClientRequest = (url.protocol === "https:" ? requestHttps : requestHttp)({
      method: wanted.method ?? "GET",
      host,
      port: url.port === "" ? undefined : Number(url.port),
      path: url.pathname + url.search,
      headers: {
        accept: "application/json",
        ...wanted.headers,
        ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
      },
      lookup: guardedLookup(lookup, wanted.allows),
      agent: false,
      maxHeaderSize: mostHeaders,
      signal,
      ...(url.protocol === "https:" ? { ...tls, ...(ca === undefined ? {} : { ca }) } : {}),
    });
    const fail = (error: unknown): void => {
      request.destroy();
      reject(error instanceof Error ? error : new Fault(faultOf(error)));
    };
    request.on("error", fail);
    request.once("upgrade", (_response, socket) => {
      socket.destroy();
      fail(new Fault("network"));
    });
    request.once("response", (response) => {
      read(response, wanted.maxBytes).then((bytes) => {
        request.destroy();
        resolve(bytes);
      }, fail);
    });
    request.end(body);
  });
}

async function read(response: IncomingMessage, limit: number): Promise<Buffer> {
  const { statusCode = 0, headers } = response;
  // a redirect is a status like any other: nobody but the configuration says where to ask
  if (statusCode !== 200) throw new Fault("status", statusCode);
  if (!jsonType.test(headers["content-type"] ?? "")) throw new Fault("content_type", statusCode);
  if ((headers["content-encoding"] ?? "identity") !== "identity") throw new Fault("content_type", statusCode);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    // leaving the loop ends the connection, so the rest isn't read
    if (length > limit) throw new Fault("too_large", statusCode);
    chunks.push(chunk);
  }
  if (!response.complete) throw new Fault("network", statusCode);
  return Buffer.concat(chunks, length);
}

function faultOf(error: unknown): FetchFault {
  const fault = (error as { fault?: unknown } | null)?.fault;
  return fault === "address" ? "address" : "network";
}
