import type { Call, DecisionRequest } from "../contract.js";

/** What calls of lists weigh: the same ones are asked about again and again. */
const known = new WeakMap<Call, number>();

/** Says about how much a record of a request keeps alive, bytes: its texts and names, and something for each value. */
export function weigh({ call, calls = [], context }: DecisionRequest): number {
  if (calls.length < 2) return weighAll([call, calls[0], context]);
  let bytes = weighAll([context]);
  for (const one of calls) {
    let weight = known.get(one);
    if (weight === undefined) known.set(one, (weight = weighAll([one])));
    bytes += weight;
  }
  return bytes;
}

function weighAll(waiting: unknown[]): number {
  let bytes = 0;
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
