import type { ActiveBundle } from "../../sidecar/bundles/active.js";
import { activate } from "../../sidecar/bundles/activate.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { stringifyJson } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import { createDecisionCache } from "../../sidecar/decide/cache/layered.js";
import { createMemoryCache } from "../../sidecar/decide/cache/memory.js";
import { createEvaluate } from "../../sidecar/decide/evaluate.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { BuiltBundle, EntrypointFacts } from "../../sidecar/rego/bundle.js";
import { entrypoint } from "./policy.js";
import type { World } from "./world.js";
import {
  createRandom,
  createZipf,
  grantOf,
  models,
  people,
  personId,
  recordOf,
  resourceId,
  timesOf,
  tools,
} from "./world.js";

export interface Choice {
  readonly name: string;
  /** Longest life of a result, seconds. */
  readonly ttl: number;
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** How the hour's changes come: one patch for each, spread over the hour, or a new bundle. */
  readonly changes: "patches" | "bundle";
  /** What the key is made from, where it isn't what the toolchain says. */
  readonly facts?: (facts: EntrypointFacts) => EntrypointFacts;
}

export interface Day {
  readonly name: string;
  readonly requests: number;
  readonly hit_ratio: number;
  readonly evaluations: number;
  /** A change of data that are read makes new ones. */
  readonly distinct_keys: number;
  readonly changes: number;
  readonly evicted: number;
  readonly wrong: number;
  readonly checked: number;
  readonly cpu_seconds: number;
  readonly curve: readonly Point[];
}

/** At the end of an hour. */
export interface Point {
  readonly hour: number;
  readonly hit_ratio: number;
  readonly entries: number;
  /** As the cache accounts it, and the process's heap. */
  readonly mib: number;
  readonly heap_mib: number;
}

/** A hit in so many is evaluated, too, and compared. */
const checkedEach = 997;
/** 2026-11-16, a Monday, 00:00 UTC. */
const midnight = 1_794_787_200_000;

/** Lives through the day by the real key, memory and evaluator; its clock is the only thing that is simulated. */
export function runDay(world: World, built: BuiltBundle, requests: number, choice: Choice): Day {
  let now = midnight;
  const data = structuredClone(world.data) as Record<"people" | "resources", Record<string, JsonObject>> &
    JsonObject;
  const load = (): ActiveBundle =>
    activate(
      "day",
      {
        ...built,
        data: stringifyJson(data),
        digest: `${now}`,
        entrypoints: choice.facts === undefined ? built.entrypoints : built.entrypoints.map(choice.facts),
      },
      {
        loadPolicy: (one) =>
          loadPolicy({
            ...one,
            budget: 10_000_000,
            maxPages: 4_096,
            builtins: serveBuiltins(),
            nowNs: () => BigInt(now) * 1_000_000n,
          }),
        createKeyer,
        now: () => now,
      },
    );
  let bundle = load();
  const clock = (): number => now;
  const micros = (): number => performance.now() * 1_000;
  const random = createRandom(7);
  const l1 = createMemoryCache(choice);
  const cache = createDecisionCache({ l1, l2Mode: "never", now: clock, micros, random: createRandom(11) });
  const evaluate = createEvaluate({ cache, cacheTtl: choice.ttl, denyTtl: choice.ttl, now: clock, micros });
  const asker = { tenant: "example", epoch: 0 };

  const whoOf = createZipf(people);
  const toolOf = createZipf(tools);
  const modelOf = createZipf(models);
  const changesOf = Math.round((people + tools + models) / 100);
  if (bundle.entrypoints.get(entrypoint)?.key === undefined)
    throw new Error("the day's policy isn't cacheable");
  const seen = new Set<number>();
  const hash = hasher();

  /** One record of a hundred changes: people, and what may be used by whom. */
  const change = (n: number): void => {
    let path: [string, string];
    let value: JsonObject;
    if (n % 20 === 0) {
      const which = Math.floor(random() * (tools + models));
      path = ["resources", resourceId(which)];
      value = grantOf(which, random);
    } else {
      path = ["people", personId(Math.floor(random() * people))];
      value = recordOf(Math.floor(random() * 4), random() < 0.02 ? "suspended" : "active");
    }
    const [table, key] = path as ["people" | "resources", string];
    data[table][key] = value;
    if (choice.changes === "patches") bundle.policy.patch([{ path, value: stringifyJson(value) }]);
  };

  const curve: Point[] = [];
  let [count, hits, changed, checked, wrong, evaluations] = [0, 0, 0, 0, 0, 0];
  let [hourCount, hourHits, hour, done] = [0, 0, 0, 0];
  const endHour = (): void => {
    const { entries, bytes } = cache.figures();
    curve.push({
      hour,
      hit_ratio: hourHits / Math.max(1, hourCount),
      entries,
      mib: bytes / 2 ** 20,
      heap_mib: process.memoryUsage().heapUsed / 2 ** 20,
    });
    [hourCount, hourHits] = [0, 0];
  };
  const began = process.cpuUsage();
  let time: JsonObject = {};
  for (const at of timesOf(requests)) {
    now = midnight + Math.floor(at);
    const nowHour = Math.floor(at / 3_600_000);
    if (nowHour !== hour) {
      endHour();
      hour = nowHour;
      if (choice.changes === "bundle") {
        for (let n = 0; n < changesOf; n++) change(n);
        changed += changesOf;
        bundle = load();
      }
      done = 0;
    }
    if (choice.changes === "patches") {
      const due = Math.floor(((at % 3_600_000) / 3_600_000) * changesOf);
      for (; done < due; done++, changed++) change(done);
    }
    if (time["hour"] !== hour) time = Object.freeze({ hour, weekday: "monday", zone: "UTC" });
    const who = world.people[whoOf(random())];
    if (who === undefined) continue;
    const isTool = random() < 0.6;
    const which = isTool
      ? (toolOf(random()) + who.turn) % tools
      : tools + ((modelOf(random()) + (who.turn % 7)) % models);
    const id = resourceId(which);
    const input = {
      subject: who.subject,
      action: { name: isTool ? "tool.call" : "model.invoke", properties: { phase: "request" } },
      resource: world.resource(which, id),
      context: { time, request: { id: `${count}-${random()}` } },
    };
    const answer = evaluate(bundle, entrypoint, input, asker);
    if (answer instanceof Promise || answer.kind !== "evaluated")
      throw new Error("the day has no such answers");
    count++;
    hourCount++;
    if (answer.cache === "l1") {
      hits++;
      hourHits++;
      if (hits % checkedEach === 0) {
        checked++;
        const anew = bundle.policy.evaluate(entrypoint, input);
        if (anew.kind !== "value" || stringifyJson(anew.value) !== stringifyJson(answer.result ?? null))
          wrong++;
      }
    } else {
      evaluations++;
      seen.add(hash(bundle.entrypoints.get(entrypoint)?.key?.(input, asker) ?? ""));
    }
  }
  endHour();
  const { user, system } = process.cpuUsage(began);
  return {
    name: choice.name,
    requests: count,
    hit_ratio: hits / count,
    evaluations,
    distinct_keys: seen.size,
    changes: changed,
    evicted: cache.figures().evicted,
    ...{ wrong, checked },
    cpu_seconds: (user + system) / 1e6,
    curve,
  };
}

/** @throws Error where two policies decide one of so many questions differently. */
export function mustAgree(
  world: World,
  [one, other]: readonly [BuiltBundle, BuiltBundle],
  questions: number,
): void {
  const random = createRandom(3);
  const any = (count: number): number => Math.floor(random() * count);
  const load = ({ wasm }: BuiltBundle) =>
    loadPolicy({
      ...{ wasm, data: stringifyJson(world.data), budget: 10_000_000, maxPages: 4_096 },
      builtins: serveBuiltins(),
    });
  const [left, right] = [load(one), load(other)];
  for (let n = 0; n < questions; n++) {
    const which = any(tools + models);
    const input = {
      subject: world.people[any(people)]?.subject ?? null,
      resource: world.resource(which, resourceId(which)),
      context: { time: { hour: any(24) } },
    };
    const [a, b] = [left.evaluate(entrypoint, input), right.evaluate(entrypoint, input)];
    if (a.kind !== "value" || b.kind !== "value" || stringifyJson(a.value) !== stringifyJson(b.value))
      throw new Error(`the two policies differ on ${stringifyJson(input)}`);
  }
}

/** 52 bits of a text: enough to count millions of them. */
function hasher(): (text: string) => number {
  return (text) => {
    let [a, b] = [0x811c9dc5, 0x9747b28c];
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x85ebca6b) ^ (b >>> 15);
    }
    return (a >>> 0) * 2 ** 20 + ((b >>> 0) & 0xfffff);
  };
}
