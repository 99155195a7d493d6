/** LangServe's chains: one decision for each input; configuration that a request brings is policy's to see. */
import { createHash } from "node:crypto";
import type { Call, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Check } from "../../models/fields.js";
import { either, flag, list, number, object, positive, text, wrongField } from "../../models/fields.js";
import type { RouteConfig } from "../config.js";
import type { AnswerForm, Attempting, ServerAttempt } from "./attempt.js";
import { asItIs, readFields, textsOf } from "./attempt.js";
import { guardChainStream, rewriteChainCalls } from "./langserve-calls.js";

const anything: Check = () => true;
const filters = {
  ...{ include_names: list, include_types: list, include_tags: list },
  ...{ exclude_names: list, exclude_types: list, exclude_tags: list },
};
const one = { input: anything, config: object, kwargs: object };
const operations: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  invoke: one,
  batch: { inputs: list, config: either(object, list), kwargs: object },
  stream: one,
  stream_log: { ...one, ...filters, diff: flag },
  stream_events: { ...one, ...filters, diff: flag, version: text },
};
const schemas = ["input_schema", "output_schema", "config_schema"];

/** What a request may configure (RunnableConfig); callbacks are the client's own. */
const configFields: Readonly<Record<string, Check>> = {
  ...{ configurable: object, tags: list, metadata: object, run_name: text, run_id: text },
  ...{ max_concurrency: positive, recursion_limit: positive, timeout: number },
};
/** Most that a configuration may say, characters; and inputs of a batch. */
const mostConfig = 16_384;
const mostInputs = 128;

export async function attemptChain({
  route,
  method,
  segments,
  read,
}: Attempting): Promise<ServerAttempt | Refusal> {
  const operation = segments.at(-1) ?? "";
  const chain = segments.slice(0, -1).join("/");
  // a configuration in the path would be out of policy's sight
  if (segments.at(-3) === "c") return refuse("unknown_operation", "configuration in the path");
  const fields = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
  const isSchema = schemas.includes(operation);
  if (fields === undefined && !isSchema) return refuse("unknown_operation");
  if (method !== (isSchema ? "GET" : "POST")) return refuse("method_not_allowed");
  if (!segments.every((part) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(part)))
    return refuse("unknown_operation");
  const known = route.chains.length === 0 ? chain === "" : route.chains.includes(chain);
  const about = { route, operation, chain };
  const common = {
    kind: "attempt" as const,
    ...(known ? {} : { unknown: "unknown_chain" as const }),
    obligations: [],
    path: `/${segments.join("/")}`,
    model: idOf(about),
    offered: route.tools,
    method,
  };
  if (fields === undefined)
    return {
      ...common,
      calls: [callOn(about, "chain.describe", {})],
      body: asItIs("none"),
      answer: { kind: "json" },
    };
  const got = await readFields(read, fields, [operation === "batch" ? "inputs" : "input"]);
  if (got.kind === "refusal") return got;
  const { body, bytes } = got;
  const inputs = operation === "batch" ? body["inputs"] : [body["input"] ?? null];
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > mostInputs)
    return refuse("invalid_request", `inputs: 1 to ${mostInputs}`);
  const { config = null, kwargs = null } = body;
  const configs = Array.isArray(config) ? config : inputs.map(() => config);
  if (configs.length !== inputs.length) return refuse("invalid_request", "config: one for each input");
  const wrong = [...configs, kwargs].find((each) => each !== null && !isBearable(each));
  if (wrong !== undefined || configs.some((each) => each !== null && !isConfig(each)))
    return refuse("invalid_request", "config or kwargs");
  const [first, ...others] = inputs.map((input, i) =>
    callOn(about, "chain.invoke", {
      ...(operation === "batch" ? { index: i, inputs: inputs.length } : {}),
      ...(configs[i] === null || configs[i] === undefined ? {} : { config: configs[i] }),
      ...(kwargs === null ? {} : { kwargs }),
      input: factsOf(input),
    }),
  );
  if (first === undefined) return refuse("invalid_request", "inputs");
  return {
    ...common,
    calls: [first, ...others],
    prompt: { bytes: bytes.byteLength, sha256: createHash("sha256").update(bytes).digest("hex") },
    // what configures a chain may say as much as its inputs
    texts: textsOf(body),
    body: asItIs(body),
    answer: answerOf(route, operation),
  };
}

interface About {
  readonly route: RouteConfig;
  readonly operation: string;
  readonly chain: string;
}

const idOf = ({ route, chain }: About): string => (chain === "" ? route.name : `${route.name}/${chain}`);

function callOn(about: About, name: "chain.invoke" | "chain.describe", more: JsonObject): Call {
  const { route, operation } = about;
  const stream = operation.startsWith("stream");
  return {
    kind: "route",
    action: { name, properties: { phase: "request", operation, stream, ...more } },
    resource: { type: "chain", id: idOf(about), properties: route.facts },
  };
}

function answerOf(route: RouteConfig, operation: string): AnswerForm {
  const decides = route.chainCalls === "decide";
  if (!operation.startsWith("stream"))
    return decides ? { kind: "json", rewrite: rewriteChainCalls } : { kind: "json" };
  return decides ? { kind: "events", guard: guardChainStream } : { kind: "events" };
}

function isBearable(value: Json): boolean {
  return isObject(value) && stringifyJson(value).length <= mostConfig;
}

function isConfig(value: Json): boolean {
  return isObject(value) && wrongField(value, configFields, []) === undefined;
}

function factsOf(input: Json): JsonObject {
  const text = stringifyJson(input);
  const type = Array.isArray(input) ? "array" : input === null ? "null" : typeof input;
  return {
    type,
    bytes: Buffer.byteLength(text),
    sha256: createHash("sha256").update(text).digest("hex"),
    ...(isObject(input) ? { names: Object.keys(input).slice(0, 64) } : {}),
  };
}
