/**
 * `http.send` and `net.lookup_ip_addr`, for the hosts that the configuration lists.
 *
 * A call that needs the network gives its evaluation up, which is made again when the answer is there; what was
 * answered stays the same for the whole decision. So no other decision waits. See docs/rego.md, "The network".
 */
import { setMaxListeners } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Lookup } from "./dns.js";
import { createLookupBuiltin, createSystemLookup } from "./dns.js";
import type { HostBuiltin } from "../host.js";
import { HostBudgetExceeded } from "../host.js";
import type { NetworkOutcome } from "./http-builtin.js";
import { createHttpBuiltin } from "./http-builtin.js";
import { createHttpCache } from "./http-cache.js";
import { createExchange } from "./http-exchange.js";
import { parseHosts } from "./http-hosts.js";
import { createKept } from "./http-kept.js";
import type { Lane } from "./http-lane.js";
import { createLane } from "./http-lane.js";
import type { YamlToJson } from "./http-response.js";
import { createYamlToJson } from "./http-response.js";
import { createSend } from "./http-send.js";

export type NetworkBuiltin = "http.send" | "net.lookup_ip_addr";
export interface NetworkParts {
  /** As {@link parseHosts} reads them. */
  readonly hosts: readonly string[];
  /** The system's resolver unless given. */
  readonly lookup?: Lookup;
  /** Of a response's body. 1 MiB unless given. */
  readonly maxBytes?: number;
  /** For a call with all its attempts, redirects and waiting. 10 s unless given; a request's own default is 5 s. */
  readonly timeoutMs?: number;
  /** Requests at once to one listed host; eight times as many may wait. 32 unless given. */
  readonly maxConcurrent?: number;
  /** Requests of one decision. 32 unless given. */
  readonly maxPerDecision?: number;
  /** What is kept for other decisions. 16 MiB unless given. */
  readonly maxCacheBytes?: number;
  /** YAML as OPA reads it, where that is at hand; YAML 1.2's core schema unless given. */
  readonly yamlToJson?: YamlToJson;
  /** Milliseconds that only go forward. */
  readonly now?: () => number;
  /** Counts calls. INVARIANT: no host, no URL: these are labels. */
  readonly count?: (builtin: NetworkBuiltin, outcome: NetworkOutcome) => void;
}

export interface Network {
  readonly builtins: ReadonlyMap<NetworkBuiltin, HostBuiltin>;
  /** Ends what is under way; its decisions are denied, and so are later ones that ask. */
  close(): Promise<void>;
}

const cost: Readonly<Record<NetworkBuiltin, number>> = { "http.send": 2_000, "net.lookup_ip_addr": 500 };

/**
 * Creates the two built-ins.
 * @throws Error where an entry of the list of hosts can't be read; names all of them
 */
export function createNetwork(parts: NetworkParts): Network {
  const { maxBytes = 1 << 20, timeoutMs = 10_000, maxConcurrent = 32, count = () => undefined } = parts;
  const { lookup = createSystemLookup(), now = () => performance.now() } = parts;
  const hosts = parseHosts(parts.hosts);
  const serve = createKept({ mostCalls: parts.maxPerDecision ?? 32, mostText: 8 * maxBytes });
  const closing = new AbortController();
  // each call listens
  setMaxListeners(0, closing.signal);

  const lanes = new Map<string, Lane>();
  const lane = (entry: string): Lane => {
    const found = lanes.get(entry) ?? createLane({ atOnce: maxConcurrent, waiting: 8 * maxConcurrent });
    lanes.set(entry, found);
    return found;
  };
  // idle connections end before a server's usual five seconds
  const agent = { keepAlive: true, timeout: 4_000, maxFreeSockets: maxConcurrent };
  const agents = { http: new HttpAgent(agent), https: new HttpsAgent(agent) };
  const exchange = createExchange({ lookup, maxBytes, agents });

  const ask = {
    "http.send": createHttpBuiltin({
      send: createSend({ hosts, exchange, lane, timeoutMs, now }),
      serve,
      cache: createHttpCache(parts.maxCacheBytes ?? 16 << 20),
      yaml: parts.yamlToJson ?? createYamlToJson(maxBytes),
      signal: closing.signal,
      count: (outcome) => count("http.send", outcome),
    }),
    "net.lookup_ip_addr": createLookupBuiltin({
      hosts,
      lookup,
      lane,
      serve,
      timeoutMs,
      signal: closing.signal,
      count: (outcome) => count("net.lookup_ip_addr", outcome),
    }),
  };

  const open = (name: NetworkBuiltin): [NetworkBuiltin, HostBuiltin] => [
    name,
    {
      cost: cost[name],
      call(scope, call) {
        if (closing.signal.aborted) throw new HostBudgetExceeded(name);
        return ask[name](scope, call.values());
      },
    },
  ];
  return {
    builtins: new Map([open("http.send"), open("net.lookup_ip_addr")]),
    close() {
      closing.abort();
      agents.http.destroy();
      agents.https.destroy();
      return Promise.resolve();
    },
  };
}
