import type { Json, JsonObject } from "../../sidecar/contract.js";
import { maskBody } from "../content/mask-body.js";
import type { Masking } from "../content/mask-text.js";
import { patternsOf } from "../content/mask-text.js";
import { countsItems, readPointers } from "../content/pointer.js";
import type { Duty, Words } from "./duty.js";
import { take, textsOf } from "./duty.js";

const longest = 64;

/**
 * `{patterns, pointers, phase: "request", replacement?}`: replaces what detectors find in all texts of the request, in
 * those that pointers lead to, or (without patterns) all of those; `patterns` are kinds, or names of detectors for all
 * of theirs. With the phase `response` it can't be done on a request: {@link readMasking} reads it for the answer.
 */
export const mask: Duty<Words> = (body, properties, { said }) => {
  const masking = readMasking(properties, "request", said?.request ?? []);
  return masking === undefined ? undefined : maskBody(body, masking);
};

/**
 * Reads what is to be masked; undefined where it isn't understood.
 * @param top the fields that pointers may begin with
 */
export function readMasking(
  properties: JsonObject,
  wanted: "request" | "response",
  top: readonly string[],
): Masking | undefined {
  const names = ["patterns", "pointers", "phase", "replacement"];
  const { patterns, pointers, phase, replacement } = take(properties, ...names) ?? {};
  if (phase !== wanted || (patterns === undefined && pointers === undefined)) return undefined;
  const found = read(patterns, patternsOf);
  const places = read(pointers, (texts) => readPointers(texts, top));
  if (found === "wrong" || places === "wrong") return undefined;
  // a stream doesn't count its parts as the whole does
  if (wanted === "response" && places?.some(countsItems) === true) return undefined;
  const instead = typeof replacement === "string" && replacement.length <= longest;
  if (replacement !== undefined && !instead) return undefined;
  return {
    ...(found === undefined ? {} : { patterns: found }),
    ...(places === undefined ? {} : { pointers: places }),
    ...(instead ? { replacement } : {}),
  };
}

function read<T>(
  value: Json | undefined,
  parse: (texts: readonly string[]) => T | undefined,
): T | "wrong" | undefined {
  if (value === undefined) return undefined;
  const texts = textsOf(value);
  return (texts === undefined ? undefined : parse(texts)) ?? "wrong";
}
