/** Keeps many paced streams open at once and times each chunk against the moment that the provider wrote down in it. */
import { connect } from "node:net";
import { chunksPerStream } from "./answers.js";
import { requestsOf } from "./cases.js";
import { createAnswerReader } from "./read-answer.js";
import type { System } from "./systems.js";

export interface PacedPlan {
  readonly streams: number;
  /** Milliseconds between the chunks of a stream. */
  readonly everyMs: number;
  /** Chunks of a stream; the first and the last ones of each place are shorter, so that they don't all end at once. */
  readonly chunks: number;
  /** Milliseconds. */
  readonly duration: number;
}

export interface Paced {
  readonly streams: number;
  readonly chunks: number;
  /** What broke, each with its reason: a stream that isn't whole, in order, and ended by `[DONE]`. */
  readonly broken: readonly string[];
  /** Milliseconds from the provider's write to the client's read. */
  readonly transit: Float64Array;
  /** Milliseconds between two chunks of a stream at the client. */
  readonly gaps: Float64Array;
}

/** Runs streams until the time is over; each place begins a new one when one ends. */
export async function runPaced(system: System, plan: PacedPlan): Promise<Paced> {
  const found = {
    streams: 0,
    chunks: 0,
    broken: [] as string[],
    transit: [] as number[],
    gaps: [] as number[],
  };
  const start = performance.now();
  const end = start + plan.duration;
  await Promise.all(
    Array.from({ length: plan.streams }, async (_, place) => {
      const share = (place + 1) / plan.streams;
      await sleep(share * Math.min(2_000, plan.duration / 10));
      let chunks = Math.max(chunksPerStream, Math.round(plan.chunks * share));
      for (;;) {
        const left = Math.floor((end - performance.now()) / plan.everyMs);
        if (left < 1) return;
        chunks = Math.min(chunks, left);
        found.streams++;
        const fault = await oneStream(system, plan.everyMs, chunks, found);
        if (fault !== undefined) {
          found.broken.push(fault);
          await sleep(100);
        }
        chunks = plan.chunks;
      }
    }),
  );
  return {
    ...found,
    transit: Float64Array.from(found.transit).sort(),
    gaps: Float64Array.from(found.gaps).sort(),
  };
}

interface Sink {
  chunks: number;
  readonly transit: number[];
  readonly gaps: number[];
}

const stamped = /"content":"(\d{16})"/;

/** Reads one stream on a connection of its own; gives what was wrong with it. */
function oneStream(system: System, everyMs: number, chunks: number, sink: Sink): Promise<string | undefined> {
  const { port, bytes } = requestsOf(system, { kind: "clock", everyMs, chunks }, 1);
  return new Promise((resolve) => {
    let text = "";
    let seen = 0;
    let [before, beforeSent] = [0, 0];
    let disorder = false;
    let now = 0;
    const reader = createAnswerReader((piece) => {
      text += piece.toString("latin1");
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const sent = Number(stamped.exec(event)?.[1] ?? NaN);
        if (Number.isNaN(sent)) continue;
        disorder ||= sent < beforeSent;
        sink.transit.push((now - sent) / 1_000);
        if (seen > 0) sink.gaps.push((now - before) / 1_000);
        [before, beforeSent] = [now, sent];
        seen++;
        sink.chunks++;
      }
    });
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const finish = (fault?: string): void => {
      socket.removeAllListeners("close");
      socket.destroy();
      resolve(fault);
    };
    socket.on("error", (error) => {
      finish(`after ${seen} of ${chunks} chunks: ${error.message}`);
    });
    socket.on("close", () => {
      finish(`closed after ${seen} of ${chunks} chunks`);
    });
    socket.on("data", (piece) => {
      now = Number(process.hrtime.bigint() / 1_000n);
      try {
        if (!reader.take(piece)) return;
      } catch (error) {
        finish((error as Error).message);
        return;
      }
      if (reader.status !== 200) finish(`answered ${reader.status}`);
      else if (disorder) finish("chunks out of order");
      else if (seen !== chunks) finish(`${seen} chunks for ${chunks}`);
      else finish(reader.done ? undefined : "no [DONE]");
    });
    socket.write(bytes);
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
