/** What every obligation's file gives: it carries the obligation out on a body, or says that it can't. */
import type { Json, JsonObject } from "../../sidecar/contract.js";

/** The words of a protocol that obligations are carried out in. */
export interface Words {
  /** The fields that limit what a model writes, the one to set first. */
  readonly tokenLimits: readonly string[];
  /** The fields that a policy may set, and what each must be. */
  readonly parameters: Readonly<Record<string, (value: Json) => boolean>>;
  readonly stop: { readonly field: string; readonly most: number };
  /** The lists of tools, and what names one in them. */
  readonly tools: Readonly<Record<string, (tool: JsonObject) => Json | undefined>>;
  /** Names the one tool that the body insists on, where it does. */
  readonly chosenTool: (body: JsonObject) => Json | undefined;
  /** The fields that mean nothing without tools. */
  readonly toolFields: readonly string[];
  /** Puts instructions in front of all others. */
  readonly withInstructions: (body: JsonObject, text: string) => JsonObject;
  /** The fields of requests, and of answers, that say something: where pointers may begin. Absent: nowhere. */
  readonly said?: { readonly request: readonly string[]; readonly answer: readonly string[] };
}

/**
 * Carries an obligation out; undefined where that can't be done, which denies. INVARIANT: a property that isn't
 * understood is a duty that isn't done.
 */
export type Duty<Context> = (
  body: JsonObject,
  properties: JsonObject,
  context: Context,
) => JsonObject | undefined;

/** Copies an object, so that what was decided on stays as it was. */
export function copy(value: JsonObject): JsonObject {
  return Object.assign(Object.create(null) as JsonObject, value);
}

/** Takes properties by name; undefined where there is any other. */
export function take(properties: JsonObject, ...names: readonly string[]): JsonObject | undefined {
  return Object.keys(properties).every((name) => names.includes(name)) ? properties : undefined;
}

/** A list of texts, not empty, each of bearable length. */
export function textsOf(value: Json | undefined): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > 256) return undefined;
  const fits = (text: Json): text is string =>
    typeof text === "string" && text !== "" && text.length <= 1_024;
  return value.every(fits) ? value : undefined;
}
