/** What a call of a model may use, before it is known: what limits hold until then. */
import type { ActionName, Call, Json, JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import { inputOf } from "../observe/estimate.js";
import type { Price } from "../observe/price.js";
import { sumUp } from "../observe/price.js";
import type { PriceTable } from "../observe/price-table.js";
import type { Deployment } from "../routing/deployment.js";
import type { LimitsConfig } from "./config.js";

export interface EstimateParts {
  readonly limits: LimitsConfig;
  readonly prices: PriceTable | undefined;
  /** The model's name in the configuration. */
  readonly model: string;
  /** Where the call may go; none: the model isn't known. */
  readonly deployments: readonly Deployment[];
}

/** Adds to a call, as policy and limits see it, what it may use. */
export function withEstimate(call: Call, body: JsonObject, parts: EstimateParts): Call {
  const { action } = call;
  const estimate = estimateOf(action.name, body, parts);
  return { ...call, action: { ...action, properties: { ...action.properties, estimate } } };
}

/** Says what a call may use. INVARIANT: never nothing: what takes nothing of a limit is over none. */
export function estimateOf(name: ActionName, body: JsonObject, parts: EstimateParts): JsonObject {
  const input = Math.max(1, inputOf(body));
  const output = silent.has(name) ? 0 : outputOf(body, parts.limits.defaultOutputTokens);
  const cost = dearest(input, output, parts);
  const estimate: JsonObject = { input_tokens: input, output_tokens: output };
  if (cost !== undefined) estimate["cost"] = cost;
  return estimate;
}

/** Adds up what several requests may use, and how many they are; what one has no price of has none. */
export function sumOfEstimates(estimates: readonly JsonObject[]): JsonObject {
  const number = (value: Json | undefined): number => (isCount(value) ? value : 0);
  const sum = (of: (one: JsonObject) => Json | undefined): number =>
    Math.min(
      estimates.reduce((all, one) => all + number(of(one)), 0),
      Number.MAX_SAFE_INTEGER,
    );
  const costs = estimates.map(({ cost }) => (isObject(cost) ? cost : {}));
  const [currency, ...others] = new Set(costs.map((cost) => cost["currency"] ?? null));
  const nanos = Math.min(
    costs.reduce((all, cost) => all + number(cost["nanos"]), 0),
    Number.MAX_SAFE_INTEGER,
  );
  return {
    requests: sum(({ requests = 1 }) => requests),
    input_tokens: sum((one) => one["input_tokens"]),
    output_tokens: sum((one) => one["output_tokens"]),
    ...(typeof currency === "string" && others.length === 0 ? { cost: { nanos, currency } } : {}),
  };
}

/** Those whose answer no tokens are counted of. */
const silent: ReadonlySet<string> = new Set([
  ...["embedding.create", "moderation.create", "model.count_tokens", "model.tokenize", "rerank.create"],
  ...["classification.create"],
]);

/** The members that say how much may be written, in all protocols. */
const tokenLimits = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;
/** The members that say how many answers there are. */
const counts = ["n", "best_of"] as const;

/** What a request says that its answer may have at most. */
function saidOutput(body: JsonObject): readonly number[] {
  const { generationConfig: config } = body;
  const said = [
    ...tokenLimits.map((name) => body[name]),
    isObject(config) ? config["maxOutputTokens"] : null,
  ];
  return said.filter(isCount);
}

/** Whether the upstream is told how much it may write. */
export function saysMost(body: JsonObject): boolean {
  return saidOutput(body).length > 0;
}

/** The most that may come, where the request says; else what is usual. */
function outputOf(body: JsonObject, usual: number): number {
  const { generationConfig: config } = body;
  const said = saidOutput(body);
  const answers = [
    ...counts.map((name) => body[name]),
    ...(isObject(config) ? [config["candidateCount"]] : []),
  ];
  const most = said.length === 0 ? usual : Math.max(...said);
  const each = Math.max(1, ...answers.filter(isCount));
  return Math.min(most * each * prompts(body["prompt"]), Number.MAX_SAFE_INTEGER);
}

/** Each of several prompts is answered; one list of tokens is one prompt. */
function prompts(prompt: Json | undefined): number {
  return Array.isArray(prompt) && typeof prompt[0] !== "number" ? Math.max(1, prompt.length) : 1;
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/** INVARIANT: where one place that it may go to has no price, or another currency, nobody can say what it may cost. */
function dearest(
  input: number,
  output: number,
  { deployments, prices, model }: EstimateParts,
): JsonObject | undefined {
  let most: { nanos: bigint; currency: string } | undefined;
  for (const deployment of deployments) {
    const price = priceOf(deployment, model, prices);
    if (price === undefined || (most !== undefined && most.currency !== price.currency)) return undefined;
    const nanos = sumUp({ input_tokens: input, output_tokens: output }, worst(price));
    if (most === undefined || nanos > most.nanos) most = { nanos, currency: price.currency };
  }
  return most && { nanos: Number(most.nanos), currency: most.currency };
}

/** The price of a model where it runs: its own, or the table's. */
export function priceOf(
  { price, provider, upstreamModel }: Deployment,
  model: string,
  prices: PriceTable | undefined,
): Price | undefined {
  return price ?? prices?.find(provider, upstreamModel ?? model);
}

/** What is written to a cache, or thought, may cost more. */
export function worst(price: Price): Price {
  const { input, cacheWrite, output, reasoning } = price;
  return {
    ...price,
    input: input > cacheWrite ? input : cacheWrite,
    output: output > reasoning ? output : reasoning,
  };
}
