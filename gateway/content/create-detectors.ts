/** The detectors that there are. A new one needs a file that makes it, and a line here. */
import type { Detector, DetectorName } from "./detector.js";
import { hiddenPatterns, phrasePatterns } from "./injection.js";
import { loadLanguage } from "./language.js";
import { piiPatterns } from "./pii.js";
import { createPatternDetector } from "./scan-patterns.js";
import { secretPatterns } from "./secrets.js";

export const pii = createPatternDetector("pii", "1", piiPatterns);
export const secrets = createPatternDetector("secrets", "1", secretPatterns);
export const injection = createPatternDetector("injection", "1", hiddenPatterns, {
  patterns: phrasePatterns,
  roles: ["tool", "retrieved"],
});

const makers: Readonly<Record<DetectorName, () => Promise<Detector>>> = {
  pii: () => Promise.resolve(pii),
  secrets: () => Promise.resolve(secrets),
  injection: () => Promise.resolve(injection),
  language: loadLanguage,
};

export function createDetectors(names: readonly DetectorName[]): Promise<readonly Detector[]> {
  return Promise.all(names.map((name) => makers[name]()));
}
