/** Reads what a fence names. */
import type { FenceKind, FenceMatch, Json } from "../../contract.js";
import { fenceKinds, isObject, nearest } from "../../contract.js";

/** Characters of the longest value: that of a SPIFFE id. */
const longest = 2_048;
/** INVARIANT: whatever can be somebody's id can be fenced off, also what hides characters; lists show them as their codes. */
const plain = /^[^\p{Cc}\p{Cs}]+$/u;

export type ReadMatch =
  | { readonly kind: "match"; readonly match: FenceMatch }
  | { readonly kind: "wrong"; readonly problem: string };

/** Reads a match strictly: at least one kind, each known, values as they are. A problem names kinds, never values. */
export function readMatch(value: Json | undefined): ReadMatch {
  if (!isObject(value)) return wrong("match must be an object of kinds and values");
  const names = Object.keys(value);
  if (names.length === 0) return wrong(`match must name at least one of ${fenceKinds.join(", ")}`);
  const match: Partial<Record<FenceKind, string>> = {};
  // in the order of the table, so that what is the same is written the same
  for (const kind of fenceKinds) {
    const given = value[kind];
    if (given === undefined) continue;
    if (typeof given !== "string" || given.length > longest || !plain.test(given)) {
      return wrong(`match.${kind} must be text of 1 to ${longest} characters without control characters`);
    }
    if (kind === "everything" && given !== "*") return wrong('match.everything must be "*"');
    // what fits nothing would look as if it held
    if (kind === "tool" && !/^[^/]+\/./.test(given)) return wrong("match.tool must be SERVER/TOOL");
    match[kind] = given;
  }
  const unknown = names.find((name) => !(fenceKinds as readonly string[]).includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, fenceKinds);
    return wrong(
      `match.${unknown.slice(0, 32)} is no kind; ${near === undefined ? `known are ${fenceKinds.join(", ")}` : `did you mean ${near}?`}`,
    );
  }
  if (match.everything !== undefined && Object.keys(match).length > 1) {
    return wrong("match.everything stands alone; leave it out to fence what the others name");
  }
  return { kind: "match", match };
}

/** Writes a match so that the same one is the same text. */
export function textOfMatch(match: FenceMatch): string {
  return JSON.stringify(fenceKinds.flatMap((kind) => (match[kind] === undefined ? [] : [kind, match[kind]])));
}

function wrong(problem: string): ReadMatch {
  return { kind: "wrong", problem };
}
