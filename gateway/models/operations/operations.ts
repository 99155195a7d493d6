/** The operations that are known, by name. */
import { imageEdit, imageVariation } from "./image-uploads.js";
import { speech, transcription, translation } from "./audio.js";
import { completions } from "./completions.js";
import { countTokens } from "./count-tokens.js";
import { embeddings } from "./embeddings.js";
import { geminiCount } from "./gemini-count.js";
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
  speech,
  geminiGenerate,
  geminiStream,
  geminiCount,
  geminiEmbed,
  geminiEmbedBatch,
} as const;
export type OperationName = keyof typeof operations;

/** Those that bring files. */
export const uploads = { transcription, translation, imageEdit, imageVariation } as const;
export type UploadName = keyof typeof uploads;
