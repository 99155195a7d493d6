import { createHash } from "node:crypto";
import type { Call, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";
import type { ModelConfig } from "../config.js";
import { wrongField } from "./chat-fields.js";

export interface ChatCall {
  readonly kind: "chat";
  readonly call: Call;
  readonly model: string;
  readonly stream: boolean;
  readonly body: JsonObject;
  /** Sizes and digests of what is asked; never content. */
  readonly prompt: JsonObject;
}

/** What policy may limit; copied, not interpreted. */
const parameters = [
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "n",
  "service_tier",
  "store",
];

/** Tells what a chat completion request attempts. */
export function classifyChat(
  value: Json,
  bytes: Buffer,
  models: ReadonlyMap<string, ModelConfig>,
): ChatCall | Refusal {
  if (!isObject(value)) return refuse("invalid_request", "the body must be an object");
  const wrong = wrongField(value);
  if (wrong !== undefined) {
    const name = /^[\w.-]{1,64}$/.test(wrong) ? wrong : "a field";
    return refuse("invalid_request", `${name} is unknown or of the wrong type`);
  }
  const { model, messages, stream } = value;
  if (typeof model !== "string" || !Array.isArray(messages)) {
    return refuse("invalid_request", "model and messages are required");
  }
  const roles = countRoles(messages);
  if (roles === undefined) return refuse("invalid_request", "each message must be an object with a role");
  return {
    kind: "chat",
    call: {
      kind: "model",
      action: {
        name: "model.invoke",
        properties: { phase: "request", stream: stream === true, parameters: describeParameters(value) },
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
      sha256: createHash("sha256").update(bytes).digest("hex"),
    },
  };
}

/** What the catalogue says of a model; nothing for one that it doesn't know. */
export function modelProperties(model: ModelConfig | undefined): JsonObject {
  return model === undefined
    ? {}
    : { provider: model.provider, region: model.region, environment: model.environment };
}

function describeParameters(body: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const name of parameters) {
    const value = body[name];
    if (value !== undefined && value !== null) out[name] = value;
  }
  const { tools } = body;
  if (Array.isArray(tools)) out["tools"] = tools.map(toolName);
  return out;
}

function toolName(tool: Json): string {
  const definition = isObject(tool) ? tool["function"] : undefined;
  const name = isObject(definition) ? definition["name"] : undefined;
  return typeof name === "string" ? name : "";
}

function countRoles(messages: readonly Json[]): JsonObject | undefined {
  const roles: Record<string, number> = {};
  for (const message of messages) {
    const role = isObject(message) ? message["role"] : undefined;
    if (typeof role !== "string" || !/^[a-z]{1,16}$/.test(role)) return undefined;
    roles[role] = (roles[role] ?? 0) + 1;
  }
  return roles;
}
