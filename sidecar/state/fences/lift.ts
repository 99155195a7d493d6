import type { Fence } from "./fences.js";

/** Milliseconds for which one who asked waits for a second person. */
const askedMs = 86_400_000;

/**
 * Gives the record of a fence after a person lifted it, or asked for that.
 * @param second whether another person must agree
 */
export function liftOf(fence: Fence, by: string, now: number, second: boolean): Fence | "waits" | "lifted" {
  if (fence.state === "lifted") return "lifted";
  const version = fence.version + 1;
  const { lift } = fence;
  if (!second) return { ...fence, version, state: "lifted", lift: { by, at: now } };
  if (lift === undefined || now - lift.at > askedMs) return { ...fence, version, lift: { by, at: now } };
  // INVARIANT: who asked can't agree, under whatever spelling
  if (samePerson(lift.by, by)) return "waits";
  return { ...fence, version, state: "lifted", lift: { by: lift.by, at: now, agreed: by } };
}

/** Tells whether two names are one person's. */
export function samePerson(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(name: string): string {
  return name.normalize("NFKC").trim().toLowerCase();
}
