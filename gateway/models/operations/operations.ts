/** The operations that are known, by name. */
import { countTokens } from "./count-tokens.js";
import { embeddings } from "./embeddings.js";

export const operations = { embeddings, countTokens } as const;
export type OperationName = keyof typeof operations;
