/** Accounts for a call of a model: what it used, what that cost, how its stream went. For record, metrics and client. */
import type { JsonObject, Outcome, StreamTimes, TokenUsage } from "../../sidecar/contract.js";
import type { Deployment } from "../routing/deployment.js";
import { estimateInput, estimateTokens } from "./estimate.js";
import type { Metered } from "./meter.js";
import { costOf } from "./price.js";
import type { PriceTable } from "./price-table.js";

/** What metrics are told of a call. */
export interface UsedFacts {
  /** Its name in the configuration. */
  readonly model: string;
  readonly usage: TokenUsage | undefined;
  /** In billionths of the currency. */
  readonly cost: { readonly currency: string; readonly nanos: number } | undefined;
  readonly stream: StreamTimes | undefined;
}

export interface AccountParts {
  readonly prices: PriceTable | undefined;
  readonly metrics: { gatewayUsed(facts: UsedFacts): void };
  /** The model's name in the configuration. */
  readonly model: string;
  readonly deployment: Deployment;
  /** What was asked; read where its tokens must be estimated. */
  readonly body: JsonObject;
  /** Whether the gateway asked for usage, and the client hadn't. */
  readonly asked: boolean;
  /** Answers that are text have pieces: of those only, usage is estimated where it isn't told. */
  readonly spoken: { readonly pieces?: readonly string[] };
}

export type Used = Pick<Outcome, "usage" | "cost" | "stream">;

/** Accounts for an answer that came at once. */
export function accountWhole(parts: AccountParts, told: TokenUsage | undefined, said: JsonObject): Used {
  if (told !== undefined || parts.spoken.pieces === undefined) return close(parts, told, undefined);
  return close(parts, estimate(parts, undefined, estimateTokens(answerOf(said))), undefined);
}

/** Accounts for a stream that ended, however. */
export function accountStream(parts: AccountParts, { told, settled, seen, times }: Metered): Used {
  const usage = settled || parts.spoken.pieces === undefined ? told : estimate(parts, told, seen);
  const known =
    usage !== undefined && told !== undefined && parts.asked ? { ...usage, asked: true as const } : usage;
  return close(parts, known, times(known?.output_tokens ?? seen));
}

function estimate({ body }: AccountParts, told: TokenUsage | undefined, output: number): TokenUsage {
  return {
    ...told,
    input_tokens: told?.input_tokens ?? estimateInput(body),
    output_tokens: Math.max(told?.output_tokens ?? 0, output),
    estimated: true,
  };
}

function close(
  { prices, metrics, model, deployment }: AccountParts,
  usage: TokenUsage | undefined,
  stream: StreamTimes | undefined,
): Used {
  const price = deployment.price ?? prices?.find(deployment.provider, deployment.upstreamModel ?? model);
  const sum = usage === undefined || price === undefined ? undefined : costOf(usage, price);
  const cost = sum && { currency: sum.cost.currency, nanos: Number(sum.nanos) };
  metrics.gatewayUsed({ model, usage, cost, stream });
  const used: { -readonly [Name in keyof Used]: Used[Name] } = {};
  if (usage !== undefined) used.usage = usage;
  if (sum !== undefined) used.cost = sum.cost;
  if (stream !== undefined) used.stream = stream;
  return used;
}

/** The members of an answer that a model wrote. */
const written = ["choices", "content", "output", "candidates"];

function answerOf(said: JsonObject): JsonObject {
  return Object.fromEntries(written.flatMap((name) => (name in said ? [[name, said[name] ?? null]] : [])));
}

/** Says the cost to a client: `0.00125 USD`, and where it is one `estimated`. */
export function costHeader({ cost }: Used): Record<string, string> {
  if (cost === undefined) return {};
  const { amount, currency, estimated } = cost;
  return { "x-countersign-cost": `${amount} ${currency}${estimated === true ? " estimated" : ""}` };
}
