/** Holds the stream of a model's call within what its decision allows it. */
import type { Decision } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import type { Asked } from "../models/reach.js";
import type { Watch } from "../observe/watch.js";
import { priceOf, saysMost } from "./estimate.js";
import { hold } from "./hold.js";

export interface Holding {
  readonly decision: Decision;
  readonly asked: Pick<Asked<unknown>, "target" | "deployment">;
  readonly watching: Pick<Watch, "soFar">;
  /** An answer that comes at once is accounted for as it came. */
  readonly stream: boolean;
}

/** Makes what holds an upstream's body. */
export function holding(
  { extend, prices }: Pick<GatewayParts, "extend" | "prices">,
  exchange: Exchange,
  { decision, asked: { target, deployment }, watching, stream }: Holding,
): (body: AsyncIterable<Buffer>) => AsyncIterable<Buffer> {
  return (body) =>
    !stream || decision.allowance === undefined
      ? body
      : hold(body, {
          ...{ extend, exchange, decision, price: priceOf(deployment, target.name, prices) },
          told: saysMost(target.body),
          used: () => watching.soFar(),
        });
}
