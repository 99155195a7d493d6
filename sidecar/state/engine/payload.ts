/** What a commit is to Redis: keys, and one argument. */
import type { CallChange, Commit, Reservation, TaskKeys } from "./engine.js";
import { stepOf } from "./activity.js";
import { counterOf } from "./counters.js";
import type { Copies, CounterCopy, LabelCopy } from "./copies.js";
import { writeStep } from "./copies.js";
import type { Names, SealedLabel } from "./names.js";
import { endOf, slotOf } from "./windows.js";

/** Keys of a task's records. */
export interface RecordKeys {
  readonly prefix: string;
  /** One for each of the lineage. */
  readonly activity: readonly string[];
  /** Of the root, then of each holder. */
  readonly labels: readonly string[];
  /** Those that labels stick to as well. */
  readonly marks: readonly string[];
}

export function recordKeys(names: Names, { tenant, lineage, holders, marks = [] }: TaskKeys): RecordKeys {
  const prefix = names.prefix(tenant);
  const holder = (id: string): string => `${prefix}h:${names.digest("holder", id)}`;
  return {
    prefix,
    activity: lineage.map((id) => `${prefix}a:${names.digest("task", id)}`),
    labels: [`${prefix}l:${names.digest("task", lineage[0] ?? "")}`, ...holders.map(holder)],
    marks: marks.map(holder),
  };
}

/** When a label of a task ends: with the task. */
export const noEnd = 999_999_999_999_999;

/** A label, and the place of its key. */
interface Marked {
  readonly k: number;
  readonly label: SealedLabel;
}

export interface Payload {
  readonly keys: readonly string[];
  readonly argument: Readonly<Record<string, unknown>>;
  /** By call: what is written of labels. */
  readonly marked: readonly (readonly Marked[])[];
  /** By call: which of its reservations are in this step. */
  readonly places: readonly (readonly number[])[];
  /** By call: those reservations as they were written. */
  readonly reserved: readonly (readonly WrittenReservation[])[];
}

export interface PayloadParts {
  readonly names: Names;
  readonly labels: Copies<LabelCopy>;
  readonly counters: Copies<CounterCopy>;
  readonly pid: string;
  readonly leaseMs: number;
  readonly holdMs: number;
}

/** What is told with a commit besides. */
export interface PayloadOptions {
  readonly scope: Reservation["scope"];
  readonly now: number;
  readonly nonce: string;
  readonly sweep: boolean;
  /** Versions of labels that were seen here, to be told where they are others. */
  readonly known?: { readonly labels: readonly string[]; readonly activity: number };
}

/** Gives the key of a decision under way. */
export function openKey(prefix: string, names: Names, decisionId: string): string {
  return `${prefix}o:${names.digest("decision", decisionId)}`;
}

export interface WrittenReservation {
  readonly key: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Milliseconds for which the counter is there, if nothing else counts in it. */
  readonly lasts: number;
}

/** Writes a reservation as the scripts take it. */
export function writeReservation(
  parts: Pick<PayloadParts, "names" | "counters" | "holdMs">,
  prefix: string,
  reservation: Reservation,
  keepMs: number,
  now: number,
): WrittenReservation {
  const { names, counters, holdMs } = parts;
  const { window, unit, amount, take, soft = false, member, currency } = reservation;
  const name = `c:${names.digest("counter", counterOf(reservation))}`;
  const key = prefix + name;
  const { bucket, floor } = slotOf(window, now);
  const seen = window.kind === "concurrent" ? undefined : counters.get(key, now);
  const end = endOf(window, bucket);
  const lasts =
    window.kind === "concurrent" ? 2 * holdMs : end === undefined ? keepMs : 2 * (end - now) + 60_000;
  const width =
    window.kind === "fixed" ? window.ms : window.kind === "sliding" ? Math.ceil(window.ms / 32) : 0;
  return {
    key,
    lasts: Math.ceil(lasts),
    fields: {
      ...{
        ks: name,
        b: bucket,
        f: floor,
        a: amount,
        n: take,
        s: soft,
        u: unit,
        x: Math.ceil(lasts),
        y: width,
      },
      ...(member === undefined ? {} : { m: `m:${names.digest("member", member)}` }),
      ...(currency === undefined ? {} : { c: currency }),
      ...(seen === undefined ? {} : { kg: seen.generation, kb: seen.bucket, ku: seen.used }),
    },
  };
}

/** Writes a commit's part of one scope. */
export function writeCommit(
  parts: PayloadParts,
  { keys: task, rests, calls }: Commit,
  options: PayloadOptions,
): Payload {
  const { names, pid, leaseMs, holdMs } = parts;
  const { scope, now, nonce, sweep, known } = options;
  const tenant = scope === "tenant";
  const records = recordKeys(names, task);
  const prefix = tenant ? records.prefix : names.prefix(undefined);
  const labelKeys = [...records.labels, ...records.marks];
  const keys: string[] = [`${prefix}p`, `${prefix}x:${pid}`];
  if (tenant) keys.push(...records.activity, ...labelKeys);
  const marked: Marked[][] = [];
  const places: number[][] = [];
  const reserved: WrittenReservation[][] = [];
  const written = calls.map((call) => {
    const here = call.reserve.map((_, n) => n).filter((n) => call.reserve[n]?.scope === scope);
    places.push(here);
    reserved.push([]);
    const res = here.map((n) => {
      const one = writeReservation(parts, prefix, call.reserve[n] as Reservation, task.keepMs, now);
      reserved[reserved.length - 1]?.push(one);
      keys.push(one.key);
      return { ...one.fields, k: keys.length };
    });
    const on = tenant ? labelKeys.flatMap((key, k) => labelsOf(parts, key, k, call, task, now)) : [];
    const off = tenant ? labelKeys.flatMap((key, k) => removalsOf(parts, key, k, call, task, now)) : [];
    marked.push([...on, ...off]);
    keys.push(openKey(prefix, names, call.decisionId));
    const flat = ({ k, label }: Marked) => ({
      ...{ k: k + 1, f: names.digest("label", label.name), g: label.generation },
      ...{ u: label.until, v: label.text },
    });
    const quiet = call.quiet === true || !tenant;
    return {
      ...{ d: names.digest("decision", call.decisionId), allow: call.allow, at: call.at, q: quiet },
      ...{ o: keys.length, res, lab: on.map(flat), ulab: off.map(flat) },
      r: JSON.stringify(here.map((n) => ({ ...call.reserve[n], keepMs: task.keepMs }))),
      ...(quiet ? {} : named(call)),
    };
  });
  const argument = {
    ...{ t: now, P: prefix, pid, nonce, sweep, lease: leaseMs, hold: 2 * holdMs },
    ...{ keep: task.keepMs, stick: Math.max(1, task.stickMs), calls: written },
    na: tenant ? records.activity.length : 0,
    nl: tenant ? records.labels.length : 0,
    nm: tenant ? records.marks.length : 0,
    ...(tenant && rests.activity !== undefined ? { ra: rests.activity } : {}),
    ...(tenant && rests.labels !== undefined ? { rl: rests.labels.split("|") } : {}),
    ...(tenant && known !== undefined ? { kl: known.labels, ka: known.activity } : {}),
  };
  return { keys, argument, marked, places, reserved };
}

function named(call: CallChange): Record<string, unknown> {
  const short = (text: string): string => text.slice(0, 256);
  return {
    A: short(call.action),
    ...(call.server === undefined ? {} : { S: short(call.server) }),
    ...(call.tool === undefined ? {} : { T: short(call.tool) }),
    step: writeStep(stepOf(call, call.allow)),
  };
}

/** Labels that a call gives, as they are to lie with one key. */
function labelsOf(
  { names, labels }: PayloadParts,
  key: string,
  k: number,
  call: CallChange,
  { stickMs }: TaskKeys,
  now: number,
): Marked[] {
  const copy = labels.get(key, now);
  return Object.entries(call.labels).map(([name, origin]) => {
    const seen = copy?.fields.get(names.digest("label", name));
    const until = k === 0 ? noEnd : now + stickMs;
    const on = seen?.origin !== undefined && seen.until > now;
    // one that is there is written as it is: it may have been lost
    if (on && until - seen.until <= stickMs / 8) return { k, label: seen };
    const generation = seen === undefined ? 0 : seen.generation + (seen.generation % 2);
    const label = { name, generation, until, origin: on ? seen.origin : origin };
    return { k, label: names.seal(key, label) };
  });
}

/** Labels that a call takes off, as they lie with one key. */
function removalsOf(
  { names, labels }: PayloadParts,
  key: string,
  k: number,
  call: CallChange,
  { stickMs }: TaskKeys,
  now: number,
): Marked[] {
  const copy = labels.get(key, now);
  return call.unlabel.flatMap((name) => {
    const seen = copy?.fields.get(names.digest("label", name));
    if (seen?.origin === undefined) return [];
    // what is known of it must outlive what it takes off
    const until = k === 0 ? noEnd : Math.max(seen.until, now + stickMs);
    return [{ k, label: names.seal(key, { name, generation: seen.generation + 1, until }) }];
  });
}
