/** Ollama's own API: what runs a model, what lists and shows models, and what administers them, each its own action. */
import { createHash } from "node:crypto";
import type { Json, JsonObject, Obligation, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { enforce } from "../../enforce/enforce.js";
import { tokenUsage } from "../../observe/token-usage.js";
import { isCount } from "../../models/openai.js";
import type { Attempting, ServerAttempt } from "./attempt.js";
import { asItIs, readFields, textsOf } from "./attempt.js";
import { describeModel, modelForm } from "./model.js";
import { rewriteCalls } from "./ollama-calls.js";
import type { OllamaPath } from "./ollama-fields.js";
import { isOption, ollamaDuties, ollamaPaths, ollamaWords, optionFits } from "./ollama-fields.js";
import { attemptList, attemptVersion } from "./ollama-list.js";
import type { Serving } from "./serve.js";

export async function attemptOllama(of: Attempting, serving: Serving): Promise<ServerAttempt | Refusal> {
  const { segments, method } = of;
  const [first, name = "", ...more] = segments;
  if (first !== "api" || more.length > 0) return refuse("unknown_operation");
  if (name === "tags" || name === "ps")
    return method === "GET" ? attemptList(of, serving, name) : refuse("method_not_allowed");
  if (name === "version") return method === "GET" ? attemptVersion(of) : refuse("method_not_allowed");
  const known = Object.hasOwn(ollamaPaths, name) ? ollamaPaths[name] : undefined;
  if (known === undefined) return refuse("unknown_operation");
  if (method !== (known.method ?? "POST")) return refuse("method_not_allowed");
  const got = await readFields(of.read, known.fields, known.required);
  if (got.kind === "refusal") return got;
  const digest = createHash("sha256").update(got.bytes).digest("hex");
  return attemptBody(of, name, known, got.body, { bytes: got.bytes.byteLength, sha256: digest });
}

function attemptBody(
  { route }: Attempting,
  name: string,
  known: OllamaPath,
  given: JsonObject,
  prompt: JsonObject,
): ServerAttempt | Refusal {
  const { name: older, ...body } = given;
  const target = name === "copy" ? body["destination"] : (body["model"] ?? older);
  // two names would be two models
  if (older !== undefined && body["model"] !== undefined) return refuse("invalid_request", "model and name");
  const model = describeModel(route, target);
  if (model.kind === "refusal") return model;
  for (const field of ["source", "from"])
    if (typeof body[field] === "string" && !modelForm.test(body[field]))
      return refuse("invalid_request", field);
  const { options = null } = body;
  const wrong = isObject(options) ? wrongOption(options) : undefined;
  if (wrong !== undefined) return refuse("invalid_request", `options.${wrong}`);
  const messages = body["messages"] ?? null;
  if (messages !== null && !(Array.isArray(messages) && messages.every(isMessage)))
    return refuse("invalid_request", "messages");
  const stream = known.streams && body["stream"] !== false;
  const parameters = pick(body, known.parameters);
  const sent = { ...body };
  if (name !== "copy") sent["model"] = known.administers ? model.resource.id : (model.upstreamModel ?? "");
  const offered = toolsOf(body);
  return {
    kind: "attempt",
    calls: [
      {
        kind: "model",
        action: {
          name: known.action,
          properties: {
            ...{ phase: "request", operation: name, stream },
            parameters: {
              ...parameters,
              ...(isObject(options) ? options : {}),
              ...(offered.length === 0 ? {} : { tools: [...offered] }),
            },
          },
        },
        resource: known.administers
          ? { ...model.resource, properties: { ...route.facts, ...model.resource.properties } }
          : model.resource,
      },
    ],
    prompt: { ...prompt, ...(Array.isArray(messages) ? { messages: messages.length } : {}) },
    texts: saysOf(body),
    ...(known.administers || model.upstreamModel !== undefined ? {} : { unknown: "unknown_model" as const }),
    obligations: known.action === "model.invoke" ? Object.keys(ollamaDuties) : [],
    body: known.action === "model.invoke" ? (obligations) => carryOut(sent, obligations) : asItIs(sent),
    method: known.method ?? "POST",
    path: `/api/${name}`,
    answer:
      name === "copy" || name === "delete"
        ? { kind: "raw" }
        : known.action === "model.invoke"
          ? { kind: stream ? "lines" : "json", rewrite: rewriteCalls }
          : { kind: stream ? "lines" : "json" },
    model: model.resource.id,
    offered,
    usage,
  };
}

function wrongOption(options: JsonObject): string | undefined {
  const wrong = Object.keys(options).find(
    (name) => !isOption(name) || !optionFits(name, options[name] ?? null),
  );
  return wrong === undefined || /^\w{1,64}$/.test(wrong) ? wrong : "a field";
}

const messageFields = ["role", "content", "images", "tool_calls", "tool_name", "tool_call_id", "thinking"];

function isMessage(message: Json): boolean {
  if (!isObject(message) || !Object.keys(message).every((name) => messageFields.includes(name))) return false;
  return typeof message["role"] === "string" && /^[a-z]{1,16}$/.test(message["role"]);
}

/** Carries obligations out with the options where other protocols have them, then puts them back. */
function carryOut(body: JsonObject, obligations: readonly Obligation[]): JsonObject | undefined {
  if (obligations.length === 0) return body;
  const { options = null, ...others } = body;
  const done = enforce(
    { ...others, ...(isObject(options) ? options : {}) },
    obligations,
    ollamaDuties,
    ollamaWords,
  );
  if (done === undefined) return undefined;
  const top: JsonObject = {};
  const inner: JsonObject = {};
  for (const [name, value] of Object.entries(done)) (isOption(name) ? inner : top)[name] = value;
  return { ...top, options: inner };
}

function toolsOf({ tools = null }: JsonObject): readonly string[] {
  const names = (Array.isArray(tools) ? tools : []).map((tool) => {
    const { function: named = null } = isObject(tool) ? tool : {};
    return isObject(named) ? named["name"] : undefined;
  });
  return names.filter((name) => typeof name === "string");
}

/** What detectors read: messages as they are, and whatever else is said (prompts, templates, schemas) as messages. */
function saysOf({ messages, images, tools, model: _model, ...others }: JsonObject): JsonObject {
  const { messages: texts } = textsOf(others);
  const said = [messages, texts].flatMap((list) => (Array.isArray(list) ? list : []));
  if (Array.isArray(images) && images.length > 0) said.push({ role: "user", images });
  return { messages: said, ...(tools === undefined ? {} : { tools }) };
}

function usage({ prompt_eval_count: read, eval_count: wrote }: JsonObject) {
  return isCount(read) || isCount(wrote)
    ? tokenUsage(isCount(read) ? read : 0, isCount(wrote) ? wrote : 0, {})
    : undefined;
}

function pick(body: JsonObject, names: readonly string[]): JsonObject {
  const out: JsonObject = {};
  for (const name of names) {
    const value = body[name];
    if (value !== undefined && value !== null) out[name] = value;
  }
  return out;
}
