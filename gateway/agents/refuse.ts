import type { Refusal } from "../../sidecar/contract.js";
import type { Exchange } from "../exchange.js";
import { restDoor, rpcDoor } from "./door.js";

/** Refuses before it is known what is asked for: in JSON-RPC's words at its own address, in HTTP's elsewhere. */
export function refuseAgent(exchange: Exchange, refusal: Refusal): number {
  const rest = /^\/a2a\/[^/]+\//.test(exchange.path);
  return (rest ? restDoor : rpcDoor("1.0", null)).refuse(exchange, refusal);
}
