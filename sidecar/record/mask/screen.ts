/** Lets the policies of the decision log see an event before any sink does: they drop it, or mask parts of it. */
import type { Json, JsonObject } from "../../contract.js";
import { isObject, parseJson, stringifyJson } from "../../contract.js";
import { applyMask } from "./apply.js";
import { MaskRefused, readMaskRules } from "./rules.js";

/** Evaluates one of the two policies on an event's text. */
export type Ask = (event: string) => LogAnswer;

export type LogAnswer =
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "undefined" }
  /** `detail` names the fault without its content. */
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };

/** What the bundles in force have; a policy that isn't there costs nothing. */
export interface LogPolicies {
  readonly mask?: Ask;
  readonly drop?: Ask;
}

export interface ScreenParts {
  /** Asked for each event: must be quick. */
  readonly policies: () => LogPolicies | undefined;
  /** Told of each event from which input and result were withheld, as its mask or drop policy failed. */
  readonly onWithheld: (policy: "mask" | "drop", reason: string) => void;
  /** Milliseconds of a monotonic clock. */
  readonly clock?: () => number;
}

/** Gives the text to be written; undefined where the event is dropped. Never throws. */
export type Screen = (text: string) => string | undefined;

/** What a mask may add to an event, characters. */
const mostAdded = 65_536;
/** A failing policy gets this part of the time, so that one that loops doesn't hold up decisions. */
const share = 10;

/**
 * Makes the screen.
 *
 * INVARIANT: an event that couldn't be masked as its policy says goes without input and result, and so does one whose drop
 * policy failed. Nothing leaks by a fault, and no decision goes unrecorded by one.
 */
export function createScreen({ policies, onWithheld, clock = () => performance.now() }: ScreenParts): Screen {
  let failing: LogPolicies | undefined;
  let pausedUntil = 0;

  return (text) => {
    const found = policies();
    if (found === undefined) return text;
    let policy: "mask" | "drop" = "drop";
    const from = clock();
    try {
      if (found === failing && from < pausedUntil) throw new MaskRefused("paused");
      if (found.drop !== undefined) {
        const answer = valueOf(found.drop(text));
        if (answer === true) return undefined;
      }
      policy = "mask";
      const answer = found.mask === undefined ? undefined : valueOf(found.mask(text));
      failing = undefined;
      return answer === undefined ? text : masked(text, answer);
    } catch (error) {
      if (found !== failing || from >= pausedUntil) {
        const now = clock();
        pausedUntil = now + (now - from) * share;
        failing = found;
      }
      onWithheld(policy, error instanceof MaskRefused ? error.message : "fault");
      return withheld(text);
    }
  };
}

function valueOf(answer: LogAnswer): Json | undefined {
  if (answer.kind === "failed") throw new MaskRefused(`${answer.code}: ${answer.detail}`);
  return answer.kind === "value" ? answer.value : undefined;
}

function masked(text: string, answer: Json): string {
  const rules = readMaskRules(answer);
  if (rules.length === 0) return text;
  const event = readEvent(text);
  if (event === undefined) throw new MaskRefused("the event is no object");
  let added = 0;
  for (const { value } of rules) added += value === null ? 0 : stringifyJson(value).length;
  if (added > mostAdded) throw new MaskRefused(`the mask adds more than ${mostAdded} characters`);
  applyMask(event, rules);
  return stringifyJson(event);
}

/** Deeper than any input that a door lets in. */
const depth = 512;

function readEvent(text: string): JsonObject | undefined {
  try {
    const event = parseJson(text, { depth });
    return isObject(event) ? event : undefined;
  } catch {
    return undefined;
  }
}

/** The event without what a caller or a policy may have filled. */
export function withheld(text: string): string {
  const event = readEvent(text);
  if (event === undefined) {
    const [, id = ""] = /"decision_id":"([\w.-]{1,128})"/.exec(text) ?? [];
    return stringifyJson({ type: "decision", decision_id: id, incomplete: true });
  }
  const erased = ["input", "result", "nd_builtin_cache"].filter((name) => event[name] !== undefined);
  for (const name of erased) delete event[name];
  if (erased.length > 0) event["erased"] = erased.map((name) => `/${name}`);
  return stringifyJson({ ...event, incomplete: true });
}
