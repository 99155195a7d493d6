/** What this process last saw of what lies in Redis: read instead of it, and the mark below which nothing may fall. */
import type { Activity, Step } from "./engine.js";
import { mostRecent } from "./engine.js";
import { noActivity, noVersion } from "./activity.js";
import type { Names, SealedLabel } from "./names.js";

/** Labels of one task, or of one holder, by field. */
export interface LabelCopy {
  readonly version: string;
  readonly fields: ReadonlyMap<string, SealedLabel>;
}

export interface ActivityCopy {
  readonly version: string;
  readonly activity: Activity;
  readonly ended: boolean;
}

/** What was seen of a counter. */
export interface CounterCopy {
  readonly generation: number;
  readonly bucket: number;
  readonly used: number;
  /** It counts members of a set, which aren't known here; or calls under way, which end by themselves. */
  readonly members?: boolean;
}

export interface Copies<T> {
  get(key: string, now: number): T | undefined;
  set(key: string, copy: T, until: number): void;
  entries(): IterableIterator<[string, { readonly copy: T; readonly until: number }]>;
}

/** Keeps so many, those that were used last. */
export function createCopies<T>(most: number): Copies<T> {
  const all = new Map<string, { copy: T; until: number }>();
  return {
    get(key, now) {
      const found = all.get(key);
      return found === undefined || found.until <= now ? undefined : found.copy;
    },
    set(key, copy, until) {
      all.delete(key);
      all.set(key, { copy, until });
      if (all.size > most) for (const [oldest] of all) if (all.delete(oldest)) break;
    },
    entries: () => all.entries(),
  };
}

/** Gives a version's number: it only grows. */
export function numberOf(version: string): number {
  return Number(/^\d{1,15}/.exec(version)?.[0] ?? 0);
}

const versions = /^(?:0|\d{1,15}\.[\w-]{1,32})$/;

/** Reads a hash of labels as Redis gives it; undefined where something in it isn't authentic. */
export function readLabels(names: Names, key: string, hash: readonly string[]): LabelCopy | undefined {
  const fields = new Map<string, SealedLabel>();
  let version = noVersion;
  for (let n = 0; n + 1 < hash.length; n += 2) {
    const [field = "", value = ""] = [hash[n], hash[n + 1]];
    if (field === "v") version = value;
    else {
      const label = names.open(key, field, value);
      if (label === undefined || (label.origin === undefined) !== (label.generation % 2 === 1))
        return undefined;
      fields.set(field, label);
    }
  }
  return versions.test(version) ? { version, fields } : undefined;
}

/** Merges what was known with what is there: the later of each label. @returns the fields that the store had lost, too */
export function mergeLabels(
  known: LabelCopy | undefined,
  there: LabelCopy,
  now: number,
): { readonly merged: LabelCopy; readonly lost: readonly SealedLabel[] } {
  const lost: SealedLabel[] = [];
  const fields = new Map(there.fields);
  for (const [field, label] of known?.fields ?? []) {
    const other = there.fields.get(field);
    if (label.until <= now) continue;
    const later =
      other === undefined ||
      other.generation < label.generation ||
      (other.generation === label.generation && other.until < label.until);
    if (!later) continue;
    lost.push(label);
    fields.set(field, label);
  }
  return { merged: { version: there.version, fields }, lost };
}

/** Reads a hash of activity as Redis gives it; undefined where it is none of ours. */
export function readActivity(hash: readonly string[]): ActivityCopy | undefined {
  const counts = { A: new Map<string, number>(), S: new Map<string, number>(), T: new Map<string, number>() };
  const spend = new Map<string, number>();
  const plain = new Map<string, number>();
  const steps: [number, Step][] = [];
  let version = noVersion;
  for (let n = 0; n + 1 < hash.length; n += 2) {
    const [field = "", value = ""] = [hash[n], hash[n + 1]];
    if (field === "v") version = value;
    else if (/^r\d{1,2}$/.test(field)) {
      const step = readStep(value);
      if (step === undefined) return undefined;
      steps.push(step);
    } else {
      const count = Number(value);
      if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(count)) return undefined;
      const [kind, name] = [field.slice(0, 2), field.slice(2)];
      if (kind === "A:" || kind === "S:" || kind === "T:")
        counts[kind[0] as "A" | "S" | "T"].set(name, count);
      else if (kind === "C:") spend.set(name, count);
      else plain.set(field, count);
    }
  }
  if (!versions.test(version)) return undefined;
  const startedAt = plain.get("s");
  const of = (field: string): number => plain.get(field) ?? 0;
  steps.sort(([a], [b]) => a - b);
  const activity: Activity = {
    ...(startedAt === undefined ? {} : { startedAt }),
    requests: of("q"),
    denials: of("d"),
    actions: Object.fromEntries(counts.A),
    servers: Object.fromEntries(counts.S),
    tools: Object.fromEntries(counts.T),
    tokens: { input: of("ti"), output: of("to") },
    spend: Object.fromEntries(spend),
    recent: steps.slice(-mostRecent).map(([, step]) => step),
  };
  return { version, activity, ended: plain.has("e") };
}

/** Writes a step; its number and whether it was allowed go before it. */
export function writeStep({ decision_id, action, resource, at }: Step): string {
  return JSON.stringify([decision_id, action, resource, at]);
}

function readStep(value: string): [number, Step] | undefined {
  const [, number = "", allow, json = ""] = /^(\d{1,15})([+-])(.{1,4096})$/s.exec(value) ?? [];
  try {
    const [decision_id, action, resource, at] = JSON.parse(json) as unknown[];
    if (typeof decision_id !== "string" || typeof action !== "string") return undefined;
    if (typeof resource !== "string" || typeof at !== "number") return undefined;
    return [Number(number), { decision_id, action, resource, allow: allow === "+", at }];
  } catch {
    return undefined;
  }
}

const higher = (
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((name) => [
      name,
      Math.max(Object.hasOwn(a, name) ? (a[name] ?? 0) : 0, Object.hasOwn(b, name) ? (b[name] ?? 0) : 0),
    ]),
  );

/** Gives the higher of each count. */
export function mergeActivity(a: Activity, b: Activity): Activity {
  const started = [a.startedAt, b.startedAt].filter((at) => at !== undefined);
  return {
    ...(started.length === 0 ? {} : { startedAt: Math.min(...started) }),
    requests: Math.max(a.requests, b.requests),
    denials: Math.max(a.denials, b.denials),
    actions: higher(a.actions, b.actions),
    servers: higher(a.servers, b.servers),
    tools: higher(a.tools, b.tools),
    tokens: {
      input: Math.max(a.tokens.input, b.tokens.input),
      output: Math.max(a.tokens.output, b.tokens.output),
    },
    spend: higher(a.spend, b.spend),
    recent: a.recent.length >= b.recent.length ? a.recent : b.recent,
  };
}

/** Gives a task's counts as fields of its hash. */
export function activityFields(activity: Activity): {
  counts: Record<string, number>;
  steps: Record<string, string>;
} {
  const { startedAt, requests, denials, actions, servers, tools, tokens, spend, recent } = activity;
  const counts: [string, number][] = [
    ...(startedAt === undefined ? [] : [["s", startedAt] as [string, number]]),
    ["q", requests],
    ["d", denials],
    ["ti", tokens.input],
    ["to", tokens.output],
    ["nA", Object.keys(actions).length],
    ["nS", Object.keys(servers).length],
    ["nT", Object.keys(tools).length],
  ];
  for (const [kind, names] of [
    ["A", actions],
    ["S", servers],
    ["T", tools],
    ["C", spend],
  ] as const) {
    for (const [name, count] of Object.entries(names)) counts.push([`${kind}:${name}`, count]);
  }
  const steps = recent.map((step, at): [string, string] => {
    const number = requests - recent.length + at + 1;
    const place = (((number - 1) % mostRecent) + mostRecent) % mostRecent;
    return [`r${place}`, `${Math.max(1, number)}${step.allow ? "+" : "-"}${writeStep(step)}`];
  });
  return { counts: Object.fromEntries(counts), steps: Object.fromEntries(steps) };
}

/** What nothing was seen of. */
export const noCopy: ActivityCopy = { version: noVersion, activity: noActivity, ended: false };
