import type { Duty, Words } from "./duty.js";
import { take } from "./duty.js";

const longest = 32_768;

/** `{text}`: puts instructions in front of all that the request brings. */
export const requireSystemPrompt: Duty<Words> = (body, properties, { withInstructions }) => {
  const text = take(properties, "text")?.["text"];
  if (typeof text !== "string" || text === "" || text.length > longest) return undefined;
  return withInstructions(body, text);
};
