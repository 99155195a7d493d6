import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { buildConnector } from "undici";
import { buildConnector as makeConnector, Pool } from "undici";
import type { Assertion, Credentials } from "../../sidecar/contract.js";
import type { UpstreamConfig } from "../config.js";
import type { SecretConfig } from "../secrets/read-config.js";
import type { Secret } from "../secrets/secret.js";
import { secretsOf } from "../upstreams/secrets-of.js";
import type { Proof, ProveParts } from "../upstreams/prove.js";
import { noToken, proveByKey, proveOtherwise } from "../upstreams/prove.js";
import type { ReadAnswer } from "../upstreams/read-answer.js";
import type { ParamHeaders, ProtocolHeaders } from "./headers.js";
import { upstreamHeaders } from "./headers.js";
import { keepFromBody, keepFromHeaders } from "./keep-secrets.js";
import { drained } from "./drained.js";
import type { Dial, Identify, Pass } from "./pass.js";
import { createPass } from "./pass.js";
import type { AnswerBody } from "./request.js";
import { sendRequest } from "./request.js";

export interface ForwardRequest {
  readonly upstream: UpstreamConfig;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  /** Appended to the upstream's own path. */
  readonly path: string;
  /** Stands instead of the upstream's own path and query: where it said itself that it is to be spoken to. */
  readonly at?: Pick<URL, "pathname" | "search">;
  /** Only what the protocol needs: nothing of the client's headers travels unless it is named here. */
  readonly headers?: ProtocolHeaders;
  readonly paramHeaders?: ParamHeaders | undefined;
  /** Arguments of an operation of an OpenAPI document that are headers; what the gateway writes itself stands above them. */
  readonly operationHeaders?: Readonly<Record<string, string>>;
  /** What the sidecar signed for this request; it is sent where the upstream is configured for it, and nowhere else. */
  readonly assertion: Assertion | undefined;
  /** The token of a task that was made for this upstream. INVARIANT: never the caller's own. */
  readonly task?: string | undefined;
  /** A stream can be sent once only. */
  readonly body?: string | Buffer | Readable;
  /** Of the body; JSON unless given. */
  readonly contentType?: string;
  /** Makes the answer one of the upstream's protocol; absent: it is one. */
  readonly readAnswer?: ReadAnswer | undefined;
  /** Between two chunks of the answer, milliseconds; as the upstream's unless given. */
  readonly bodyTimeoutMs?: number;
  /**
   * What the caller proved itself by, for upstreams that take a token in exchange for it.
   * INVARIANT: it goes to the configured token endpoint, and never to the upstream.
   */
  readonly caller?: Credentials;
  readonly signal: AbortSignal;
}

export type Forwarded =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: AnswerBody;
      /** Tells whether a text holds the credential that was sent. */
      readonly quotesKey: (text: string) => boolean;
    }
  | {
      readonly kind: "failed";
      readonly code:
        "upstream_unavailable" | "upstream_timeout" | "upstream_invalid" | "assertion_unavailable";
      /** Nothing of an answer came: there was no connection, or it was lost before. */
      readonly unanswered?: boolean;
      /** Of the answer that isn't passed on. */
      readonly status?: number;
      readonly retryAfter?: string;
    }
  | { readonly kind: "aborted" };

export type Forward = (request: ForwardRequest) => Promise<Forwarded>;

export interface Forwarder {
  readonly forward: Forward;
  /** For named routes. */
  readonly pass: Pass;
  readonly dial: Dial;
  /** Lets go of an upstream that is configured no more, and that nobody asks any more. */
  leave(upstream: UpstreamConfig): Promise<void>;
  close(): Promise<void>;
}

/** How to connect to an upstream that is configured with `tls`, as certificates change. */
export interface ConnectTls {
  /** Another one where connections made so far are of the past. */
  version(): string;
  /** Makes connections with what counts now. */
  connector(timeoutMs: number): buildConnector.connector;
  close(): void;
}

/** What tells that a request brought no answer, not even the beginning of one. */
const unansweredCodes: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"],
  ...["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_SOCKET", noToken],
]);

export interface ForwarderParts {
  /** Gives an open credential. */
  readonly secretOf: (config: SecretConfig) => Secret;
  /** How to connect to an upstream that is configured with `tls`. */
  readonly tlsOf: (upstream: UpstreamConfig) => ConnectTls | undefined;
  /** For upstreams that take more than a key. */
  readonly proving?: Pick<ProveParts, "tokens" | "signAws">;
}

type ReadSecret = (source: SecretConfig) => string;

/** Creates the way to the upstreams: a pool per origin and its timeouts. */
export function createForwarder({ secretOf, tlsOf, proving }: ForwarderParts): Forwarder {
  const read: ReadSecret = (source) => secretOf(source).values()[0];
  /** Where a change is young, the one that wasn't tried. */
  const readOther: ReadSecret = (source) => {
    const [first, other] = secretOf(source).values();
    return other ?? first;
  };
  /** What of an upstream's credentials can be tried otherwise; a signature or a token is made of what is newest. */
  const othersOf = (upstream: UpstreamConfig): { took(): void }[] => {
    const secrets = upstream.credentials === undefined ? secretsOf(upstream).map(secretOf) : [];
    return secrets.flatMap((secret) => {
      const [, other] = secret.values();
      return other === undefined ? [] : [{ took: () => secret.took(other) }];
    });
  };
  const pools = new Map<UpstreamConfig, { readonly pool: Pool; readonly version: string | undefined }>();
  const left = new WeakSet<UpstreamConfig>();
  const poolOf = (upstream: UpstreamConfig): Pool => {
    if (left.has(upstream)) throw new Error("the upstream is configured no more");
    const known = pools.get(upstream);
    const tls = tlsOf(upstream);
    // INVARIANT: an upstream that is configured with `tls` is never spoken to without
    if (upstream.tls !== undefined && tls === undefined) throw new Error("the upstream's tls isn't open");
    const version = tls?.version();
    if (known !== undefined && known.version === version) return known.pool;
    // what is under way ends in peace; nothing new goes by the old certificates
    known?.pool.close().catch(() => undefined);
    const pool = new Pool(upstream.url.origin, {
      connect: tls?.connector(upstream.connectTimeoutMs) ?? { timeout: upstream.connectTimeoutMs },
      headersTimeout: upstream.headersTimeoutMs,
      bodyTimeout: upstream.bodyTimeoutMs,
      pipelining: 1,
    });
    pools.set(upstream, { pool, version });
    return pool;
  };
  /** Sends once, with one credential. */
  const sendWith = async (request: ForwardRequest, read: ReadSecret): Promise<Forwarded> => {
    const { upstream, method, headers: protocol, assertion, body, contentType, signal } = request;
    try {
      const wanted = upstream.assertion;
      const path = pathOf(request.at ?? upstream.url, request.path);
      const proof: Proof =
        upstream.credentials === undefined
          ? proveByKey(upstream, upstream.apiKey && read(upstream.apiKey), read)
          : await proveOtherwise(
              upstream,
              { method, path, body, contentType, signal, subject: subjectOf(request) },
              { read, ...needed(proving) },
            );
      const headers = upstreamHeaders({
        protocol,
        params: request.paramHeaders,
        operation: request.operationHeaders,
        hasBody: body !== undefined,
        contentType,
        own: proof.headers,
        wanted,
        assertion,
        task: request.task,
      });
      if (headers === undefined) return { kind: "failed", code: "assertion_unavailable" };
      const { bodyTimeoutMs } = request;
      const patience = bodyTimeoutMs === undefined ? {} : { bodyTimeout: bodyTimeoutMs };
      const asks = { path, method, headers, body: body ?? null, ...patience };
      const answer = await sendRequest(poolOf(upstream), asks, signal);
      const { statusCode, headers: received } = answer;
      const encoding = received["content-encoding"];
      const redirected = statusCode >= 300 && statusCode < 400;
      // a refusal of our own credential is no answer to the client, and may quote the credential
      const ours = statusCode === 401 || statusCode === 403;
      if (statusCode === 401) proof.refused?.();
      if (redirected || ours || statusCode >= 500 || (encoding !== undefined && encoding !== "identity")) {
        discard(answer.body);
        const retryAfter = received["retry-after"];
        return {
          kind: "failed",
          code: "upstream_invalid",
          status: statusCode,
          ...(typeof retryAfter === "string" ? { retryAfter } : {}),
        };
      }
      const signed = [assertion?.token ?? [], request.task ?? []].flat();
      const secrets = signed.length === 0 ? proof.secrets : [...proof.secrets, ...signed];
      const quotesKey = (text: string): boolean => secrets.some((secret) => text.includes(secret));
      const kept = keepFromHeaders(received, secrets);
      const told = { status: statusCode, headers: kept, body: answer.body, quotesKey };
      const answered = { kind: "answered", ...told } as const;
      const given = request.readAnswer === undefined ? answered : await request.readAnswer(answered);
      return given.kind === "answered" ? { ...given, body: keepFromBody(given.body, secrets) } : given;
    } catch (error) {
      if (signal.aborted) return { kind: "aborted" };
      const code = String((error as { code?: unknown } | null)?.code);
      return {
        kind: "failed",
        code: code.includes("TIMEOUT") ? "upstream_timeout" : "upstream_unavailable",
        unanswered: unansweredCodes.has(code),
      };
    }
  };
  const identifyBy = (upstream: UpstreamConfig, assertion: Assertion | undefined, read: ReadSecret) => {
    const { apiKey, assertion: wanted } = upstream;
    const proof = proveByKey(upstream, apiKey === undefined ? undefined : read(apiKey), read);
    const headers = upstreamHeaders({
      protocol: undefined,
      hasBody: false,
      own: proof.headers,
      wanted,
      assertion,
    });
    const secrets = assertion === undefined ? proof.secrets : [...proof.secrets, assertion.token];
    return headers && { headers, secrets };
  };
  const identify: Identify = (upstream, assertion) => identifyBy(upstream, assertion, read);
  const pass = createPass({ poolOf, identify });
  const passOther = createPass({
    poolOf,
    identify: (upstream, assertion) => identifyBy(upstream, assertion, readOther),
  });
  return {
    async pass(request) {
      const answer = await pass(request);
      if (answer.kind !== "answered" || !isRefusal(answer.status) || isSpent(request.body)) return answer;
      const others = othersOf(request.upstream);
      if (others.length === 0) return answer;
      discard(answer.body);
      const second = await passOther(request);
      if (second.kind === "answered" && !isRefusal(second.status)) for (const one of others) one.took();
      return second;
    },
    dial(upstream, assertion) {
      const own = identify(upstream, assertion);
      const tls = tlsOf(upstream);
      if (upstream.tls !== undefined && tls === undefined) throw new Error("the upstream's tls isn't open");
      const timeout = upstream.connectTimeoutMs;
      return own && { ...own, connect: tls?.connector(timeout) ?? makeConnector({ timeout }) };
    },
    async forward(request) {
      const answer = await sendWith(request, read);
      if (!refusesKey(answer) || isSpent(request.body)) return answer;
      // within the overlap of a change: nothing of the refusal has reached the client
      // a token that was refused is forgotten: another one may do, once
      if (asksForTokens(request.upstream) && answer.status === 401) return sendWith(request, read);
      const others = othersOf(request.upstream);
      if (others.length === 0) return answer;
      const second = await sendWith(request, readOther);
      if (second.kind === "answered") for (const one of others) one.took();
      return second;
    },
    async leave(upstream) {
      const known = pools.get(upstream);
      pools.delete(upstream);
      left.add(upstream);
      await known?.pool.close();
    },
    async close() {
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
    },
  };
}

/** INVARIANT: an upstream that takes more than a key is never asked without. */
function needed(proving: ForwarderParts["proving"]): Pick<ProveParts, "tokens" | "signAws"> {
  if (proving === undefined) throw new Error("nothing proves who asks");
  return proving;
}

/** Appends a path to an upstream's own; both may have a query. */
function pathOf({ pathname, search }: Pick<URL, "pathname" | "search">, path: string): string {
  const query = search !== "" && path.includes("?") ? `&${search.slice(1)}` : search;
  return `${pathname.replace(/\/$/, "")}${path}${query}` || "/";
}

/** Gives the media type without its parameters, lower-case. */
export function mediaType(headers: IncomingHttpHeaders): string {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** Reads and forgets a small body, so that its connection can be used again; drops the connection of a large one. */
export function discard(body: Pick<AnswerBody, "dump">): void {
  body.dump({ limit: 65_536 }).catch(() => undefined);
}

/** What a caller proved itself by, where a token may be given in exchange for it. */
function subjectOf({ caller }: ForwardRequest): string | undefined {
  return caller?.bearer ?? caller?.dpop?.token;
}

function asksForTokens({ credentials }: UpstreamConfig): boolean {
  return credentials?.kind === "oauth" || credentials?.kind === "token_exchange";
}

function refusesKey(answer: Forwarded): answer is Extract<Forwarded, { kind: "failed" }> {
  return answer.kind === "failed" && answer.status !== undefined && isRefusal(answer.status);
}

function isRefusal(status: number): boolean {
  return status === 401 || status === 403;
}

/** A body that streamed is gone. */
function isSpent(body: ForwardRequest["body"]): boolean {
  return typeof body === "object" && !Buffer.isBuffer(body);
}

/**
 * Passes a body on as it comes, no faster than the client reads.
 * @returns how it ended, and the bytes sent
 */
export async function passOn(
  body: AsyncIterable<Buffer>,
  res: ServerResponse,
  signal: AbortSignal,
): Promise<Passed> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (!res.write(chunk)) await drained(res, signal);
    }
    return { ended: signal.aborted ? "aborted" : "whole", bytes };
  } catch {
    return { ended: signal.aborted ? "aborted" : "cut", bytes };
  }
}

export interface Passed {
  readonly ended: "whole" | "cut" | "aborted";
  readonly bytes: number;
}

/** Collects a bounded body; undefined where it is larger, cut or aborted. */
export async function collect(body: AsyncIterable<Buffer>, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > limit) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  } catch {
    return undefined;
  }
}
