/**
 * Queues records and writes them in batches, off the decision path.
 *
 * `buffered`: `record` returns at once; a full queue drops its oldest records and counts them; a failed write is tried
 * again. A crash can lose what the last `everyMs` and the queue hold.
 * `strict`: `record` returns a promise that settles when the line is written; rejected, the decision must be denied
 * with `record_failed`. The line may have been written all the same (late): a record too many, never one too few.
 */
import { createQueue } from "./queue.js";
import type { Sink } from "./sink.js";

export type DecisionLogMode = "buffered" | "strict";

export interface DecisionLogLimits {
  /** Records that may wait; 10,000. */
  readonly events?: number;
  /** Bytes of content that waiting records may keep alive, as their callers state them; 64 MiB. */
  readonly bytes?: number;
  /** Records per write; 200, so that writing a batch holds up decisions for a few ms at most. */
  readonly batch?: number;
  /** Longest wait before a batch is written in buffered mode, in milliseconds; 50. */
  readonly everyMs?: number;
  /** Longest wait for the destination: in strict mode before records are refused, five times as long at close before giving up; 1,000. */
  readonly waitMs?: number;
}

export interface DecisionLogParts<Record> {
  readonly sink: Sink;
  readonly mode: DecisionLogMode;
  /** Writes a record as one JSON text without a line break; undefined where a policy wants it left out. */
  readonly line: (record: Record) => string | undefined;
  /**
   * Told of every record's fate: `failed` counts attempts that failed, `dropped` records that are lost, `excluded` those that
   * a policy wants left out.
   */
  readonly onEvents?: (result: "written" | "dropped" | "failed" | "excluded", count: number) => void;
  readonly limits?: DecisionLogLimits;
}

export interface DecisionLog<Record> {
  /**
   * Takes a record, which must not change any more.
   * @param bytes size of the content that the record keeps alive (its request body)
   * @returns undefined in buffered mode; in strict mode a promise that rejects where the record isn't written.
   */
  record(record: Record, bytes?: number): Promise<void> | undefined;
  /** Waits until everything recorded so far is written, dropped or refused. */
  flush(): Promise<void>;
  /** Writes what is left, then closes the sink; later records are dropped (strict: refused). */
  close(): Promise<void>;
}

interface Waiting<Record> {
  /** Until its line is written. */
  record: Record | undefined;
  text: string;
  bytes: number;
  readonly settle?: (error?: Error) => void;
}

/** Content per write, so that digesting large bodies holds up decisions for a few ms at most, too. */
const batchBytes = 1024 * 1024;
/** And so with policies that are asked of each record. */
const mostMs = 2;
const retryMs = [50, 100, 250, 500, 1_000] as const;

/** Creates the decision log on a sink. */
export function createDecisionLog<Record>(parts: DecisionLogParts<Record>): DecisionLog<Record> {
  const { sink, mode, line, onEvents = () => undefined } = parts;
  const { events = 10_000, bytes: maxBytes = 64 * 1024 * 1024, batch = 200 } = parts.limits ?? {};
  const { everyMs = 50, waitMs = 1_000 } = parts.limits ?? {};
  const queue = createQueue<Waiting<Record>>(events);
  let queuedBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;
  let writing: Promise<void> | undefined;
  /** The destination has kept a strict batch waiting for too long and still does. */
  let stuck = false;
  let closing = false;
  /** Records of the batch that a buffered log is writing. */
  let inFlight = 0;
  /** Recorded in this turn. */
  let fresh: Waiting<Record>[] = [];

  /** A text is easier to keep than what it says: records die young. */
  function putInWords(waiting: Waiting<Record>): void {
    const { record } = waiting;
    if (record === undefined) return;
    const text = line(record);
    waiting.text = text === undefined ? "" : `${text}\n`;
    waiting.record = undefined;
  }

  /** Writes this turn's lines once its decisions are on their way; not all at once where much is to be digested. */
  function putFreshInWords(): void {
    let done = 0;
    const until = performance.now() + mostMs;
    for (let content = 0; done < fresh.length && done < batch && content < batchBytes; done++) {
      if (done % 16 === 15 && performance.now() > until) break;
      const waiting = fresh[done];
      // what was written or lost meanwhile isn't waiting any more
      if (waiting?.record === undefined) continue;
      const { bytes: before } = waiting;
      content += before;
      putInWords(waiting);
      waiting.bytes = waiting.text.length;
      queuedBytes += waiting.bytes - before;
    }
    fresh = fresh.slice(done);
    if (fresh.length > 0) setImmediate(putFreshInWords);
  }

  function take(): Waiting<Record> | undefined {
    const waiting = queue.shift();
    if (waiting !== undefined) queuedBytes -= waiting.bytes;
    return waiting;
  }

  function exclude(waiting: Waiting<Record>): void {
    onEvents("excluded", 1);
    waiting.settle?.();
  }

  function lose(waiting: Waiting<Record>): void {
    onEvents("dropped", 1);
    waiting.record = undefined;
    waiting.settle?.(new Error("the decision log is not accepting records"));
  }

  function wake(): void {
    if (writing !== undefined || soon !== undefined) return;
    if (mode === "strict" || queue.size() >= batch) {
      soon = setImmediate(() => {
        soon = undefined;
        start();
      });
    } else timer ??= setTimeout(start, everyMs);
  }

  function start(): void {
    clearTimeout(timer);
    timer = undefined;
    writing ??= drain().finally(() => {
      writing = undefined;
      if (queue.size() > 0) wake();
    });
  }

  async function drain(): Promise<void> {
    while (queue.size() > 0) {
      const taken: Waiting<Record>[] = [];
      let text = "";
      let content = 0;
      const until = performance.now() + mostMs;
      while (taken.length < batch && content < batchBytes && text.length < batchBytes) {
        if (taken.length % 16 === 15 && performance.now() > until) break;
        const waiting = take();
        if (waiting === undefined) break;
        content += waiting.bytes;
        putInWords(waiting);
        if (waiting.text === "") exclude(waiting);
        else {
          taken.push(waiting);
          text += waiting.text;
        }
      }
      if (taken.length > 0)
        await (mode === "strict" ? writeOnce(taken, text) : writeUntilDone(taken.length, text));
      // between batches, decisions go first
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function writeOnce(taken: readonly Waiting<Record>[], text: string): Promise<void> {
    const late = setTimeout(() => {
      stuck = true;
      onEvents("failed", taken.length);
      const error = new Error("the decision log's destination did not answer in time");
      for (const waiting of taken) waiting.settle?.(error);
      for (let waiting = take(); waiting !== undefined; waiting = take()) lose(waiting);
    }, waitMs);
    try {
      await sink.write(text);
      onEvents("written", taken.length);
      for (const waiting of taken) waiting.settle?.();
    } catch {
      if (!stuck) onEvents("failed", taken.length);
      const error = new Error("the decision log could not be written");
      for (const waiting of taken) waiting.settle?.(error);
    } finally {
      clearTimeout(late);
      stuck = false;
    }
  }

  async function writeUntilDone(count: number, text: string): Promise<void> {
    inFlight = count;
    for (let attempt = 0; ; attempt++) {
      try {
        await sink.write(text);
        onEvents("written", count);
        inFlight = 0;
        return;
      } catch {
        onEvents("failed", count);
      }
      if (closing && attempt >= 2) {
        onEvents("dropped", count);
        inFlight = 0;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, closing ? 10 : retryMs[Math.min(attempt, 4)]));
    }
  }

  async function flush(): Promise<void> {
    while (queue.size() > 0 || writing !== undefined) {
      if (writing === undefined) start();
      await writing;
    }
  }

  return {
    record(record, bytes = 1_024) {
      if (mode === "buffered") {
        if (closing) onEvents("dropped", 1);
        else {
          queuedBytes += bytes;
          const waiting = { record, text: "", bytes };
          queue.push(waiting);
          if (fresh.length === 0) setImmediate(putFreshInWords);
          fresh.push(waiting);
          while (queue.size() > events || (queuedBytes > maxBytes && queue.size() > 1)) {
            const oldest = take();
            if (oldest !== undefined) oldest.record = undefined;
            onEvents("dropped", 1);
          }
          wake();
        }
        return undefined;
      }
      return new Promise((resolve, reject) => {
        const settle = (error?: Error): void => (error === undefined ? resolve() : reject(error));
        const waiting = { record, text: "", bytes, settle };
        // strict: the newest is refused, since each of the older ones still holds up its caller
        if (closing || stuck || queue.size() >= events || queuedBytes + bytes > maxBytes) lose(waiting);
        else {
          queuedBytes += bytes;
          queue.push(waiting);
          wake();
        }
      });
    },
    flush,
    async close() {
      closing = true;
      let gaveUp: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        gaveUp = setTimeout(resolve, waitMs * 5);
      });
      await Promise.race([flush(), limit]);
      if (inFlight > 0) onEvents("dropped", inFlight);
      for (let waiting = take(); waiting !== undefined; waiting = take()) lose(waiting);
      await Promise.race([sink.close(), limit]);
      clearTimeout(gaveUp);
    },
  };
}
