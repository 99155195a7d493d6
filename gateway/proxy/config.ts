import { isIP } from "node:net";
import type { Fields, ListenerTls, Problems } from "../../sidecar/contract.js";
import { readListenerTls } from "../../sidecar/contract.js";
import { isPlainName } from "./target.js";

/** The door for agents' own HTTPS. */
export interface ForwardProxyConfig {
  readonly listen: string;
  /** Absent: plain HTTP. */
  readonly tls?: ListenerTls;
  readonly ports: readonly number[];
  /** Names and addresses that may be of a private network, or of this machine. */
  readonly privateHosts: readonly string[];
  /** Whether addresses may be asked for instead of names. */
  readonly addresses: boolean;
  readonly most: number;
  readonly mostPerCaller: number;
  /** For a name to be resolved, and for a connection to be made; milliseconds. */
  readonly connectMs: number;
  /** From the answer to CONNECT to the end of the TLS client's hello, milliseconds. */
  readonly helloMs: number;
  /** Longest time without a byte in either direction, milliseconds. */
  readonly idleMs: number;
  /** Longest time of a connection, milliseconds. */
  readonly longestMs: number;
  /** Most bytes of a connection, both directions together. */
  readonly maxBytes: number;
  /** How often a connection is decided anew, milliseconds. */
  readonly recheckMs: number;
}

/** Reads `forward_proxy`, then refuses any fields that are left. */
export function readForwardProxy(fields: Fields, problems: Problems): ForwardProxyConfig {
  const day = 86_400_000;
  const ports = fields.has("ports") ? fields.raw("ports") : [443];
  const isPort = (one: unknown): one is number =>
    typeof one === "number" && Number.isInteger(one) && one > 0 && one < 65_536;
  const list = Array.isArray(ports) && ports.every(isPort) ? ports : [];
  if (list.length === 0) problems.add(fields.at("ports"), "must be ports");
  const privateHosts = (fields.strings("private_hosts") ?? []).map((host) => host.toLowerCase());
  for (const host of privateHosts)
    if (isIP(host) === 0 && !isPlainName(host))
      problems.add(fields.at("private_hosts"), "must be names and addresses, each to the letter");
  const config: ForwardProxyConfig = {
    listen: fields.string("listen") ?? "127.0.0.1:8888",
    ...(fields.has("tls") ? { tls: readListenerTls(fields.nested("tls"), problems) } : {}),
    ports: list,
    privateHosts,
    addresses: fields.boolean("addresses") ?? false,
    most: fields.integer("max_connections", 1, 1_000_000) ?? 1_000,
    mostPerCaller: fields.integer("max_connections_per_caller", 1, 1_000_000) ?? 100,
    connectMs: fields.integer("connect_ms", 10, 600_000) ?? 5_000,
    helloMs: fields.integer("hello_ms", 10, 600_000) ?? 5_000,
    idleMs: fields.integer("idle_ms", 100, day) ?? 300_000,
    longestMs: fields.integer("longest_ms", 100, 7 * day) ?? 3_600_000,
    maxBytes: fields.integer("max_bytes", 1, Number.MAX_SAFE_INTEGER) ?? 2 ** 30,
    recheckMs: fields.integer("recheck_ms", 100, day) ?? 60_000,
  };
  fields.end();
  return config;
}
