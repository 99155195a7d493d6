/** Walks the events of an answer's stream: which text each is a part of, and which texts end with it. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";

/** How a text stands in an answer: as it is, or as JSON, which means nothing before it is whole. */
export type Form = "text" | "json";

/** What is left of a text that ended. */
export interface Rest {
  readonly path: string;
  readonly text: string;
}

/**
 * What looks at the texts of an answer; each function gives what is to stand there instead. A path is where a text
 * stands in the answer were it whole, e.g. `/choices/0/message/content`: it is the same for all pieces of a text.
 */
export interface Visitor {
  /** A part of a text that goes on in later events. */
  piece(path: string, text: string, form: Form): string;
  /** What is said at once. */
  whole(path: string, value: Json): Json;
  /** What says in another way what pieces said, such as the probabilities of its tokens. */
  echo(value: Json): Json;
  /** What isn't known: it may be a part of something that nobody here knows. */
  unknown(path: string, value: Json): Json;
  /** Ends the texts at or below a path. */
  end(path: string): readonly Rest[];
}

/** Shows one event to a visitor; gives the events that stand in its place. */
export type VisitEvent = (event: JsonObject, visitor: Visitor) => JsonObject[];

/** How an answer of one protocol says what it says. */
export interface AnswerWords {
  /** Makes what visits the events of one stream. */
  readonly events: () => VisitEvent;
  /** Whether events have a line that names their type. */
  readonly named: boolean;
  /** Whether later events say again what earlier ones said. */
  readonly repeats: boolean;
}

export const objects = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((item) => isObject(item)) : [];

/** A number in a path; what is none is its own place. */
export const placeOf = (value: Json | undefined): string =>
  typeof value === "number" ? String(value) : value === undefined ? "0" : "?";

/**
 * What visits a text that goes on after its end. INVARIANT: clients put it to what was before, where nobody looks any
 * more: it is nothing that is known.
 */
export function afterEnd(visitor: Visitor): Visitor {
  const piece: Visitor["piece"] = (path, text) => (text === "" ? text : String(visitor.unknown(path, text)));
  return { ...visitor, piece };
}

/** Shows fields that are said at once to a visitor, as an object. */
export function wholeOf(visitor: Visitor, path: string, value: JsonObject): JsonObject {
  const out = visitor.whole(path, value);
  return isObject(out) ? out : {};
}
