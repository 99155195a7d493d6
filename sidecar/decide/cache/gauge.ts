import type { RedisLink } from "../../net/redis.js";

/** What it takes of this process to ask Redis. */
export interface Gauge {
  /** Microseconds of CPU for one lookup among many; Infinity until it has been measured. */
  cpu(): number;
  close(): void;
}

/** Lookups that are sent together, as under load; and how often, as other work in between is counted along. */
const together = 32;
const rounds = 4;
/** Milliseconds between two measurements. */
const every = 30_000;
/** Microseconds for naming and opening a value, beside what is measured. */
const sealing = 8;

/**
 * Measures what a lookup costs of the CPU: some go together for names that nobody has, when Redis has come to be there and now
 * and then. The least of several counts: what else the process did meanwhile can only add to it.
 */
export function createGauge(redis: RedisLink, prefix: string): Gauge {
  let known = Infinity;
  let measuring = false;
  const measure = async (): Promise<void> => {
    if (measuring || redis.status !== "ready") return;
    measuring = true;
    let least = Infinity;
    try {
      for (let round = 0; round < rounds; round++) {
        const from = process.cpuUsage();
        await Promise.all(
          Array.from({ length: together }, (_, n) => redis.getrangeBuffer(`${prefix}none:${n}`, 0, 1_023)),
        );
        const { user, system } = process.cpuUsage(from);
        least = Math.min(least, (user + system) / together + sealing);
      }
      known = least;
    } catch {
      // away again: what was measured before still holds
    } finally {
      measuring = false;
    }
  };
  const start = (): void => void measure();
  redis.on("ready", start);
  if (redis.status === "ready") start();
  const timer = setInterval(start, every).unref();
  return {
    cpu: () => known,
    close() {
      clearInterval(timer);
    },
  };
}
