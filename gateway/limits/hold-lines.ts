/** Holds the stream of a route's model server within what its decision allows: a line, or an event, is taken for a token. */
import type { Call, Decision, TokenUsage } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { hold } from "./hold.js";

export interface HeldLines {
  readonly body: AsyncIterable<Buffer>;
  /** What came, where nothing is told of it. */
  readonly counted: () => TokenUsage;
}

export interface LinesParts {
  readonly exchange: Pick<Exchange, "cut" | "signal">;
  readonly decision: Pick<Decision, "decision_id" | "allowance">;
  /** As it was asked about, with its estimate. */
  readonly call: Call;
  readonly kind: "lines" | "events";
}

export function holdLines(
  { extend }: Pick<GatewayParts, "extend">,
  source: AsyncIterable<Buffer>,
  { exchange, decision, call, kind }: LinesParts,
): HeldLines {
  const { estimate } = call.action.properties;
  const said = isObject(estimate) ? estimate["input_tokens"] : undefined;
  const input = typeof said === "number" ? said : 1;
  let ends = 0;
  const counting = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) ends++;
      yield chunk;
    }
  };
  const used = (): TokenUsage => ({
    ...{ input_tokens: input, output_tokens: Math.ceil(kind === "events" ? ends / 2 : ends) },
    estimated: true,
  });
  // lines aren't estimated: there is nothing to tolerate
  const body = hold(counting(), { extend, exchange, decision, price: undefined, told: false, used });
  return { body, counted: used };
}
