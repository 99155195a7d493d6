import type { Counts, Detector, DetectorName, Role } from "./detector.js";
import type { Pattern } from "./pattern.js";
import { findAll } from "./pattern.js";

/** Makes a detector of patterns. */
export function createPatternDetector(
  name: DetectorName,
  version: string,
  patterns: readonly Pattern[],
  inRoles: { readonly patterns: readonly Pattern[]; readonly roles: readonly Role[] } = {
    patterns: [],
    roles: [],
  },
): Detector {
  const all = [...patterns, ...inRoles.patterns];
  return {
    name,
    version,
    kinds: [...new Set(all.map(({ kind }) => kind))],
    scan(text, from, to, role) {
      const counts: Counts = {};
      const matches = findAll(text, inRoles.roles.includes(role) ? all : patterns, from, to);
      for (const { kind } of matches) counts[kind] = (counts[kind] ?? 0) + 1;
      return { counts, next: Math.max(to, matches.at(-1)?.end ?? to) };
    },
  };
}
