/** The operations that are known, by name. */
import { completions } from "./completions.js";
import { countTokens } from "./count-tokens.js";
import { embeddings } from "./embeddings.js";
import { moderations } from "./moderations.js";
import { responses } from "./responses.js";

export const operations = { embeddings, countTokens, responses, completions, moderations } as const;
export type OperationName = keyof typeof operations;
