import type { Fields, Problems } from "../../sidecar/contract.js";
import { readUpstream } from "../upstreams/read-upstream.js";
import type { UpstreamConfig } from "../upstreams/upstream.js";

/** A tool server, by how it is reached. */
export interface ServerConfig {
  /** Absent for those that aren't reached by HTTP. */
  readonly upstream?: UpstreamConfig;
  /** Which revision of MCP it is spoken to in; absent: found out. */
  readonly revision?: Revision;
  /** The longest that one request may take, milliseconds; ten minutes unless given. */
  readonly requestMs?: number;
}

export const revisions = ["auto", "2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof revisions)[number];

/** Reads the fields of a tool server, then refuses any that are left. */
export function readServer(fields: Fields, problems: Problems): ServerConfig {
  const revision = fields.oneOf("revision", revisions);
  let requestMs: number | undefined;
  const upstream = readUpstream(fields, problems, (timeouts) => {
    requestMs = timeouts.integer("request_ms", 1, 86_400_000);
  });
  return {
    upstream,
    ...(revision === undefined ? {} : { revision }),
    ...(requestMs === undefined ? {} : { requestMs }),
  };
}
