/** Takes over what Redis holds of a task, and writes back what it lost. */
import type { TaskKeys } from "./engine.js";
import type { ActivityCopy, Copies, LabelCopy } from "./copies.js";
import {
  activityFields,
  mergeActivity,
  mergeLabels,
  noCopy,
  numberOf,
  readActivity,
  readLabels,
} from "./copies.js";
import type { EngineEvent } from "./memory.js";
import type { Names, SealedLabel } from "./names.js";
import { recordKeys } from "./payload.js";
import { restoreScript } from "./script.js";
import type { Sender } from "./send.js";

export interface AbsorbParts {
  readonly names: Names;
  readonly labels: Copies<LabelCopy>;
  readonly activities: Copies<ActivityCopy>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly nonce: () => string;
  readonly sender: Sender;
  readonly onEvent: (event: EngineEvent, count: number) => void;
}

/** A task's hash of counts, and one of labels for each key. */
export type Hashes = readonly [activity: readonly string[], labels: readonly (readonly string[])[]];

/**
 * Gives what takes over a snapshot. INVARIANT: what was seen here before and isn't there any more was lost, and counts still:
 * nobody takes a label off without leaving word of it.
 * @returns false where the snapshot isn't authentic, or what was lost couldn't be written back
 */
export function absorbWith(parts: AbsorbParts): (keys: TaskKeys, hashes: Hashes) => Promise<boolean> {
  const { names, labels, activities, now, nonce, sender, onEvent } = parts;
  return async (keys, [activityHash, labelHashes]) => {
    const at = now();
    const records = recordKeys(names, keys);
    const labelKeys = [...records.labels, ...records.marks];
    const key = records.activity.at(-1) ?? "";
    const there = readActivity(activityHash);
    const sets = labelKeys.map((name, n) => readLabels(names, name, labelHashes[n] ?? []));
    if (there === undefined || sets.includes(undefined)) {
      onEvent("unauthentic", 1);
      return false;
    }
    const known = activities.get(key, at) ?? noCopy;
    const back =
      numberOf(there.version) < numberOf(known.version) ||
      // counts only grow: what others did since the loss doesn't hide it
      there.activity.requests < known.activity.requests ||
      (known.ended && !there.ended);
    const activity = back ? mergeActivity(known.activity, there.activity) : there.activity;
    const ended = known.ended || there.ended;
    const lost: { key: string; n: number; ttl: number; fields: readonly SealedLabel[] }[] = [];
    const merged = sets.map((set, n) => {
      const name = labelKeys[n] ?? "";
      const before = labels.get(name, at);
      const both = mergeLabels(before, set as LabelCopy, at);
      if (both.lost.length > 0) {
        const ttl = n === 0 ? keys.keepMs : keys.stickMs;
        lost.push({ key: name, n: numberOf(before?.version ?? "0"), ttl, fields: both.lost });
      }
      return both.merged;
    });
    let version = there.version;
    const versions = new Map(merged.map((copy, n) => [labelKeys[n] ?? "", copy.version]));
    if (back || lost.length > 0) {
      onEvent("restored", lost.length + (back ? 1 : 0));
      const { counts, steps } = activityFields(activity);
      const sent = await sender.run(restoreScript, [key, ...lost.map((set) => set.key)], {
        ...{ nonce: nonce(), n: numberOf(known.version), keep: keys.keepMs },
        ...(back ? { f: counts, r: steps, ended } : {}),
        l: lost.map(({ n, ttl, fields }) => ({
          ...{ n, ttl },
          fields: fields.map(({ name, generation, until, text }) => ({
            ...{ f: names.digest("label", name), g: generation, u: until, v: text },
          })),
        })),
      });
      if (sent.kind !== "answer") return false;
      const [first, ...others] = sent.answer as string[];
      if (back) version = first ?? version;
      for (const [n, set] of lost.entries()) versions.set(set.key, others[n] ?? "0");
    }
    activities.set(key, { version, activity, ended }, at + keys.keepMs);
    for (const [n, copy] of merged.entries()) {
      const name = labelKeys[n] ?? "";
      const kept = { version: versions.get(name) ?? copy.version, fields: copy.fields };
      labels.set(name, kept, at + Math.max(keys.keepMs, keys.stickMs));
    }
    return true;
  };
}
