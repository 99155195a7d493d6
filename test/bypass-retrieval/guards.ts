/** The guards that cases rely on: where each is, what is put in its place, and the cases of which one at least must fail then. */
import type { Guard } from "../bypass/guards.js";

export const guards: readonly Guard[] = [
  {
    guard: "each document is measured by the condition",
    file: "gateway/retrieval/serve/judge.ts",
    code: "if (holds(narrowing.condition, document)) candidates",
    instead: "if (true) candidates",
    cases: ["filters that widen by or: Qdrant: another tenant"],
  },
];
