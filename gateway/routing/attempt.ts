/** One attempt at one deployment: timed, counted, and judged before anything reaches the client. */
import type { Refusal } from "../../sidecar/contract.js";
import type { Forwarded } from "../forward/forward.js";
import { collect, discard, mediaType } from "../forward/forward.js";
import type { Begun } from "./begin.js";
import { begin } from "./begin.js";
import type { Verdict } from "./breaker.js";
import type { Deployment, FallbackKind } from "./deployment.js";
import type { Health } from "./health.js";
import { errorKind, isRetryable } from "./judge.js";
import { limit } from "./limit.js";

export type Answered = Extract<Forwarded, { kind: "answered" }>;
export type Failed = Extract<Forwarded, { kind: "failed" }>;

/** Sends to a deployment; a refusal is final. */
export type Send = (deployment: Deployment, signal: AbortSignal) => Promise<Forwarded | Refusal>;

/** What came of an attempt. Nothing of it has reached the client. */
export type Attempted =
  | {
      readonly kind: "answered";
      readonly answer: Answered;
      /** The answer's body, timed; it counts as under way until it ends, or is left by {@link close}. */
      readonly body: AsyncIterable<Buffer>;
      /** Tells whether it ended because a time was up. */
      readonly timedOut: () => boolean;
      /** Ends what is left; harmless twice. */
      readonly close: () => void;
    }
  | {
      /** An error in the upstream's words, as far as it is of bearable size. */
      readonly kind: "error";
      readonly answer: Answered;
      readonly error: Buffer | undefined;
      readonly retryable: boolean;
      readonly retryAfter: string | undefined;
      readonly fallback: FallbackKind | undefined;
    }
  | {
      readonly kind: "failed";
      readonly code: Failed["code"];
      readonly retryable: boolean;
      readonly retryAfter: string | undefined;
      readonly fallback: FallbackKind | undefined;
    }
  | { readonly kind: "aborted" }
  | Refusal;

export interface AttemptParts {
  readonly deployment: Deployment;
  readonly health: Health;
  readonly send: Send;
  readonly stream: boolean;
  readonly expects?: (mediaType: string) => boolean;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  readonly clock: () => number;
}

/** The largest error of an upstream that is read, bytes. */
const maxError = 65_536;

export async function attempt(parts: AttemptParts): Promise<Attempted> {
  const { deployment, health, stream, signal, clock } = parts;
  const { firstTokenMs, betweenTokensMs, totalMs } = deployment.timeouts;
  const settle = health.breaker.enter();
  const limits = limit(signal, (firstTokenMs ?? betweenTokensMs ?? totalMs) !== undefined);
  health.inFlight++;
  let open = true;
  const end = (verdict: Verdict): void => {
    if (!open) return;
    open = false;
    limits.clear();
    health.inFlight--;
    settle(signal.aborted ? "nothing" : verdict);
  };
  const failed = (code: Failed["code"], more: Partial<Failed> = {}): Attempted => {
    end(code === "assertion_unavailable" ? "nothing" : more.status === 429 ? "works" : "fails");
    if (signal.aborted) return { kind: "aborted" };
    const retryable = more.unanswered === true || isRetryable(more.status);
    const fallback = code === "assertion_unavailable" ? undefined : "general";
    return { kind: "failed", code, retryable, retryAfter: more.retryAfter, fallback };
  };
  const started = clock();
  try {
    if (totalMs !== undefined) limits.after(totalMs);
    const cancelFirst = firstTokenMs === undefined ? undefined : limits.after(firstTokenMs);
    const sent = await parts.send(deployment, limits.signal);
    if (sent.kind === "refusal") {
      end("nothing");
      return sent;
    }
    if (sent.kind === "aborted") return failed("upstream_timeout");
    if (sent.kind === "failed") return failed(sent.code, sent);
    const { status, headers, body } = sent;
    const ok = status >= 200 && status < 300;
    const type = mediaType(headers);
    const expected =
      ok && parts.expects !== undefined
        ? parts.expects(type)
        : type === (ok && stream ? "text/event-stream" : "application/json");
    if (status < 200 || !expected) {
      discard(body);
      return failed("upstream_invalid", { status, ...retryAfterOf(sent) });
    }
    if (!ok) {
      const error = await collect(body, maxError);
      if (limits.signal.aborted) return failed("upstream_timeout");
      end(isRetryable(status) && status !== 429 && status !== 409 ? "fails" : "works");
      const [retryable, fallback] = [isRetryable(status), errorKind(status, error)];
      return {
        kind: "error",
        answer: sent,
        error,
        retryable,
        fallback,
        retryAfter: retryAfterOf(sent).retryAfter,
      };
    }
    const given = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    // a stream that gives nothing, an error, or breaks off before it gives anything can still be had from elsewhere
    let begun: Begun;
    let took: number;
    try {
      const first = await given.next();
      took = clock() - started;
      begun = stream ? await begin(first, given) : { kind: "begun", first, pieces: given };
    } catch (error) {
      const slow = limits.timedOut() || isTimeout(error);
      return failed(slow ? "upstream_timeout" : "upstream_unavailable", { unanswered: !slow });
    }
    if (begun.kind === "error") {
      const { status: meant, body: error } = begun;
      discard(body);
      // as one by status: of our own credential, or of the upstream itself, the client learns nothing
      if (meant >= 500 || meant === 401 || meant === 403) {
        return failed("upstream_invalid", { status: meant, ...retryAfterOf(sent) });
      }
      end("works");
      const answer = {
        ...sent,
        status: meant,
        headers: { ...headers, "content-type": "application/json" },
      };
      const [retryable, fallback] = [isRetryable(meant), errorKind(meant, error)];
      const { retryAfter } = retryAfterOf(sent);
      return { kind: "error", answer, error, retryable, fallback, retryAfter };
    }
    const { first, pieces } = begun;
    cancelFirst?.();
    settle("begins");
    health.took(took, stream);
    const close = (): void => {
      end("nothing");
      discard(body);
    };
    return {
      kind: "answered",
      answer: sent,
      body: timed(
        first,
        pieces,
        () => (betweenTokensMs === undefined ? undefined : limits.after(betweenTokensMs)),
        end,
      ),
      timedOut: limits.timedOut,
      close,
    };
  } catch (error) {
    end("nothing");
    throw error;
  }
}

function isTimeout(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code).includes("TIMEOUT");
}

function retryAfterOf({ headers }: Answered): { retryAfter?: string } {
  const value = headers["retry-after"];
  return value === undefined ? {} : { retryAfter: value };
}

/** Passes pieces on; the wait for each is timed, and not the client's time to take it. */
async function* timed(
  first: IteratorResult<Buffer>,
  pieces: AsyncIterator<Buffer>,
  time: () => (() => void) | undefined,
  end: (verdict: Verdict) => void,
): AsyncGenerator<Buffer> {
  // who stops reading at the stream's own end has had all of it
  let verdict: Verdict = "works";
  try {
    for (let piece = first; piece.done !== true;) {
      yield piece.value;
      const cancel = time();
      try {
        piece = await pieces.next();
      } catch (error) {
        verdict = "fails";
        throw error;
      } finally {
        cancel?.();
      }
    }
  } finally {
    end(verdict);
    await pieces.return?.();
  }
}
