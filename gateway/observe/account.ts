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
  /** Whether an answer without usage is estimated: what is answered is text. */
  readonly estimates: boolean;
}

export type Used = Pick<Outcome, "usage" | "cost" | "stream">;

/** Accounts for one answer, once. */
export interface Account {
  /** @param said the answer */
  whole(told: TokenUsage | undefined, said: JsonObject): Used;
  /** @param metered of a stream that ended, however */
  stream(metered: Metered): Used;
}

export function createAccount(parts: AccountParts): Account {
  const { prices, metrics, model, deployment, body, asked, estimates } = parts;
  const close = (usage: TokenUsage | undefined, times?: StreamTimes): Used => {
    const price = deployment.price ?? prices?.find(deployment.provider, deployment.upstreamModel ?? model);
    const sum = usage === undefined || price === undefined ? undefined : costOf(usage, price);
    const cost = sum && { currency: sum.cost.currency, nanos: Number(sum.nanos) };
    metrics.gatewayUsed({ model, usage, cost, stream: times });
    return {
      ...(usage === undefined ? {} : { usage }),
      ...(sum === undefined ? {} : { cost: sum.cost }),
      ...(times === undefined ? {} : { stream: times }),
    };
  };
  const estimate = (told: TokenUsage | undefined, output: number): TokenUsage => ({
    ...told,
    input_tokens: told?.input_tokens ?? estimateInput(body),
    output_tokens: Math.max(told?.output_tokens ?? 0, output),
    estimated: true,
  });
  return {
    whole: (told, said) =>
      close(told ?? (estimates ? estimate(undefined, estimateTokens(answerOf(said))) : undefined)),
    stream({ told, settled, seen, times }) {
      const usage = settled ? told : estimates ? estimate(told, seen) : told;
      const known =
        usage !== undefined && told !== undefined && asked ? { ...usage, asked: true as const } : usage;
      return close(known, times(known?.output_tokens ?? seen));
    },
  };
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
