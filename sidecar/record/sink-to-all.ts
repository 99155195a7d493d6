import type { Sink } from "./sink.js";

/** Writes to all sinks; what is tried again goes only to those that don't have it yet. The slowest sets the pace. */
export function sinkToAll(sinks: readonly Sink[]): Sink {
  let text: string | undefined;
  let left: readonly Sink[] = [];
  return {
    async write(lines) {
      if (lines !== text) [text, left] = [lines, sinks];
      const outcomes = await Promise.allSettled(left.map((sink) => sink.write(lines)));
      left = left.filter((_, i) => outcomes[i]?.status === "rejected");
      const failed = outcomes.find((one) => one.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      text = undefined;
    },
    async close() {
      await Promise.allSettled(sinks.map((sink) => sink.close()));
    },
  };
}
