/** Counts what detectors found and what they didn't see; facts never hold text, matches or places. */
import type { JsonObject } from "../../sidecar/contract.js";
import type { Counts, Detector } from "./detector.js";
import type { Media } from "./media.js";

/** Why something wasn't looked at. */
export type Why = "budget" | "failed" | "media" | "too_large" | "unknown";

/** What is known of a role's texts, or of all. */
export interface Tally {
  texts: number;
  bytes: number;
  readonly found: Record<string, Counts>;
  readonly media: Record<Media["kind"], { count: number; bytes: number; unsized: number; types: Counts }>;
  /** Detector (or `media`) → parts that it didn't see whole. */
  readonly unscanned: Counts;
  readonly why: Set<Why>;
}

export function newTally(): Tally {
  const none = () => ({ count: 0, bytes: 0, unsized: 0, types: {} });
  const media = { images: none(), files: none() };
  return { texts: 0, bytes: 0, found: {}, media, unscanned: {}, why: new Set() };
}

export function add(to: Counts, counts: Counts): void {
  for (const [kind, count] of Object.entries(counts)) to[kind] = (to[kind] ?? 0) + count;
}

export function miss({ unscanned, why }: Tally, what: string, reason: Why): void {
  unscanned[what] = (unscanned[what] ?? 0) + 1;
  why.add(reason);
}

export function addMedium(tally: Tally, { kind, type, bytes }: Media): void {
  const sum = tally.media[kind];
  sum.count++;
  // what is elsewhere, or still to come, has no size here
  if (bytes === undefined) sum.unsized++;
  else sum.bytes += bytes;
  add(sum.types, { [type]: 1 });
  miss(tally, "media", "media");
}

/** INVARIANT: `scanned` is true only where every detector saw all of every text, and there was nothing but text. */
export function factsOf(tally: Tally, detectors: readonly Detector[]): JsonObject {
  const { texts, bytes, found, media, unscanned, why } = tally;
  return {
    texts,
    bytes,
    scanned: why.size === 0,
    ...(why.size === 0 ? {} : { why: [...why].sort(), unscanned: { ...unscanned } }),
    ...Object.fromEntries(detectors.map(({ name }) => [name, { ...found[name] }])),
    images: { ...media.images, types: { ...media.images.types } },
    files: { ...media.files, types: { ...media.files.types } },
  };
}

export function versionsOf(detectors: readonly Detector[]): JsonObject {
  return Object.fromEntries(detectors.map(({ name, version }) => [name, version]));
}
