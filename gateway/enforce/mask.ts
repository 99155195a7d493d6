import type { Json, JsonObject, Obligation } from "../../sidecar/contract.js";
import { maskBody } from "../content/mask-body.js";
import type { Masking } from "../content/mask-text.js";
import { patternsOf } from "../content/mask-text.js";
import type { Duty, Words } from "./duty.js";
import { take, textsOf } from "./duty.js";

const longest = 64;

/**
 * `{patterns, phase: "request", replacement?}`: replaces what detectors find in all texts of the request; `patterns`
 * are kinds, or names of detectors for all of theirs. With the phase `response` it can't be done on a request:
 * {@link takeAnswerMasks} takes those out where answers are masked.
 */
export const mask: Duty<Words> = (body, properties) => {
  const masking = readMasking(properties, "request");
  return masking === undefined ? undefined : maskBody(body, masking);
};

/** Takes out what is to be masked in the answer; undefined where one of it isn't understood. */
export function takeAnswerMasks(
  obligations: readonly Obligation[],
): { readonly masks: readonly Masking[]; readonly others: readonly Obligation[] } | undefined {
  const isMine = ({ type, properties }: Obligation): boolean =>
    type === "mask" && properties["phase"] === "response";
  const masks = obligations.filter(isMine).map(({ properties }) => readMasking(properties, "response"));
  const known = masks.filter((one) => one !== undefined);
  if (known.length < masks.length) return undefined;
  return { masks: known, others: obligations.filter((one) => !isMine(one)) };
}

function readMasking(properties: JsonObject, wanted: Json): Masking | undefined {
  const { patterns, phase, replacement } = take(properties, "patterns", "phase", "replacement") ?? {};
  const names = textsOf(patterns);
  const known = names === undefined ? undefined : patternsOf(names);
  if (known === undefined || phase !== wanted) return undefined;
  if (replacement === undefined) return { patterns: known };
  if (typeof replacement !== "string" || replacement.length > longest) return undefined;
  return { patterns: known, replacement };
}
