/** Describes what a request or an answer says by facts that policy may decide on: kinds and counts, never text, matches or places. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import type { Counts, Detector, Role } from "./detector.js";
import { reach } from "./detector.js";
import type { Media } from "./media.js";
import type { RequestParts } from "./read-parts.js";
import { readAnswer, readParts } from "./read-parts.js";
import type { Tally, Why } from "./tally.js";
import { add, addMedium, factsOf, miss, newTally, versionsOf } from "./tally.js";

export interface ContentParts {
  readonly detectors: readonly Detector[];
  /** What each detector may take for one request, or one answer, milliseconds. */
  readonly budgetMs: number;
  /** What of a request's or answer's text is looked at, bytes. */
  readonly maxBytes: number;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

/** @param files media that come beside the body */
export type DescribeContent = (body: JsonObject, files?: readonly Media[]) => Promise<JsonObject>;

/** Scanned at a time, characters. */
const slice = 65_536;
/** Others wait no longer than about this, milliseconds. */
const turnMs = 4;

/** Makes the function that describes a request's content; it lets others run every few milliseconds. */
export function createDescribeContent(parts: ContentParts): DescribeContent {
  return async (body, files = []) => {
    const byRole = new Map<Role, Tally>();
    const { texts, media } = readParts(body);
    const all = await tallyOf(parts, { texts, media: [...media, ...files] }, byRole);
    return {
      detectors: versionsOf(parts.detectors),
      ...factsOf(all, parts.detectors),
      roles: Object.fromEntries([...byRole].map(([role, tally]) => [role, factsOf(tally, parts.detectors)])),
    };
  };
}

/** Describes a whole answer: there are no roles in it. */
export async function describeAnswer(parts: ContentParts, answer: Json): Promise<JsonObject> {
  const all = await tallyOf(parts, readAnswer(answer), new Map());
  return { detectors: versionsOf(parts.detectors), ...factsOf(all, parts.detectors) };
}

/** Describes an answer that is one medium: nobody looks into it. */
export function factsOfMedium({ detectors }: ContentParts): JsonObject {
  const tally = newTally();
  addMedium(tally, { role: "assistant", kind: "files", type: "unknown" });
  return { detectors: versionsOf(detectors), ...factsOf(tally, detectors) };
}

async function tallyOf(
  parts: ContentParts,
  { texts, media }: RequestParts,
  byRole: Map<Role, Tally>,
): Promise<Tally> {
  const all = newTally();
  const talliesOf = (role: Role): readonly Tally[] => {
    const known = byRole.get(role) ?? newTally();
    byRole.set(role, known);
    return [all, known];
  };
  for (const medium of media) for (const tally of talliesOf(medium.role)) addMedium(tally, medium);
  await scanTexts(parts, texts, talliesOf);
  return all;
}

async function scanTexts(
  { detectors, budgetMs, maxBytes, clock }: ContentParts,
  texts: RequestParts["texts"],
  talliesOf: (role: Role) => readonly Tally[],
): Promise<void> {
  const spent = new Map(detectors.map((detector) => [detector, 0]));
  let left = maxBytes;
  let turn = clock();
  for (const { role, text } of texts) {
    const tallies = talliesOf(role);
    const bytes = Buffer.byteLength(text);
    // characters of three bytes at most: what is cut is never more than allowed
    const most = bytes <= left ? text.length : Math.floor(left / 3);
    left = Math.max(0, left - bytes);
    for (const tally of tallies) {
      tally.texts++;
      tally.bytes += bytes;
    }
    for (const detector of detectors) {
      const end = Math.min(most, detector.sample ?? most);
      let why: Why | undefined = most < text.length && end === most ? "too_large" : undefined;
      for (let at = 0; at < end;) {
        const before = clock();
        const used = spent.get(detector) ?? 0;
        if (used >= budgetMs) {
          why = "budget";
          break;
        }
        const scanned = scanSlice(detector, text, at, Math.min(end, at + slice), role);
        const now = clock();
        spent.set(detector, used + now - before);
        if (scanned === undefined) {
          why = "failed";
          break;
        }
        for (const { found } of tallies) add((found[detector.name] ??= {}), scanned.counts);
        at = scanned.next;
        if (now - turn >= turnMs) {
          await new Promise((resolve) => setImmediate(resolve));
          turn = clock();
        }
      }
      if (why !== undefined) for (const tally of tallies) miss(tally, detector.name, why);
    }
  }
}

/** Scans a slice with what is around it; undefined where the detector failed. */
export function scanSlice(
  detector: Detector,
  text: string,
  from: number,
  to: number,
  role: Role,
): { readonly counts: Counts; readonly next: number } | undefined {
  const start = Math.max(0, from - reach.before);
  const whole = start === 0 && text.length <= to + reach.after;
  const window = whole ? text : text.slice(start, to + reach.after);
  try {
    const { counts, next } = detector.scan(window, from - start, to - start, role);
    return { counts, next: Math.max(to, next + start) };
  } catch {
    // a detector's fault is no fact about the text
    return undefined;
  }
}
