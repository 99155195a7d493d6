/** Addresses where OPA's C code differs from Go's `net`: IPv4 in IPv6's clothes. */
import type { RegoValue } from "../../engine/value.js";
import { holds, parseNetwork, plainAddress } from "../node/addresses.js";
import type { Instead } from "./instead.js";
import { moduleIsRight } from "./instead.js";

const contains = (_context: unknown, network: RegoValue | undefined, address: RegoValue | undefined) => {
  if (typeof network !== "string" || typeof address !== "string") return moduleIsRight;
  if (!address.includes(":")) return moduleIsRight;
  const bytes = plainAddress(address);
  const block = parseNetwork(network);
  return bytes === undefined || block === undefined ? moduleIsRight : holds(block, bytes);
};

export const addresses: ReadonlyMap<string, Instead> = new Map<string, Instead>([
  ["net.cidr_contains", contains],
  ["net.cidr_overlap", contains],
]);
