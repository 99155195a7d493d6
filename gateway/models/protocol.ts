/** How a client, or an upstream, speaks of models. One object for each protocol; nothing else knows their words. */
import type { Call, Decision, Json, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import type { ModelConfig } from "../config.js";
import type { Words } from "../enforce/duty.js";
import type { ProtocolHeaders } from "../forward/headers.js";
import type { CallGuard } from "./calls/guard.js";
import type { AnswerEvent, ModelAnswer, ModelRequest } from "./translate/canonical.js";
import type { StreamReader } from "./translate/openai-stream.js";

export type ProtocolName = "openai" | "anthropic";
export type Usage = NonNullable<Outcome["usage"]>;

/** What a request attempts. */
export interface ModelCall {
  readonly kind: "invoke";
  readonly call: Call;
  readonly model: string;
  readonly stream: boolean;
  readonly body: JsonObject;
  /** Sizes and digests of what is asked; never content. */
  readonly prompt: JsonObject;
  /** What detectors found, where they are configured. */
  readonly content?: JsonObject;
}

export interface ModelProtocol {
  readonly name: ProtocolName;
  /** Tells what a request attempts; fields that aren't known are refused by name. */
  classify(value: Json, bytes: Buffer, models: ReadonlyMap<string, ModelConfig>): ModelCall | Refusal;
  /** Refuses by name what the version that is spoken hasn't got; absent: nothing. */
  within?(asks: ModelCall | Refusal): ModelCall | Refusal;
  /** The words that obligations are carried out in. */
  readonly words: Words;
  /** Names the tools that a body lets the model call. */
  offered(body: JsonObject): readonly string[];
  /** Writes a refusal so that the protocol's own clients raise their own typed errors. */
  error(refusal: Refusal, decision?: Decision): string;
  /** The same as an event of a stream that has begun. */
  errorEvent(refusal: Refusal, decision?: Decision): string;
  /** Writes the list of models, or one of them. */
  models(models: readonly ListedModel[], one: boolean): JsonObject;
  /** Headers that an upstream wants with a body. */
  headers(body: JsonObject): ProtocolHeaders;
  /** The path of an invocation at an upstream; a URL with a path is the API's base, as SDKs take it. */
  path(base: URL): string;
  /** @throws Untranslatable */
  readRequest(body: Json): ModelRequest;
  /** @throws Untranslatable */
  writeRequest(request: ModelRequest, model: Pick<ModelConfig, "maxOutputTokens">): JsonObject;
  /** @throws Untranslatable */
  readAnswer(body: Json): ModelAnswer;
  /** @param created epoch seconds @throws Untranslatable */
  writeAnswer(answer: ModelAnswer, created: number): JsonObject;
  reader(): StreamReader;
  writer(created: number, request: ModelRequest): (event: AnswerEvent) => string;
  readonly calls: CallGuard;
  /** What an answer, or one event of its stream, says of usage; added to what was said before. */
  usage(data: JsonObject, before: Usage | undefined): Usage | undefined;
  /** Asks for the usage of a stream; absent where it is told anyway, undefined where the client asked for it. */
  askUsage?(body: JsonObject): JsonObject | undefined;
  /** The members of events that hold pieces of an answer's text, each as `"name":`. */
  readonly pieces: readonly string[];
  /** Keeps a stream alive, and says nothing. */
  readonly heartbeat: string;
}

export interface ListedModel {
  readonly id: string;
  readonly provider: string;
}
