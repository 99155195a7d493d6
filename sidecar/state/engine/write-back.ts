/** Writes back what Redis lost while it was away. */
import { activityFields, numberOf } from "./copies.js";
import type { RedisContext } from "./redis-context.js";
import { restoreCounterScript, restoreScript } from "./script.js";

/** Records that are written at once. */
const batch = 64;

/**
 * Writes back all that is known here of what isn't there any more: a Redis that comes back may have been restarted empty, or
 * from an old snapshot, and others know nothing of it.
 */
export async function writeBack(context: RedisContext): Promise<void> {
  const { sender, labels, activities, counters, nonce, now, names, onEvent } = context;
  const at = now();
  const steps: (() => Promise<number>)[] = [];
  const run = async (script: string, keys: readonly string[], argument: object): Promise<unknown> => {
    const sent = await sender.run(script, keys, argument, patience);
    return sent.kind === "answer" ? sent.answer : undefined;
  };
  for (const [key, { copy, until }] of labels.entries()) {
    const fields = [...copy.fields.values()].filter((label) => label.until > at);
    if (fields.length === 0 || until <= at) continue;
    const written = fields.map(({ name, generation, until: end, text }) => ({
      ...{ f: names.digest("label", name), g: generation, u: end, v: text },
    }));
    const set = { n: numberOf(copy.version), ttl: until - at, fields: written };
    steps.push(async () => {
      const [, version] = ((await run(restoreScript, [`${prefixOf(key)}a:-`, key], {
        nonce: nonce(),
        l: [set],
      })) ?? []) as string[];
      return version === undefined || version === copy.version ? 0 : 1;
    });
  }
  for (const [key, { copy, until }] of activities.entries()) {
    if (until <= at || (copy.activity.requests === 0 && !copy.ended)) continue;
    const { counts, steps: last } = activityFields(copy.activity);
    const n = numberOf(copy.version);
    steps.push(async () => {
      const argument = {
        nonce: nonce(),
        n,
        keep: until - at,
        ended: copy.ended,
        f: counts,
        r: last,
        lost: true,
        l: [],
      };
      await run(restoreScript, [key], argument);
      return 0;
    });
  }
  for (const [key, { copy, until }] of counters.entries()) {
    if (until <= at || copy.used === 0 || copy.members === true) continue;
    const argument = { g: copy.generation, b: copy.bucket, n: copy.used, ttl: until - at };
    steps.push(async () => Number((await run(restoreCounterScript, [key], argument)) ?? 0));
  }
  let restored = 0;
  while (steps.length > 0 && sender.ready) {
    const done = await Promise.all(steps.splice(0, batch).map((step) => step()));
    restored += done.reduce((sum, one) => sum + one, 0);
  }
  if (restored > 0) onEvent("restored", restored);
}

/** Milliseconds that nobody waits through. */
const patience = 5_000;

const prefixOf = (key: string): string => key.slice(0, key.indexOf("}:") + 2);
