import type { Agent as HttpAgent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as requestHttp } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import type { Lookup } from "./dns.js";
import { addressesOf } from "./dns.js";
import type { AllowAddress } from "../../../net/addresses.js";
import type { Headers } from "./http-headers.js";
import type { Target } from "./http-hosts.js";
import type { TlsOptions } from "./http-tls.js";

/** One request to one host. */
export interface Exchange {
  readonly method: string;
  readonly target: Target;
  readonly allows: AllowAddress;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly tls: TlsOptions | undefined;
}

export interface Reply {
  /** As in Go: `200 OK`. */
  readonly status: string;
  readonly statusCode: number;
  /** In their order, names as they came; values as UTF-8. */
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface ExchangeParts {
  readonly lookup: Lookup;
  readonly maxBytes: number;
  /** Connections that are shared by requests without TLS options. */
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
}

/** Makes an exchange; rejects with an Error whose message is fit for a policy's author. */
export type ExchangeOnce = (exchange: Exchange, signal: AbortSignal) => Promise<Reply>;

/** Why an exchange failed, in a few words. */
export class ExchangeFailed extends Error {
  override readonly name = "ExchangeFailed";
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EPIPE: "broken pipe",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "i/o timeout",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "server misbehaving",
  HPE_HEADER_OVERFLOW: "the response's headers are too large",
};
/** Go keeps these out of the headers of a response, as they belong to the connection. */
const hidden: ReadonlySet<string> = new Set(["transfer-encoding", "trailer"]);
const withLength: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * Creates the part that speaks HTTP.
 *
 * INVARIANT: the addresses that are connected to are those that {@link Exchange.allows} was asked about, in this very
 * connection; a connection that is used again was made for the same name.
 */
export function createExchange({ lookup, maxBytes, agents }: ExchangeParts): ExchangeOnce {
  const once = (exchange: Exchange, signal: AbortSignal): Promise<Reply | "stale"> =>
    new Promise((resolve, reject) => {
      const { method, target, headers, body, tls, allows } = exchange;
      if (target.host.includes(":") || /^[\d.]+$/.test(target.host)) {
        // Node asks nobody about an address
        if (!allows(target.host)) return reject(new ExchangeFailed("the address is not allowed"));
      }
      const options: RequestOptions & TlsOptions = {
        ...tls,
        method,
        host: target.host,
        port: target.port,
        path: target.url.pathname + target.url.search,
        headers: headersOf(headers, body, method),
        lookup: guardedLookup(lookup, allows),
        agent: !target.secure ? agents.http : tls === undefined ? agents.https : false,
        signal,
      };
      const request: ClientRequest = (target.secure ? requestHttps : requestHttp)(options);
      let answered = false;
      request.on("error", (error) => {
        const reset = ["ECONNRESET", "EPIPE"].includes(codeOf(error));
        const stale = request.reusedSocket && reset && !answered && !signal.aborted;
        if (stale) resolve("stale");
        else reject(new ExchangeFailed(reasonOf(error)));
      });
      // an answer that changes the protocol is none
      request.once("upgrade", (_response, socket) => {
        socket.destroy();
        reject(new ExchangeFailed("unexpected upgrade of the connection"));
      });
      request.once("response", (response) => {
        answered = true;
        readBody(response, maxBytes).then(
          (bytes) => resolve(replyOf(response, bytes)),
          (error: unknown) => {
            request.destroy();
            reject(error instanceof ExchangeFailed ? error : new ExchangeFailed(reasonOf(error)));
          },
        );
      });
      request.end(body);
    });

  return async (exchange, signal) => {
    // a kept connection that the other side had closed: as Go, again, where again does no harm
    for (let turn = 0; turn < 3; turn++) {
      const reply = await once(exchange, signal);
      if (reply !== "stale") return reply;
      if (!["GET", "HEAD", "OPTIONS", "TRACE"].includes(exchange.method)) break;
    }
    throw new ExchangeFailed("server closed idle connection");
  };
}

function headersOf(headers: Headers, body: Buffer, method: string): Record<string, string> {
  const out: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of headers) out[name] = value;
  if (body.length > 0 || withLength.has(method)) out["Content-Length"] = String(body.length);
  return out;
}

/** Answers Node's question for addresses with those that are allowed, and with an error where there are none. */
function guardedLookup(lookup: Lookup, allows: AllowAddress): LookupFunction {
  return (name, options, done) => {
    const give = (addresses: readonly string[]): void => {
      const family = options.family === 4 || options.family === 6 ? options.family : undefined;
      const good = addresses
        .filter(allows)
        .map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))
        .filter((found) => family === undefined || found.family === family);
      const [first] = good;
      if (first === undefined) {
        const none = addresses.length === 0;
        done(new ExchangeFailed(none ? "no such host" : "the host's address is not allowed"), []);
      } else if (options.all === true) done(null, good);
      else done(null, first.address, first.family);
    };
    addressesOf(name, lookup).then(give, (error: unknown) => done(new ExchangeFailed(reasonOf(error)), []));
  };
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    // leaving the loop destroys the connection
    if (size > maxBytes) throw new ExchangeFailed(`the response is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new ExchangeFailed("unexpected EOF");
  return Buffer.concat(chunks, size);
}

function replyOf(response: IncomingMessage, body: Buffer): Reply {
  const headers: [string, string][] = [];
  const { rawHeaders, statusCode = 0, statusMessage = "" } = response;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!hidden.has(name.toLowerCase())) headers.push([name, utf8(rawHeaders[i + 1] ?? "")]);
  }
  return { status: `${statusCode} ${utf8(statusMessage)}`, statusCode, headers, body };
}

/** Node gives one character for each byte. */
function utf8(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

/** INVARIANT: of what Node says only the code is told; a message may hold addresses or parts of a response. */
function reasonOf(error: unknown): string {
  if (error instanceof ExchangeFailed) return error.message;
  const code = codeOf(error);
  const known = reasons[code];
  if (known !== undefined) return known;
  if (/^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_)/.test(code)) {
    return `tls: failed to verify certificate: ${code}`;
  }
  if (/^(?:ERR_SSL|EPROTO|ERR_TLS|ERR_OSSL)/.test(code)) return `tls: handshake failure: ${code}`;
  if (code.startsWith("HPE_")) return `malformed HTTP response: ${code}`;
  return "EOF";
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  // several addresses were tried
  if ("errors" in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  return "code" in error ? String(error.code) : "";
}
