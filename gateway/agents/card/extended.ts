import { refuse } from "../../../sidecar/contract.js";
import type { Json } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import type { Talk } from "../converse.js";
import { offerCard } from "./offer.js";
import { isSigned, readCard } from "./read.js";

/** Gives the card that an agent has for who is known to it, filtered as the other one is. */
export async function serveExtendedCard(
  parts: GatewayParts,
  exchange: Exchange,
  { name, agent, door, decision, end, refuseAs }: Talk,
  value: Json,
): Promise<void> {
  const read = await readOr(value, agent.cardKeys);
  if (read === undefined) return refuseAs(refuse("upstream_invalid"), "upstream_error");
  const card = await offerCard(parts, exchange, { name, agent, card: read }, door.version);
  if (card === undefined) return refuseAs(refuse("pdp_unavailable"), "denied");
  end("forwarded", door.answer(exchange, { kind: "card", card }, true, decision));
}

async function readOr(value: Json, keys: readonly string[] | undefined) {
  try {
    return keys === undefined || (await isSigned(value, keys)) ? readCard(value) : undefined;
  } catch {
    return undefined;
  }
}
