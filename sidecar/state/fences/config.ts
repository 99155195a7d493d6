import type { Fields, Problems } from "../../contract.js";
import type { WatchRule } from "../watch/config.js";
import { readWatchRules } from "../watch/config.js";

export interface FencesConfig {
  /** What happens while it can't be known whether something is fenced off: nothing is allowed, or what is known here counts. */
  readonly onPartition: "deny" | "allow_cached";
  /** Milliseconds without an answer of Redis after which what is known here is stale. */
  readonly staleAfterMs: number;
  /** Milliseconds between two looks at whether something was missed. */
  readonly pollMs: number;
  /** Whether two people must agree to lift one. */
  readonly secondPerson: boolean;
  /** Most fences in force. */
  readonly max: number;
  /** What fences by itself. */
  readonly rules: readonly WatchRule[];
}

/** Reads the section `fences`. */
export function readFences(fields: Fields, problems: Problems): FencesConfig {
  const staleAfterMs = fields.integer("stale_after_ms", 100, 60_000) ?? 1_000;
  const pollMs =
    fields.integer("poll_ms", 10, 30_000) ?? Math.max(10, Math.min(250, Math.floor(staleAfterMs / 4)));
  if (pollMs * 2 > staleAfterMs) {
    problems.add(fields.at("poll_ms"), "must be at most half of stale_after_ms");
  }
  return {
    onPartition: fields.oneOf("on_partition", ["deny", "allow_cached"]) ?? "deny",
    staleAfterMs,
    pollMs,
    secondPerson: fields.boolean("second_person") ?? false,
    max: fields.integer("max", 10, 1_000_000) ?? 20_000,
    rules: readWatchRules(fields.items("rules"), problems),
  };
}
