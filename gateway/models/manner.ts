/** How one kind of request to models is enforced and said to upstreams: chats in all protocols, an operation in its own. */
import type { Decision, JsonObject, Refusal } from "../../sidecar/contract.js";
import type { UpstreamConfig } from "../config.js";
import type { AnswerForm } from "../content/answer/words.js";
import type { Duty, Words } from "../enforce/duty.js";
import type { ForwardRequest } from "../forward/forward.js";
import type { Deployment } from "../routing/deployment.js";

export interface Manner<Said> {
  /** The obligations that can be carried out, those on the way included. */
  readonly obligations: readonly string[];
  readonly duties: Readonly<Record<string, Duty<Words>>>;
  readonly words: Words;
  /** How answers are said; undefined where they aren't read, so that nothing in them can be masked. */
  readonly answers: AnswerForm | undefined;
  /** Whether another model may answer instead. */
  readonly fallsBack: boolean;
  /** Whether it can be said only once, as what streams can. */
  readonly once?: boolean;
  /** What was found wrong with the request while it was sent: then the upstream isn't at fault. */
  wrong?(): Refusal | undefined;
  /** The request for another model of ours. */
  named(body: JsonObject, model: string): JsonObject;
  /** Tells of an upstream, without saying it, that the request can surely be said to it. */
  speaks(upstream: UpstreamConfig): boolean;
  /** Says the request as enforced to one upstream. */
  speak(body: JsonObject, to: Addressee): Spoken<Said> | Refusal;
  /** What an answer of success must be where it isn't JSON, or a stream of events as asked. */
  expects?(mediaType: string): boolean;
}

export interface Addressee {
  readonly deployment: Deployment;
  readonly upstream: UpstreamConfig;
  /** The model's name here. */
  readonly name: string;
  /** The decision that allows it. */
  readonly decision: Decision;
}

export interface Spoken<Said> extends Pick<
  ForwardRequest,
  "method" | "path" | "headers" | "body" | "contentType" | "readAnswer"
> {
  readonly kind: "spoken";
  /** What the answer is to be read by. */
  readonly said: Said;
}
