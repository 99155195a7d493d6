/** Counts what the decision log says, and compares it with what was asked. */
import { createReadStream } from "node:fs";
import { stat, truncate } from "node:fs/promises";
import { createInterface } from "node:readline";

export interface Recorded {
  readonly decisions: number;
  readonly allowed: number;
  /** Decided by an evaluation, not from the cache. */
  readonly evaluated: number;
  /** Whose identity was verified by the token's signature, and not from the cache of verified tokens: distinct tokens. */
  readonly tokens: number;
  /** Lines that tell what became of a request. */
  readonly outcomes: number;
}

export interface Records {
  /**
   * Waits until so many decisions and outcomes are recorded, or nothing comes any more, counts them, and empties the log.
   * Outcomes may be fewer: the gateway drops them rather than keep requests waiting.
   * @throws Error where there are more or fewer decisions than requests, or one isn't an allowed one
   */
  settle(requests: number): Promise<Recorded>;
}

const stepMs = 100;
/** Nothing came for so long: nothing will. Decisions must come; outcomes may not. */
const patienceMs = { decisions: 5_000, outcomes: 600 };

/** Watches one decision log, which is empty now. */
export function createRecords(file: string): Records {
  return {
    async settle(requests) {
      let size = -1;
      let patience = patienceMs.decisions;
      for (let still = 0; still < patience; still += stepMs) {
        const now = (await stat(file)).size;
        if (now !== size) {
          size = now;
          still = 0;
          const found = await count(file);
          if (found.decisions >= requests && found.outcomes >= requests) break;
          if (found.decisions >= requests) patience = patienceMs.outcomes;
        }
        await new Promise((resolve) => setTimeout(resolve, stepMs));
      }
      const found = await count(file);
      const { decisions, allowed, outcomes } = found;
      if (decisions !== requests || allowed !== requests || outcomes > requests) {
        throw new Error(
          `${requests} requests were sent, and recorded: ${decisions} decisions, ${allowed} of them allowed, ${outcomes} outcomes`,
        );
      }
      await truncate(file);
      return found;
    },
  };
}

async function count(file: string): Promise<Recorded> {
  let [decisions, allowed, evaluated, outcomes] = [0, 0, 0, 0];
  const tokens = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (line.includes('"type":"outcome"')) outcomes++;
    if (!line.includes('"type":"decision"')) continue;
    decisions++;
    if (line.includes('"allow":true')) allowed++;
    if (line.includes('"cache":"none"')) evaluated++;
    const token = /"method":"jwt","id":"([^"]+)"/.exec(line)?.[1];
    if (token !== undefined) tokens.add(token);
  }
  return { decisions, allowed, evaluated, tokens: tokens.size, outcomes };
}
