/** What a tool or prompt of the tested servers sees of a request, and how it asks the client in either era. */
import { createHmac } from "node:crypto";

export type Values = Record<string, unknown>;

/** One request as a tool or a prompt sees it, in either era. */
export interface Asked {
  readonly args: Values;
  readonly progressToken: string | number | undefined;
  /** What the client said that it can do. */
  readonly capabilities: Values;
  readonly notify: (method: string, params: Values) => Promise<void>;
  /** Asks the client at once; absent in the era where it is asked by a result. */
  readonly ask?: (method: string, params: Values) => Promise<Values>;
  /** What the client answered, where it was asked by a result. */
  readonly answers: Values;
  readonly state: string | undefined;
  /** Has the client come back for the rest. */
  readonly closeStream: () => void;
  readonly changed: (what: "tools" | "prompts") => void;
  /** Waits until the test goes on; `false` where the request was cancelled before. */
  readonly held: () => Promise<boolean>;
}

/** A refusal with a code of JSON-RPC's or MCP's. */
export class Refused extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: Values,
  ) {
    super(message);
  }
}

export type Answer = (asked: Asked) => Values | Promise<Values>;

export interface Question {
  readonly method: string;
  readonly params: Values;
}

export const text = (said: string): Values => ({ content: [{ type: "text", text: said }] });
export const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
export const image = { type: "image", data: png, mimeType: "image/png" };
export const words = (...names: string[]): Values => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
  required: names,
});

export const form = (message: string, requestedSchema: Values): Question => ({
  method: "elicitation/create",
  params: { message, requestedSchema },
});
export const sample = (prompt: string, maxTokens = 100): Question => ({
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens },
});
export const roots: Question = { method: "roots/list", params: {} };

const sign = (said: string): string => `${said}.${createHmac("sha256", "test").update(said).digest("hex")}`;

/** Gives the step that a state stands for; 0 where there is none. */
export function stepOf({ state }: Asked): number {
  if (state === undefined) return 0;
  const [step = ""] = state.split(".");
  if (state !== sign(step)) throw new Refused(-32602, "the state is not one of ours");
  return Number(step);
}

const isAnswer = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  ["action", "content", "roots"].some((key) => Object.hasOwn(value, key));

/** Asks the client all of it, in the words of its era, and goes on with the answers. */
export async function asking(
  asked: Asked,
  questions: Readonly<Record<string, Question>>,
  then: (answers: Values) => Values,
  { step, stateful = false }: { step?: number; stateful?: boolean } = {},
): Promise<Values> {
  const { ask, answers } = asked;
  if (ask !== undefined) {
    const given: Values = {};
    for (const [key, { method, params }] of Object.entries(questions)) given[key] = await ask(method, params);
    return then(given);
  }
  const all = Object.keys(questions).every((key) => isAnswer(answers[key]));
  if (all && (!stateful || stepOf(asked) > 0)) return then(answers);
  stepOf(asked);
  const state = stateful ? { requestState: sign(String(step ?? 1)) } : {};
  return { resultType: "input_required", inputRequests: questions, ...state };
}

/** Gives what a tool or prompt answers. @throws Refused where there is none */
export async function answerOf(
  of: Readonly<Record<string, { answer: Answer }>>,
  key: string,
  asked: Asked,
): Promise<Values> {
  const one = Object.hasOwn(of, key) ? of[key] : undefined;
  if (one === undefined) throw new Refused(-32602, "not known", { name: key });
  return one.answer(asked);
}
