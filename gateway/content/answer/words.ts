import { anthropicWords } from "./anthropic.js";
import { geminiWords } from "./gemini.js";
import { openAiWords } from "./openai.js";
import { responsesWords } from "./responses.js";
import type { AnswerWords } from "./visitor.js";

/** How answers are said, by the form that they are in. */
export const answerWords = {
  openai: openAiWords,
  anthropic: anthropicWords,
  gemini: geminiWords,
  responses: responsesWords,
} as const satisfies Record<string, AnswerWords>;
export type AnswerForm = keyof typeof answerWords;
