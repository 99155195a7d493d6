/** The operations that are known, by name. */
import { completions } from "./completions.js";
import { countTokens } from "./count-tokens.js";
import { embeddings } from "./embeddings.js";
import { geminiEmbed, geminiEmbedBatch, geminiGenerate, geminiStream } from "./gemini.js";
import { images } from "./images.js";
import { moderations } from "./moderations.js";
import { responses } from "./responses.js";

export const operations = {
  embeddings,
  countTokens,
  responses,
  completions,
  moderations,
  images,
  geminiGenerate,
  geminiStream,
  geminiEmbed,
  geminiEmbedBatch,
} as const;
export type OperationName = keyof typeof operations;
