/** What model protocols have in common: a request, an answer, and an answer's events as they stream. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";

export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "image"; readonly source: ImageSource }
  /** A document by its bytes, as a PDF. */
  | { readonly kind: "document"; readonly mediaType: string; readonly data: string; readonly name?: string }
  /** What a model thought; `signature` is for the protocol that wrote it. */
  | { readonly kind: "thinking"; readonly text: string; readonly signature?: string }
  | { readonly kind: "call"; readonly id: string; readonly name: string; readonly arguments: JsonObject }
  | {
      readonly kind: "result";
      readonly id: string;
      readonly parts: readonly Part[];
      readonly isError: boolean;
    };

export type ImageSource =
  | { readonly kind: "url"; readonly url: string }
  /** Base64. */
  | { readonly kind: "data"; readonly mediaType: string; readonly data: string };

export interface Message {
  /** `system`: instructions that come once the conversation has begun; text only. */
  readonly role: "user" | "assistant" | "system";
  readonly parts: readonly Part[];
}

export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. */
  readonly schema: JsonObject;
  readonly strict?: boolean;
}

export type ToolChoice =
  { readonly kind: "auto" | "none" | "any" } | { readonly kind: "tool"; readonly name: string };

/** How much a model should think; the degrees that protocols share. */
export const efforts = ["low", "medium", "high", "xhigh"] as const;
export type Effort = (typeof efforts)[number];

/** Numbers stay as they came, so that they are sent as they came. */
export interface ModelRequest {
  readonly model: string;
  readonly system: readonly string[];
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelCalls?: boolean;
  readonly maxTokens?: number;
  readonly temperature?: Json;
  readonly topP?: Json;
  readonly stop: readonly string[];
  readonly user?: string;
  readonly effort?: Effort;
  /** The JSON Schema that the answer's text must meet. */
  readonly outputSchema?: JsonObject;
  readonly stream: boolean;
  /** Whether a stream ends with the usage. */
  readonly streamUsage: boolean;
}

export const finishes = ["stop", "length", "calls", "refused"] as const;
/** Why a model ended. */
export type Finish = (typeof finishes)[number];

/** Tokens. `input` holds those that were read from a cache or written to one, too. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead?: number;
  readonly cacheWritten?: number;
  readonly reasoning?: number;
}

export interface ModelAnswer {
  readonly id: string;
  readonly model: string;
  readonly parts: readonly Part[];
  readonly finish: Finish;
  /** The stop sequence that ended it, where the protocol tells. */
  readonly stopped?: string;
  readonly usage: Usage;
}

/** One thing that a streamed answer says. Parts are numbered from 0 in the order in which they begin. */
export type AnswerEvent =
  | { readonly kind: "begin"; readonly id: string; readonly model: string; readonly usage?: Usage }
  | { readonly kind: "part"; readonly index: number; readonly part: BegunPart }
  | { readonly kind: "delta"; readonly index: number; readonly text: string }
  /** The signature of a part that was thought. */
  | { readonly kind: "signature"; readonly index: number; readonly signature: string }
  | { readonly kind: "partEnd"; readonly index: number }
  | { readonly kind: "finish"; readonly finish: Finish; readonly stopped?: string; readonly usage?: Usage }
  | { readonly kind: "usage"; readonly usage: Usage }
  | { readonly kind: "end" };

/** A part that has begun; its text or arguments (as JSON text) follow as deltas. */
export type BegunPart =
  | { readonly kind: "text" | "thinking" }
  | { readonly kind: "call"; readonly id: string; readonly name: string };

/** Names what has no counterpart in the other protocol. INVARIANT: refused by name, never dropped. */
export class Untranslatable extends Error {
  override readonly name = "Untranslatable";
  /** @param place e.g. `messages[2].content[0].type`; never a value */
  constructor(readonly place: string) {
    super(place);
  }
}
