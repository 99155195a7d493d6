import { BlockList, isIP } from "node:net";
import type { Call, CallContext, Identity, Json, JsonObject, PolicyInput } from "../contract.js";
import { describeDelegation } from "./delegation.js";

/** A range of source addresses and what it means (`networks` in the configuration). */
export interface NetworkRange {
  /** CIDR, IPv4 or IPv6. */
  readonly cidr: string;
  readonly network: string;
  readonly region?: string;
}

export interface DescribeParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** IANA zone of the time facts. */
  readonly timeZone: string;
  /** First match wins; an address in none is `external`. */
  readonly networks: readonly NetworkRange[];
}

/** What is remembered of a request's task, and of the limits that it counts against. Frozen, or never changed. */
export interface Remembered {
  readonly task?: JsonObject;
  readonly limits?: JsonObject;
}

export interface Describer {
  describe(identity: Identity, call: Call, context: CallContext, remembered?: Remembered): PolicyInput;
  /** Names the network and region of an address, as policy sees them. */
  locate(ip: string | undefined): { network: string; region?: string };
}

/** Loopback and the private ranges of RFC 1918 and RFC 4193. */
export const defaultNetworks: readonly NetworkRange[] = [
  "127.0.0.0/8",
  "::1/128",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
].map((cidr) => ({ cidr, network: "internal" }));

/** Builds the policy input out of what was proven, what is attempted and what surrounds it. */
export function createDescriber({ now, timeZone, networks }: DescribeParts): Describer {
  const clock = createClock(timeZone, now);
  const locate = createLocator(networks);
  let last:
    | {
        readonly identity: Identity;
        readonly context: CallContext;
        readonly remembered: Remembered | undefined;
        readonly time: Json;
        readonly facts: JsonObject;
      }
    | undefined;
  return {
    locate,
    describe(identity, call, context, remembered) {
      return Object.freeze({
        subject: { type: identity.type, id: identity.id, properties: subjectProperties(identity) },
        action: call.action,
        resource: call.resource,
        context: surround(identity, context, remembered),
      });
    },
  };

  /** Says what surrounds the calls of a request; all of them at once, so the last is kept. */
  function surround(identity: Identity, context: CallContext, remembered?: Remembered): JsonObject {
    const time = clock();
    if (last?.context === context && last.identity === identity && last.time === time)
      if (last.remembered === remembered) return last.facts;
    const facts: JsonObject = { request: { ...context.request }, time };
    if (context.source !== undefined)
      facts["source"] = { ip: context.source.ip, ...locate(context.source.ip) };
    if (identity.device !== undefined) facts["device"] = { ...identity.device } as JsonObject;
    if (context.environment !== undefined) facts["environment"] = context.environment;
    if (context.prompt !== undefined) facts["prompt"] = context.prompt;
    if (context.content !== undefined) facts["content"] = context.content;
    if (context.claimed !== undefined) facts["claimed"] = context.claimed;
    if (remembered?.task !== undefined) facts["task"] = remembered.task;
    if (remembered?.limits !== undefined) facts["limits"] = remembered.limits;
    last = { identity, context, remembered, time, facts: Object.freeze(facts) };
    return facts;
  }
}

/** Built once per verified identity: the same object serves all its requests. */
const described = new WeakMap<Identity, JsonObject>();

function subjectProperties(identity: Identity): JsonObject {
  const known = described.get(identity);
  if (known !== undefined) return known;
  const properties: JsonObject = {
    tenant: identity.tenant,
    issuer: identity.issuer,
    method: identity.method,
    assurance: identity.assurance,
    groups: [...identity.groups],
    roles: [...identity.roles],
    claims: identity.claims,
    chain: identity.chain.map((link) => ({ ...link })),
    delegation: describeDelegation(identity),
  };
  if (identity.department !== undefined) properties["department"] = identity.department;
  if (identity.authentication !== undefined) {
    properties["authentication"] = { ...identity.authentication } as JsonObject;
  }
  if (identity.scopes !== undefined) properties["scopes"] = [...identity.scopes];
  if (identity.workload !== undefined) properties["workload"] = { ...identity.workload };
  described.set(identity, Object.freeze(properties));
  return properties;
}

/** Buckets the clock to what policies ask for, so that decisions stay cacheable within the hour. */
function createClock(timeZone: string, now: () => number): () => Json {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    weekday: "long",
  });
  let minute = -1;
  let facts: Json = null;
  return () => {
    const at = now();
    const current = Math.floor(at / 60_000);
    if (current !== minute) {
      const parts = new Map(format.formatToParts(at).map((part) => [part.type, part.value]));
      const from = (current - Number(parts.get("minute"))) * 60;
      facts = Object.freeze({
        hour: Number(parts.get("hour")),
        weekday: (parts.get("weekday") ?? "").toLowerCase(),
        zone: timeZone,
        // seconds since the epoch: what must hold now is asked of the whole hour
        hour_from: from,
        hour_until: from + 3_600,
      });
      minute = current;
    }
    return facts;
  };
}

function createLocator(networks: readonly NetworkRange[]): Describer["locate"] {
  const ranges = networks.map(({ cidr, network, region }) => {
    const [address = "", bits = ""] = cidr.split("/");
    const list = new BlockList();
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
    return { list, place: { network, ...(region === undefined ? {} : { region }) } };
  });
  const seen = new Map<string, { network: string; region?: string }>();
  return (ip) => {
    if (ip === undefined) return { network: "external" };
    const known = seen.get(ip);
    if (known !== undefined) return known;
    // an IPv4 address in IPv6 clothes is judged as IPv4
    const plain = ip.startsWith("::ffff:") ? ip.slice(7) : ip;
    const version = isIP(plain);
    const range =
      version === 0
        ? undefined
        : ranges.find(({ list }) => list.check(plain, version === 6 ? "ipv6" : "ipv4"));
    const place = range?.place ?? { network: "external" };
    if (seen.size >= 4096) seen.clear();
    seen.set(ip, place);
    return place;
  };
}
