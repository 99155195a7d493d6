/** CIDR blocks. Source: OPA, v1/topdown/cidr.go. */
import type { RegoValue } from "../engine/value.js";
import { RegoObject, RegoSet, setOf } from "../engine/value.js";
import type { Network } from "./addresses.js";
import { addressText, holds, maskByte, parseNetwork, plainAddress, withoutMapping } from "./addresses.js";
import { BuiltinLimit } from "./limit.js";
import { fault, stringOperand } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

/** Addresses of the largest block that is written out. */
const mostAddresses = 65_536;
/** Most pairs that are compared. */
const mostPairs = 250_000;

function networkOperand(value: RegoValue | undefined): Network {
  const text = stringOperand(value, 1);
  const network = parseNetwork(text);
  if (network === undefined) throw fault(`invalid CIDR address: ${text}`);
  return network;
}

const expand: NodeBuiltin = (_context, value) => {
  const { bytes, ones } = networkOperand(value);
  const hosts = bytes.length * 8 - ones;
  if (2 ** hosts > mostAddresses) throw new BuiltinLimit("a network that is too large");
  const address = [...bytes];
  const texts = [addressText(address)];
  for (let i = 1; i < 2 ** hosts; i++) {
    for (let at = address.length - 1; at >= 0; at--) {
      address[at] = ((address[at] ?? 0) + 1) & 0xff;
      if (address[at] !== 0) break;
    }
    texts.push(addressText(address));
  }
  // ASCII: the order of code units is that of OPA
  return new RegoSet(texts.sort());
};

/** What is compared, and how the result names it. */
interface Named {
  readonly cidr: RegoValue;
  readonly name: RegoValue;
}

/** INVARIANT: an element that is wrong throws only when it is reached, as in OPA. */
function* namedOf(place: number, value: RegoValue | undefined): Generator<Named> {
  const cidrOf = (element: RegoValue): RegoValue => {
    const first = Array.isArray(element) ? (element[0] as RegoValue | undefined) : undefined;
    if (typeof element === "string") return element;
    if (first === undefined) throw fault(`operand ${place}: element must be string or non-empty array`);
    return first;
  };
  if (typeof value === "string") yield { cidr: value, name: value };
  else if (value instanceof RegoSet) for (const item of value.items) yield { cidr: cidrOf(item), name: item };
  else if (value instanceof RegoObject) {
    for (const [key, member] of value.entries) yield { cidr: cidrOf(member), name: key };
  } else if (Array.isArray(value)) {
    for (const [i, item] of (value as readonly RegoValue[]).entries()) yield { cidr: cidrOf(item), name: i };
  }
}

interface Parsed {
  readonly address: readonly number[] | undefined;
  readonly network: Network | undefined;
}

const containsMatches: NodeBuiltin = (_context, networks, candidates) => {
  const parsed = new Map<string, Parsed>();
  const parse = (text: string): Parsed => {
    const found = parsed.get(text) ?? { address: plainAddress(text), network: parseNetwork(text) };
    parsed.set(text, found);
    return found;
  };
  const found: RegoValue[] = [];
  let pairs = 0;
  for (const outer of namedOf(1, networks)) {
    for (const inner of namedOf(2, candidates)) {
      if (++pairs > mostPairs) throw new BuiltinLimit("too many networks to compare");
      const text = stringOperand(outer.cidr, 1);
      const { network } = parse(text);
      if (network === undefined) throw fault(`invalid CIDR address: ${text}`);
      const candidate = stringOperand(inner.cidr, 1);
      if (contains(network, parse(candidate), candidate)) found.push([outer.name, inner.name]);
    }
  }
  return setOf(found);
};

function contains(outer: Network, { address, network }: Parsed, text: string): boolean {
  if (address !== undefined) return holds(outer, address);
  if (network === undefined) {
    throw fault(`not a valid textual representation of an IP address or CIDR: ${text}`);
  }
  if (isPlainIPv6(outer) && isPlainIPv6(network)) {
    return (
      outer.ones <= network.ones && outer.bytes.every((byte, i) => byte === masked(network, i, outer.ones))
    );
  }
  return holds(outer, network.bytes) && holds(outer, lastOf(network));
}

const masked = ({ bytes }: Network, i: number, ones: number): number => (bytes[i] ?? 0) & maskByte(ones, i);

const isPlainIPv6 = ({ bytes }: Network): boolean => withoutMapping(bytes).length === 16;

const lastOf = ({ bytes, ones }: Network): readonly number[] =>
  bytes.map((byte, i) => byte | (0xff ^ maskByte(ones, i)));

export const networks: readonly (readonly [string, NodeBuiltin])[] = [
  ["net.cidr_is_valid", (_context, text) => typeof text === "string" && parseNetwork(text) !== undefined],
  ["net.cidr_expand", expand],
  ["net.cidr_contains_matches", containsMatches],
];
