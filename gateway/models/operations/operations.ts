/** The operations that are known, by name. */
import { countTokens } from "./count-tokens.js";
import { embeddings } from "./embeddings.js";
import { responses } from "./responses.js";

export const operations = { embeddings, countTokens, responses } as const;
export type OperationName = keyof typeof operations;
