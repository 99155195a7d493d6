import { hash } from "node:crypto";
import type { Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";
import type { ModelConfig } from "../config.js";
import type { Words } from "../enforce/duty.js";
import type { Check } from "./fields.js";
import { wrongField } from "./fields.js";
import { mayNameKept, namesKept } from "./kept.js";
import { hasOddKey } from "./plain-keys.js";
import type { ModelCall } from "./protocol.js";

/** What a protocol's request of a model looks like. */
export interface RequestShape {
  /** All that is passed on. */
  readonly fields: Readonly<Record<string, Check>>;
  readonly required: readonly string[];
  /** What policy may limit; copied, not interpreted. */
  readonly parameters: readonly string[];
  readonly words: Words;
  /** Tells whether a tool of the request is one that the client carries out, or that the provider is known to. */
  readonly isTool: (tool: JsonObject) => boolean;
}

/** Tells what a request of a model attempts. */
export function classifyInvoke(
  value: Json,
  bytes: Buffer,
  models: ReadonlyMap<string, ModelConfig>,
  shape: RequestShape,
): ModelCall | Refusal {
  if (!isObject(value)) return refuse("invalid_request", "the body must be an object");
  const wrong = wrongField(value, shape.fields, shape.required);
  if (wrong !== undefined) {
    const name = /^[\w.-]{1,64}$/.test(wrong) ? wrong : "a field";
    return refuse("invalid_request", `${name} is missing, unknown or of the wrong type`);
  }
  const { model, messages, stream } = value;
  if (typeof model !== "string" || !Array.isArray(messages)) {
    return refuse("invalid_request", "model and messages are required");
  }
  const roles = countRoles(messages);
  if (roles === undefined) return refuse("invalid_request", "each message must be an object with a role");
  if (hasOddKey(value)) return refuse("invalid_request", "a key stands for another in other letters");
  const lists = Object.keys(shape.words.tools).map((field) => value[field] ?? []);
  if (!lists.flat().every((tool) => isObject(tool) && shape.isTool(tool)))
    return refuse("invalid_request", "a tool is of no known type, or has no name");
  if (mayNameKept(bytes) && namesKept(messages)) {
    return refuse("invalid_request", "messages name a file that the provider keeps");
  }
  const parameters = describeParameters(value, shape);
  return {
    kind: "invoke",
    call: {
      kind: "model",
      action: {
        name: "model.invoke",
        properties: { phase: "request", stream: stream === true, parameters },
      },
      resource: { type: "model", id: model, properties: modelProperties(models.get(model)) },
    },
    model,
    stream: stream === true,
    body: value,
    prompt: {
      messages: messages.length,
      roles,
      bytes: bytes.byteLength,
      sha256: hash("sha256", bytes, "hex"),
    },
  };
}

/** What the catalogue says of a model; nothing for one that it doesn't know. */
export function modelProperties(model: ModelConfig | undefined): JsonObject {
  return model === undefined ? {} : model.facts;
}

function describeParameters(body: JsonObject, { parameters, words }: RequestShape): JsonObject {
  const out: JsonObject = {};
  for (const name of parameters) {
    const value = body[name];
    if (value !== undefined && value !== null) out[name] = value;
  }
  if (Array.isArray(body["tools"])) out["tools"] = namesOf(body["tools"], words.tools["tools"]);
  // the provider searches, as it does where it is offered as a tool
  if (isObject(body["web_search_options"])) out["tools"] = [...list(out["tools"]), "web_search"];
  return out;
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** Names tools, in order; "" where one has no name. */
function namesOf(tools: Json | undefined, nameOf: Words["tools"][string] | undefined): string[] {
  return (Array.isArray(tools) ? tools : []).map((tool) => {
    const name = isObject(tool) ? nameOf?.(tool) : undefined;
    return typeof name === "string" ? name : "";
  });
}

/** Names the tools that a body lets the model call. */
export function offeredIn(body: JsonObject, { tools }: Words): readonly string[] {
  const names = Object.entries(tools).flatMap(([field, nameOf]) => namesOf(body[field], nameOf));
  return names.filter((name) => name !== "");
}

function countRoles(messages: readonly Json[]): JsonObject | undefined {
  const roles = Object.create(null) as Record<string, number>;
  for (const message of messages) {
    const role = isObject(message) ? message["role"] : undefined;
    if (typeof role !== "string" || !/^[a-z]{1,16}$/.test(role)) return undefined;
    roles[role] = (roles[role] ?? 0) + 1;
  }
  return roles;
}
