/** Asks again, once a bundle is in force, what was asked most before it: the first to ask need not all wait. */
import type { ActiveBundle } from "../../bundles/active.js";
import type { Json } from "../../contract.js";
import { parseJson, Scanned, stringifyJson } from "../../contract.js";
import type { Asker } from "../asker.js";
import type { Evaluate } from "../evaluate.js";

export interface Warm {
  /** Notes a question that was in the cache; most are passed over. */
  note(key: string, bundle: string, entrypoint: string, input: Json | Scanned, asker: Asker): void;
  /** Evaluates what was asked most of a bundle by its new version, bit by bit, beside other work. */
  activated(bundle: ActiveBundle, evaluate: Evaluate): void;
}

interface Hot {
  readonly key: string;
  readonly bundle: string;
  readonly entrypoint: string;
  readonly input: Json;
  readonly asker: Asker;
  count: number;
}

/** One hit of so many is looked at, about: by chance, as what is asked may come in turns. INVARIANT: a power of two. */
const sampled = 64;
/** Larger questions (bytes or characters) aren't kept. */
const mostSize = 16_384;
/** Microseconds of work between which others have their turn. */
const sliceMicros = 2_000;

/**
 * Creates what keeps the questions that are asked most, `most` of them.
 *
 * INVARIANT: what is asked again goes the way of any question: under the key of that moment, made from the data in force.
 */
export function createWarm(most: number, micros: () => number): Warm {
  let left = 1;
  let chance = 1;
  const hot = new Map<string, Hot>();
  /** What is still to be asked, by bundle. */
  const queues = new Map<string, Hot[]>();

  /** Makes room: the counts of all are halved, and who has none left goes. */
  const fade = (): void => {
    for (const one of hot.values()) {
      one.count >>= 1;
      if (one.count === 0) hot.delete(one.key);
    }
  };
  return {
    note(key, bundle, entrypoint, input, asker) {
      if (--left > 0) return;
      // a short generator of its own: nobody gains by guessing it
      chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) >>> 0;
      left = 1 + ((chance >>> 16) & (2 * sampled - 1));
      const known = hot.get(key);
      if (known !== undefined) {
        known.count++;
        return;
      }
      if (hot.size >= most) fade();
      if (hot.size >= most) return;
      // a value of its own: whose it is may change it
      const text = input instanceof Scanned ? input.bytes() : stringifyJson(input);
      if (text.length > mostSize) return;
      hot.set(key, { key, bundle, entrypoint, input: parseJson(text), asker, count: 1 });
    },
    activated(bundle, evaluate) {
      const { name } = bundle;
      const mine = [...hot.values()].filter((one) => one.bundle === name);
      for (const { key } of mine) hot.delete(key);
      const due = [...(queues.get(name) ?? []), ...mine]
        .filter((one) => bundle.entrypoints.has(one.entrypoint))
        .sort((a, b) => a.count - b.count)
        .slice(-most);
      queues.set(name, due);
      const step = (): void => {
        // a newer version is asked what is left
        if (queues.get(name) !== due) return;
        const from = micros();
        for (let next = due.pop(); next !== undefined; next = due.pop()) {
          const { entrypoint, input, asker } = next;
          const evaluated = evaluate(bundle, entrypoint, input, asker);
          // nobody waits for it
          if (evaluated instanceof Promise) evaluated.catch(() => undefined);
          if (micros() - from >= sliceMicros) break;
        }
        if (due.length > 0) setImmediate(step);
        else queues.delete(name);
      };
      if (due.length > 0) setImmediate(step);
    },
  };
}
