/** CIDR blocks. Source: OPA, v1/topdown/cidr.go. */
import type { RegoValue } from "../../engine/value.js";
import { RegoObject, RegoSet } from "../../engine/value.js";
import type { Network } from "./addresses.js";
import { addressText, holds, maskByte, parseNetwork, plainAddress, withoutMapping } from "./addresses.js";
import { BuiltinLimit } from "../limit.js";
import { fault, longestName, stringOperand } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

/** Addresses of the largest block that is written out. */
const mostAddresses = { 4: 65_536, 16: 4_096 } as const;
/** Most pairs that are compared, more or less. */
const mostPairs = 50_000;

function networkOperand(value: RegoValue | undefined): Network {
  const text = stringOperand(value, 1, longestName);
  const network = parseNetwork(text);
  if (network === undefined) throw fault(`invalid CIDR address: ${text}`);
  return network;
}

const expand: NodeBuiltin = (_context, value) => {
  const { bytes, ones } = networkOperand(value);
  const hosts = bytes.length * 8 - ones;
  if (2 ** hosts > mostAddresses[bytes.length === 4 ? 4 : 16])
    throw new BuiltinLimit("a network that is too large");
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
  readonly text: string;
  readonly name: RegoValue;
  readonly address: readonly number[] | undefined;
  readonly network: Network | undefined;
}

function parsed({ cidr, name }: Named): Parsed {
  const text = stringOperand(cidr, 1, longestName);
  // with a slash, it is no address
  return {
    text,
    name,
    address: text.includes("/") ? undefined : plainAddress(text),
    network: parseNetwork(text),
  };
}

const containsMatches: NodeBuiltin = (_context, networks, candidates) => {
  const found: RegoValue[] = [];
  const inner: Parsed[] = [];
  let pairs = 0;
  for (const named of namedOf(1, networks)) {
    let outer: Parsed | undefined;
    const compare = (candidate: () => Parsed): void => {
      if (++pairs > mostPairs) throw new BuiltinLimit("too many networks to compare");
      outer ??= parsed(named);
      if (outer.network === undefined) throw fault(`invalid CIDR address: ${outer.text}`);
      const other = candidate();
      if (contains(outer.network, other)) found.push([outer.name, other.name]);
    };
    if (inner.length > 0) for (const other of inner) compare(() => other);
    else {
      for (const candidate of namedOf(2, candidates)) {
        compare(() => {
          const other = parsed(candidate);
          // reading one costs as much as comparing three
          pairs += 2;
          inner.push(other);
          return other;
        });
      }
    }
  }
  // found in the order of the names, which is that of the set
  return new RegoSet(found);
};

function contains(outer: Network, { address, network, text }: Parsed): boolean {
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
