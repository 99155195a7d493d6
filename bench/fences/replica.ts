/** One replica's fences, in a process of its own: tells when each fence cuts off here. */
import { randomUUID } from "node:crypto";
import type { Log } from "../../sidecar/record/log.js";
import { openFences } from "../../sidecar/state/fences/open.js";

/** Milliseconds since the epoch, finely: all replicas are on one machine. */
export function instant(): number {
  return performance.timeOrigin + performance.now();
}

const [redisAt = ""] = process.argv.slice(2);
const nothing = (): void => undefined;
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const fences = await openFences({
  config: {
    ...{ onPartition: "deny", staleAfterMs: 1_000, pollMs: 250, secondPerson: false, max: 20_000, rules: [] },
  },
  ...{ redisAt, secret: "a-secret-of-the-fleet-that-is-long-enough", log },
  now: Date.now,
  newId: randomUUID,
});
fences.subscribe(({ fences: some }) => {
  for (const { match } of some) {
    // what counts is that a decision would be denied
    if (typeof fences.check([`subject:${match.subject ?? ""}`]) === "object")
      process.send?.({ kind: "cut", subject: match.subject, at: instant() });
  }
});
process.on("message", (subject: string) => {
  const at = instant();
  void fences.add({ match: { subject }, reason: "bench", by: "bench" }).then(({ kind }) => {
    process.send?.({ kind: "added", subject, at, written: instant() - at, result: kind });
  });
});
const waiting = setInterval(() => {
  if (fences.status().stale) return;
  clearInterval(waiting);
  process.send?.({ kind: "ready" });
}, 10);
