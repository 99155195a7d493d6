import type { Json } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import { refuseTool } from "../refuse.js";
import { speakCall } from "./describe-call.js";

/** Refuses a route that isn't there: first as what it would be, so that who isn't known doesn't learn what there is. */
export async function refuseUnknown(
  parts: GatewayParts,
  exchange: Exchange,
  name: string | undefined,
  id: Json,
): Promise<void> {
  const [decision] = await askAbout(parts, exchange, [speakCall(name ?? "")], []);
  const refusal = decision === undefined || decision.allow ? refuse("unknown_server") : refusalOf(decision);
  const status = refuseTool(exchange, refusal, decision, id);
  if (decision !== undefined)
    conclude(parts, exchange, decision, { kind: "tool", outcome: "denied", status });
}
