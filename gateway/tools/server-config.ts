import type { Fields, Problems } from "../../sidecar/contract.js";
import { readUpstream } from "../upstreams/read-upstream.js";
import type { UpstreamConfig } from "../upstreams/upstream.js";

/** A tool server, by how it is reached. */
export interface ServerConfig {
  /** Absent for those that aren't reached by HTTP. */
  readonly upstream?: UpstreamConfig;
}

/** Reads the fields of a tool server, then refuses any that are left. */
export function readServer(fields: Fields, problems: Problems): ServerConfig {
  return { upstream: readUpstream(fields, problems) };
}
