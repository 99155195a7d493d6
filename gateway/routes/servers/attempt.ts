/** What a request to a model server attempts, whatever the server. */
import type { Call, ErrorCode, Json, JsonObject, Obligation, Refusal } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse } from "../../../sidecar/contract.js";
import type { Usage } from "../../models/protocol.js";
import type { DecideCalls } from "../../models/calls/guard.js";
import type { Check } from "../../models/fields.js";
import { wrongField } from "../../models/fields.js";
import { hasOddKey } from "../../models/plain-keys.js";
import type { RouteConfig } from "../config.js";

/** What an answer must be, and how it is looked at before the client gets it. */
export type AnswerForm =
  | {
      readonly kind: "json";
      /** Gives the answer as the client may see it; undefined: as it came. @throws Error where it isn't one */
      readonly rewrite?: (said: JsonObject, decide: DecideCalls) => Promise<JsonObject | undefined>;
    }
  | {
      /** One JSON object a line. */
      readonly kind: "lines";
      readonly rewrite?: (line: JsonObject, decide: DecideCalls) => Promise<JsonObject | undefined>;
    }
  | {
      /** Server-sent events, guarded where calls of tools are the client's to carry out. */
      readonly kind: "events";
      readonly guard?: (events: AsyncIterable<Buffer>, decide: DecideCalls) => AsyncIterable<Buffer>;
    }
  /** Passed on as it comes. */
  | { readonly kind: "raw" };

export interface ServerAttempt {
  readonly kind: "attempt";
  /** All must be allowed; the first is the one that is named. */
  readonly calls: readonly [Call, ...Call[]];
  readonly prompt?: JsonObject;
  /** What the request says, in messages, for detectors. */
  readonly texts?: JsonObject;
  /** Why there is nothing to reach, said only to who is allowed to. */
  readonly unknown?: ErrorCode;
  /** The obligations that can be carried out. */
  readonly obligations: readonly string[];
  /** Gives the body under a decision's obligations; undefined where they can't be carried out. */
  readonly body: (obligations: readonly Obligation[]) => JsonObject | Buffer | "none" | undefined;
  readonly contentType?: string;
  readonly method: string;
  readonly path: string;
  readonly answer: AnswerForm;
  /** What answers' calls of tools are decided with. */
  readonly model: string;
  readonly offered: readonly string[];
  /** What an answer, or one line of it, says of usage. */
  readonly usage?: (said: JsonObject) => Usage | undefined;
}

/** Reads the request's body: JSON of bounded size. */
export type ReadBody = () => Promise<{ readonly kind: "json"; value: Json; bytes: Buffer } | Refusal>;

export interface Attempting {
  readonly route: RouteConfig;
  readonly method: string;
  /** The path's segments, decoded. */
  readonly segments: readonly string[];
  readonly read: ReadBody;
}

/** Reads a body of listed fields. */
export async function readFields(
  read: ReadBody,
  fields: Readonly<Record<string, Check>>,
  required: readonly string[],
): Promise<{ readonly kind: "fields"; readonly body: JsonObject; readonly bytes: Buffer } | Refusal> {
  const got = await read();
  if (got.kind === "refusal") return got;
  if (!isObject(got.value)) return refuse("invalid_request", "the body must be an object");
  // servers in Go, as Ollama is, don't tell cases apart
  if (hasOddKey(got.value)) return refuse("invalid_request", "a key stands for another in other letters");
  const wrong = wrongField(got.value, fields, required);
  if (wrong === undefined) return { kind: "fields", body: got.value, bytes: got.bytes };
  const name = /^[\w.-]{1,64}$/.test(wrong) ? wrong : "a field";
  return refuse("invalid_request", `${name} is missing, unknown or of the wrong type`);
}

/** Nothing to carry out: any obligation is a deny. */
export const asItIs =
  (body: JsonObject | Buffer | "none") =>
  (obligations: readonly Obligation[]): JsonObject | Buffer | "none" | undefined =>
    obligations.length === 0 ? body : undefined;

/** Names as programs choose them; others may be content. */
const plainName = /^[A-Za-z_$][\w$-]{0,14}$/;

/** Says what texts a value holds as messages, in the words that detectors know: names and numbers say something, too. */
export function textsOf(value: Json | undefined): JsonObject {
  const texts: JsonObject[] = [];
  const say = (content: string): void => {
    texts.push({ role: "user", content });
  };
  const walk = (one: Json): void => {
    if (typeof one === "string") say(one);
    else if (typeof one === "number" || one instanceof JsonNumber) {
      const digits = one instanceof JsonNumber ? one.text : String(one);
      // less is nobody's number, and tokens are many
      if (digits.length >= 7) say(digits);
    } else if (Array.isArray(one)) one.forEach(walk);
    else if (isObject(one)) {
      for (const [name, inner] of Object.entries(one)) {
        if (!plainName.test(name)) say(name);
        walk(inner);
      }
    }
  };
  if (value !== undefined) walk(value);
  return { messages: texts };
}
