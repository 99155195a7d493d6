/** Sends a request to an upstream, and gives its answer as it comes: what undici's own `request` does, at less per piece. */
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";

/** An answer's body, for one reader. What is left unread must be let go. */
export interface AnswerBody extends AsyncIterable<Buffer> {
  /** Reads and forgets up to `limit` bytes, so that the connection can be used again; drops it beyond. Never rejects. */
  dump(options?: { limit?: number }): Promise<void>;
}

export interface Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AnswerBody;
}

/** What waits unread before the upstream is told to wait, bytes. */
const mostWaiting = 65_536;

/**
 * Sends a request.
 * @throws undici's errors, by their `code`; what the signal's reason is where it aborts
 */
export function sendRequest(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(aborted(signal));
      return;
    }
    let controller: Dispatcher.DispatchController | undefined;
    let body: Incoming | undefined;
    const abort = (): void => controller?.abort(aborted(signal));
    signal.addEventListener("abort", abort, { once: true });
    const settled = (): void => {
      signal.removeEventListener("abort", abort);
    };
    dispatcher.dispatch(options, {
      onRequestStart(given) {
        controller = given;
        if (signal.aborted) abort();
      },
      onResponseStart(given, statusCode, headers) {
        // what is only information (1xx) is for nobody
        if (statusCode < 200) return;
        body = new Incoming(given);
        resolve({ statusCode, headers, body });
      },
      onResponseData(_given, chunk) {
        body?.push(chunk);
      },
      onResponseEnd() {
        settled();
        body?.end();
      },
      onResponseError(_given, error) {
        settled();
        if (body === undefined) reject(error);
        else body.fail(error);
      },
    });
  });
}

function aborted(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error("aborted");
}

interface Waiting {
  resolve(result: IteratorResult<Buffer>): void;
  reject(error: Error): void;
}

/** Holds what came and wasn't read; pieces that came since the last reading are read as one. */
class Incoming implements AnswerBody, AsyncIterableIterator<Buffer> {
  private pieces: Buffer[] = [];
  private size = 0;
  private waiting: Waiting | undefined;
  private over = false;
  private error: Error | undefined;

  constructor(private readonly controller: Dispatcher.DispatchController) {}

  push(piece: Buffer): void {
    const { waiting } = this;
    if (waiting !== undefined) {
      this.waiting = undefined;
      waiting.resolve({ done: false, value: piece });
      return;
    }
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size > mostWaiting) this.controller.pause();
  }

  end(): void {
    this.over = true;
    this.waiting?.resolve({ done: true, value: undefined });
    this.waiting = undefined;
  }

  fail(error: Error): void {
    this.over = true;
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting === undefined) this.error = error;
    else waiting.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Buffer>> {
    const [first] = this.pieces;
    if (first !== undefined) {
      const value = this.pieces.length === 1 ? first : Buffer.concat(this.pieces, this.size);
      this.pieces = [];
      this.size = 0;
      if (this.controller.paused) this.controller.resume();
      return Promise.resolve({ done: false, value });
    }
    if (this.error !== undefined) return Promise.reject(this.error);
    if (this.over) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Buffer>> {
    this.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  async dump({ limit = mostWaiting }: { limit?: number } = {}): Promise<void> {
    let left = limit;
    try {
      for (let piece = await this.next(); piece.done !== true; piece = await this.next()) {
        left -= piece.value.length;
        if (left < 0) break;
      }
    } catch {
      // it's to be forgotten anyway
    }
    this.leave();
  }

  private leave(): void {
    this.pieces = [];
    this.size = 0;
    if (!this.over) this.controller.abort(new Error("nobody reads on"));
  }
}
