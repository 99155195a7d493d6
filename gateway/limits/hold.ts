/** Keeps a stream within what its decision allows it to use: asks for more in time, and holds it back until it has it. */
import type { Allowance, Decision, Extended, TokenUsage } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import type { Price } from "../observe/price.js";
import { sumUp } from "../observe/price.js";
import { worst } from "./estimate.js";

export interface HoldParts {
  readonly extend: GatewayParts["extend"];
  readonly exchange: Pick<Exchange, "cut" | "signal">;
  readonly decision: Pick<Decision, "decision_id" | "allowance">;
  /** What it costs where it runs. */
  readonly price: Price | undefined;
  /** The upstream was told the most that it may write: texts are counted with a tolerance then. */
  readonly told: boolean;
  /** What it has used by now. */
  readonly used: () => Pick<TokenUsage, "input_tokens" | "output_tokens">;
}

/** Tokens that are asked for at once, at least: one question is worth so many. */
const stepTokens = 256;
/** The share of what is held from which on more is asked for. */
const nearly = 0.8;
/** How far an estimate of a text may be off (docs/gateway-usage.md). */
const tolerance = 1.25;

type Units = { -readonly [Unit in keyof Allowance]: number };

/**
 * Passes a stream on, as far as limits allow. INVARIANT: what comes after a stream has used what it holds isn't passed on
 * before more is held; without more, the exchange is cut, and its upstream with it.
 */
export async function* hold(body: AsyncIterable<Buffer>, parts: HoldParts): AsyncGenerator<Buffer> {
  const { decision, exchange, extend, told } = parts;
  const most = told ? tolerance : 1;
  let held = decision.allowance;
  if (held === undefined) {
    yield* body;
    return;
  }
  let asking: Promise<Extended> | undefined;
  /** Whether the call may go on. */
  const take = ({ allowance, code = "limits_unavailable" }: Extended): boolean => {
    asking = undefined;
    if (allowance !== undefined) {
      held = allowance;
      return true;
    }
    exchange.cut(refuse(code));
    return false;
  };
  for await (const chunk of body) {
    yield chunk;
    const now = spent(parts);
    if (asking === undefined && reaches(now, held, nearly * most))
      asking = extend({ decision_id: decision.decision_id, held, need: more(now, held, parts) });
    while (asking !== undefined && reaches(spent(parts), held, most)) {
      if (!take(await asking) || exchange.signal.aborted) return;
      const then = spent(parts);
      // it was as long as asking took: what it came to by then may be more than what was asked for
      if (reaches(then, held, most))
        asking = extend({ decision_id: decision.decision_id, held, need: more(then, held, parts) });
    }
  }
  // an answer that comes after the end changes nothing: what was used is told with the outcome
  asking?.catch(() => undefined);
}

/** What has been used, in all units. */
function spent({ used, price }: HoldParts): Units {
  const { input_tokens: input, output_tokens: output } = used();
  return {
    ...{ input_tokens: input, output_tokens: output, tokens: input + output },
    ...(price === undefined ? {} : { cost: Number(sumUp(used() as TokenUsage, worst(price))) }),
  };
}

const units = ["input_tokens", "output_tokens", "tokens", "cost"] as const;

function reaches(now: Units, held: Allowance, share: number): boolean {
  // input is known from the beginning: it only counts where it is beyond
  return units.some((unit) => {
    const most = held[unit];
    const has = now[unit];
    if (most === undefined || has === undefined) return false;
    return unit === "input_tokens" ? has > most : has >= most * share;
  });
}

/** What it has used, and a step beyond: as much again as has come, within bounds. */
function more(now: Units, held: Allowance, { price }: HoldParts): Allowance {
  const step = Math.max(stepTokens, Math.ceil((now.output_tokens ?? 0) / 2));
  const need: Units = {};
  for (const unit of units) {
    const [has, most] = [now[unit], held[unit]];
    if (has === undefined || most === undefined) continue;
    const beyond =
      unit === "cost" && price !== undefined
        ? Number(sumUp({ input_tokens: 0, output_tokens: step }, worst(price)))
        : unit === "input_tokens"
          ? 0
          : step;
    need[unit] = Math.max(most, has + beyond);
  }
  return need;
}
