import type { Forwarded } from "../forward/forward.js";

export type Answered = Extract<Forwarded, { kind: "answered" }>;

/** Makes an upstream's answer one of its protocol. */
export type ReadAnswer = (answer: Answered) => Promise<Forwarded>;
