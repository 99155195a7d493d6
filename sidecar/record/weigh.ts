import type { DecisionRequest } from "../contract.js";

/** Says about how much a record of a request keeps alive, bytes: its texts and names, and something for each value. */
export function weigh({ call, calls, context }: DecisionRequest): number {
  let bytes = 0;
  const waiting: unknown[] = [call, calls, context];
  while (waiting.length > 0) {
    const value = waiting.pop();
    bytes += typeof value === "string" ? value.length + 16 : 16;
    if (typeof value !== "object" || value === null) continue;
    for (const name in value) {
      bytes += name.length;
      waiting.push((value as Record<string, unknown>)[name]);
    }
  }
  return bytes;
}
