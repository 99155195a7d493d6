/** Holds a stream open on which a server speaks of its own accord, for as long as somebody listens. */
import { createBackOff } from "../back-off.js";
import { createDeadline } from "../deadline.js";
import type { Message } from "../messages.js";
import type { LinkParts } from "../parts.js";
import { createRate, mostUnasked } from "../rate.js";
import type { Answered } from "./send.js";
import type { Cursor, Verdict } from "./stream.js";
import { readStream } from "./stream.js";

export interface Listening {
  readonly signal: AbortSignal;
  /** `over`: there is no such stream, and won't be. */
  readonly open: (signal: AbortSignal, lastId: string | undefined) => Promise<Answered | "failed" | "over">;
  readonly take: (message: Message) => Verdict;
}

const backOff = { minMs: 500, maxMs: 30_000 };
/** A stream that lasted so long was a good one, milliseconds. */
const goodMs = 60_000;

/** Opens the stream again and again until the signal aborts. Never rejects. */
export async function keepListening(
  { sleep, random, clock }: Pick<LinkParts, "sleep" | "random" | "clock">,
  { signal, open, take }: Listening,
): Promise<void> {
  const floods = createRate(clock, mostUnasked);
  const waits = createBackOff(backOff.minMs, backOff.maxMs, random);
  const cursor: Cursor = {};
  while (!signal.aborted) {
    const one = createDeadline([signal]);
    const from = clock();
    const answer = await open(one.signal, cursor.lastId);
    if (answer !== "failed" && answer !== "over") {
      let heard = false;
      const listen = (message: Message): Verdict => {
        heard = true;
        return floods() ? "invalid" : take(message);
      };
      const end = await readStream(
        answer.body,
        cursor,
        { take: listen, quotesKey: answer.quotesKey },
        one.abort,
        true,
      );
      if (end.kind !== "invalid" && (heard || clock() - from > goodMs)) waits.reset();
    }
    one.settle();
    if (answer === "over") return;
    await sleep(Math.max(waits.next(), Math.min(cursor.retryMs ?? 0, backOff.maxMs)), signal);
  }
}
