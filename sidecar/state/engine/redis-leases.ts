/** What calls hold in Redis, and when it lapses. */
import type { RedisContext } from "./redis-context.js";
import type { Settling } from "./redis-settle.js";
import { lapseScript } from "./script.js";
import { writeBack } from "./write-back.js";

export interface Leases {
  /** Notes that something was changed where a prefix says: it is looked after. */
  touch(prefixes: readonly string[]): void;
  /** A holder is gone: what it holds lapses after the grace, unless it comes back. */
  gone(holder: string): void;
  back(holder: string): void;
  close(): void;
}

/** Prefixes that one process looks after, besides those where it holds something. */
const mostTouched = 1_024;

/** Creates what renews this process's lease, and lets lapse what others left behind. */
export function createLeases(context: RedisContext, { unsettled }: Pick<Settling, "unsettled">): Leases {
  const { redis, names, sender, open, pid, nonce, now, leaseMs, graceMs, onEvent, maySweep } = context;
  const leaving = new Map<string, NodeJS.Timeout>();
  const touched = new Set<string>();

  const runLapse = async (prefix: string, more: Readonly<Record<string, unknown>>): Promise<boolean> => {
    const sent = await sender.run(lapseScript, [`${prefix}p`], {
      ...{ P: prefix, t: now(), pid, nonce: nonce(), lease: leaseMs, dids: [], ...more },
    });
    if (sent.kind === "answer" && Number(sent.answer) > 0) onEvent("lapsed", Number(sent.answer));
    return sent.kind === "answer";
  };

  const lapse = async (holder: string): Promise<void> => {
    leaving.delete(holder);
    const by = new Map<string, string[]>();
    for (const id of open.of(holder)) {
      for (const prefix of open.get(id)?.prefixes ?? []) {
        by.set(prefix, [...(by.get(prefix) ?? []), id]);
      }
    }
    for (const [prefix, ids] of by) {
      for (let n = 0; n < ids.length; n += 128) {
        const some = ids.slice(n, n + 128);
        const dids = some.map((id) => names.digest("decision", id));
        if (await runLapse(prefix, { dids })) for (const id of some) open.delete(id);
        else if (!leaving.has(holder)) leave(holder);
      }
    }
  };
  const leave = (holder: string): void => {
    leaving.set(holder, setTimeout(() => void lapse(holder), graceMs).unref());
  };

  const renew = async (): Promise<void> => {
    for (const id of open.due(Date.now())) unsettled(id);
    const holding = open.prefixes();
    for (const prefix of new Set([...holding, ...touched])) {
      if (!sender.ready) return;
      await runLapse(prefix, { renew: holding.has(prefix), sweep: maySweep() });
      if (!holding.has(prefix) && touched.size > 64) touched.delete(prefix);
    }
  };
  const timer = setInterval(() => void renew(), Math.max(50, Math.floor(leaseMs / 3))).unref();

  redis.on("ready", () => {
    void renew();
    void writeBack(context);
  });

  return {
    touch(prefixes) {
      for (const prefix of prefixes) touched.add(prefix);
      if (touched.size > mostTouched) for (const oldest of touched) if (touched.delete(oldest)) break;
    },
    gone(holder) {
      if (!leaving.has(holder)) leave(holder);
    },
    back(holder) {
      clearTimeout(leaving.get(holder));
      leaving.delete(holder);
    },
    close() {
      clearInterval(timer);
      for (const one of leaving.values()) clearTimeout(one);
    },
  };
}
