import type { Fields, Problems } from "../../../sidecar/contract.js";
import { separator } from "./place.js";

/** What holds for MCP at all servers. Times in milliseconds. */
export interface McpConfig {
  /** The servers behind `/mcp`, in order; none: there is no such route. */
  readonly together: readonly string[];
  readonly maxSessions: number;
  readonly maxSessionsPerCaller: number;
  readonly sessionIdleMs: number;
  /** How long a request may take, input of the client's included. */
  readonly requestMs: number;
  /** How long a client may answer what a server asks it. */
  readonly inputMs: number;
  /** How long what a client missed is kept, and how much of it in a session, bytes. */
  readonly resumeMs: number;
  readonly resumeBytes: number;
  /** How old a list of a server's tools may be when one is called. */
  readonly listMaxAgeMs: number;
  /** How often a stream of what servers say of their own accord is decided anew. */
  readonly recheckMs: number;
  /** What a server may say while it works on one request, messages. */
  readonly maxMessages: number;
  /** Whether what servers give is decided on, or only looked at. */
  readonly results: "decide" | "observe";
}

/** Reads `mcp`, then refuses any fields that are left. */
export function readMcp(fields: Fields, servers: ReadonlySet<string>, problems: Problems): McpConfig {
  const together = fields.strings("together") ?? [];
  for (const name of together) {
    if (!servers.has(name)) problems.add(fields.at("together"), `${name} is not among the servers`);
    // `a__b` with `c` and `a` with `b__c` would have one name
    if (name.includes(separator) || name.endsWith("_"))
      problems.add(fields.at("together"), `${name}: the name can't hold ${separator}, nor end in _`);
  }
  if (new Set(together).size < together.length) problems.add(fields.at("together"), "names a server twice");
  const config: McpConfig = {
    together,
    maxSessions: fields.integer("max_sessions", 1, 1_000_000) ?? 10_000,
    maxSessionsPerCaller: fields.integer("max_sessions_per_caller", 1, 1_000_000) ?? 100,
    sessionIdleMs: fields.integer("session_idle_ms", 1_000, 7 * 86_400_000) ?? 30 * 60_000,
    requestMs: fields.integer("request_ms", 100, 86_400_000) ?? 10 * 60_000,
    inputMs: fields.integer("input_ms", 100, 86_400_000) ?? 5 * 60_000,
    resumeMs: fields.integer("resume_ms", 0, 3_600_000) ?? 60_000,
    resumeBytes: fields.integer("resume_bytes", 0, 2 ** 30) ?? 2 ** 20,
    listMaxAgeMs: fields.integer("list_max_age_ms", 0, 3_600_000) ?? 10_000,
    results: fields.oneOf("results", ["decide", "observe"]) ?? "decide",
    recheckMs: fields.integer("recheck_ms", 100, 86_400_000) ?? 60_000,
    maxMessages: fields.integer("max_messages", 1, 1_000_000) ?? 1_000,
  };
  fields.end();
  return config;
}
