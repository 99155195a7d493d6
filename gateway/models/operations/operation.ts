/** One operation of a provider's API that isn't translated to another's: one object for each. */
import { createHash } from "node:crypto";
import type { ActionName, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import type { ModelConfig, UpstreamConfig } from "../../config.js";
import type { AnswerForm } from "../../content/answer/words.js";
import type { Duty, Words } from "../../enforce/duty.js";
import type { ProtocolHeaders } from "../../forward/headers.js";
import type { DecideCalls, StreamGuard } from "../calls/guard.js";
import { modelProperties } from "../classify.js";
import type { Check } from "../fields.js";
import { wrongField } from "../fields.js";
import type { ModelCall, ModelProtocol, Usage } from "../protocol.js";
import type { Bound } from "./bind.js";

/** How refusals are said. */
export type Speaker = Pick<ModelProtocol, "error" | "errorEvent"> & Partial<Pick<ModelProtocol, "heartbeat">>;

export interface Operation {
  /** Upstreams of this protocol have the operation; others don't. */
  readonly protocol: UpstreamConfig["protocol"];
  readonly speaker: Speaker;
  /**
   * Tells what a request attempts; fields that aren't known are refused by name.
   * @param named the model, where the path names it
   */
  classify(
    value: Json,
    bytes: Buffer,
    models: ReadonlyMap<string, ModelConfig>,
    named: string,
  ): ModelCall | Refusal;
  /** The obligations that can be carried out on its requests, and the words for it. */
  readonly duties: Readonly<Record<string, Duty<Words>>>;
  readonly words: Words;
  readonly headers: ProtocolHeaders;
  /** The path at an upstream; a URL with a path is the API's base, as SDKs take it. */
  path(base: URL, model: string, stream: boolean): string;
  /** Puts the upstream's name of the model into the body, where it differs. */
  named(body: JsonObject, model: string): JsonObject;
  /** Says what a body says in messages, whose words detectors know; absent: as it is. */
  texts?(body: JsonObject): JsonObject;
  /** How answers are said, where not as its protocol's chats are. */
  readonly answers?: AnswerForm;
  /** Names the tools that a body lets the model call. */
  offered(body: JsonObject): readonly string[];
  /** What an answer, or one event of its stream, says of usage; added to what was said before. */
  usage(data: JsonObject, before: Usage | undefined): Usage | undefined;
  /** Asks for the usage of a stream; absent where it is told anyway, undefined where the client asked for it. */
  askUsage?(body: JsonObject): JsonObject | undefined;
  /** The members of events that hold pieces of an answer's text, each as `"name":`; absent: answers are no text. */
  readonly pieces?: readonly string[];
  /** Tells the media types of an answer that isn't JSON; absent: it is, or a stream of events where one was asked for. */
  readonly media?: (type: string) => boolean;
  /** Finds the calls of tools in answers; absent where there are none. */
  readonly calls?: {
    /** Tells whether an answer must be looked at. */
    may(text: string): boolean;
    whole(answer: JsonObject, decide: DecideCalls): Promise<JsonObject | undefined>;
    stream(decide: DecideCalls): StreamGuard;
  };
  /** Binds ids of what the upstream keeps to who made it; absent where it keeps nothing. */
  readonly bind?: {
    /** Gives the body in the upstream's ids; a refusal where an id is another's. */
    request(body: JsonObject, bound: Bound): JsonObject | Refusal;
    /** Gives an answer, or one event of a stream, in ids for this client. */
    answer(data: JsonObject, bound: Bound): JsonObject;
  };
}

export interface Described {
  readonly action: ActionName;
  readonly model: string;
  readonly stream: boolean;
  /** Beside phase and stream: what policy may decide on. */
  readonly properties: JsonObject;
  /** Sizes of what is asked. */
  readonly prompt: JsonObject;
}

/** Makes the question about an operation on a model. */
export function toCall(
  body: JsonObject,
  bytes: Buffer,
  models: ReadonlyMap<string, ModelConfig>,
  { action, model, stream, properties, prompt }: Described,
): ModelCall {
  return {
    kind: "invoke",
    call: {
      kind: "model",
      action: { name: action, properties: { phase: "request", stream, ...properties } },
      resource: { type: "model", id: model, properties: modelProperties(models.get(model)) },
    },
    model,
    stream,
    body,
    prompt: {
      ...prompt,
      bytes: bytes.byteLength,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    },
  };
}

/** Reads a body of listed fields. */
export function readBody(
  value: Json,
  fields: Readonly<Record<string, Check>>,
  required: readonly string[],
): JsonObject | Refusal {
  if (!isObject(value)) return refuse("invalid_request", "the body must be an object");
  const wrong = wrongField(value, fields, required);
  if (wrong === undefined) return value;
  const name = /^[\w.-]{1,64}$/.test(wrong) ? wrong : "a field";
  return refuse("invalid_request", `${name} is missing, unknown or of the wrong type`);
}

export function isRefusal(value: object): value is Refusal {
  return (value as { kind?: unknown }).kind === "refusal" && "status" in value && "fix" in value;
}

/** Copies parameters that policy may limit. */
export function pick(body: JsonObject, names: readonly string[]): JsonObject {
  const out: JsonObject = {};
  for (const name of names) {
    const value = body[name];
    if (value !== undefined && value !== null) out[name] = value;
  }
  return out;
}

/** Words of an operation that neither writes text nor takes tools: there is nothing to limit, stop or instruct. */
export function plainWords(
  parameters: Words["parameters"],
  said: NonNullable<Words["said"]> = { request: [], answer: [] },
): Words {
  return {
    said,
    tokenLimits: [],
    parameters,
    stop: { field: "stop", most: 0 },
    tools: {},
    chosenTool: () => undefined,
    toolFields: [],
    withInstructions: (body) => body,
  };
}
