/** What one step costs. */
import type { Engine } from "../../sidecar/state/engine/engine.js";
import type { Step } from "./steps.js";

export interface Measured {
  readonly name: string;
  /** Microseconds of one step after another. */
  readonly median: number;
  readonly p99: number;
  /** Microseconds of CPU of this process, and of Redis, for a step. */
  readonly cpu: number;
  readonly redisCpu?: number;
  /** Steps a second with so many under way. */
  readonly perSecond: number;
  readonly underWay: number;
}

export interface MeasureParts {
  readonly engine: Engine;
  readonly seconds: number;
  readonly underWay: number;
  /** Seconds of CPU that Redis has used. */
  readonly redisSeconds?: () => Promise<number>;
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** Measures a step: one after another, then many under way. */
export async function measure(name: string, step: Step, parts: MeasureParts): Promise<Measured> {
  const { engine, seconds, underWay, redisSeconds } = parts;
  const runFor = async (ms: number, times?: number[]): Promise<number> => {
    const end = performance.now() + ms;
    let done = 0;
    for (;;) {
      const from = performance.now();
      if (from >= end) return done;
      const answer = step(engine);
      if (answer !== undefined) await answer;
      times?.push((performance.now() - from) * 1_000);
      done++;
      // what is told afterwards has its turn
      if ((done & 255) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await runFor(300);
  const times: number[] = [];
  await runFor(seconds * 1_000, times);
  times.sort((a, b) => a - b);
  const [before, redisBefore] = [process.cpuUsage(), await redisSeconds?.()];
  const begun = performance.now();
  const counts = await Promise.all(Array.from({ length: underWay }, () => runFor(seconds * 1_000)));
  const took = (performance.now() - begun) / 1_000;
  const used = process.cpuUsage(before);
  const done = counts.reduce((sum, one) => sum + one, 0);
  const redisAfter = await redisSeconds?.();
  return {
    name,
    median: round(times[Math.floor(times.length / 2)] ?? NaN),
    p99: round(times[Math.floor(times.length * 0.99)] ?? NaN),
    cpu: round((used.user + used.system) / done),
    ...(redisBefore === undefined || redisAfter === undefined
      ? {}
      : { redisCpu: round(((redisAfter - redisBefore) * 1e6) / done) }),
    perSecond: Math.round(done / took),
    underWay,
  };
}
