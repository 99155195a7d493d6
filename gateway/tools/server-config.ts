import type { Fields, Problems } from "../../sidecar/contract.js";
import { readUpstream } from "../upstreams/read-upstream.js";
import type { UpstreamConfig } from "../upstreams/upstream.js";
import type { ResultMode } from "./results/mode.js";
import { resultModes } from "./results/mode.js";
import type { OpenApiConfig } from "./openapi/config.js";
import { readOpenApi } from "./openapi/config.js";
import type { DefinitionsConfig } from "./definitions/read-config.js";
import { readDefinitionsConfig } from "./definitions/read-config.js";

/** A tool server, by how it is reached. */
export interface ServerConfig {
  /** Absent for those that aren't reached by HTTP. */
  readonly upstream?: UpstreamConfig;
  /** What is wanted of its tools' definitions, and what the operator says of them; absent: `enforce`, and nothing said. */
  readonly definitions?: DefinitionsConfig;
  /** What is done with what it gives; absent: as `tools.results` says. */
  readonly results?: ResultMode;
  /** Which revision of MCP it is spoken to in; absent: found out. */
  readonly revision?: Revision;
  /** The longest that one request may take, milliseconds; ten minutes unless given. */
  readonly requestMs?: number;
  /** Of a server whose tools are operations of an OpenAPI document; `upstream` is the API itself. */
  readonly openapi?: OpenApiConfig;
}

export const revisions = ["auto", "2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof revisions)[number];

/** Reads the fields of a tool server, then refuses any that are left. */
export function readServer(fields: Fields, problems: Problems): ServerConfig {
  const revision = fields.oneOf("revision", revisions);
  const openapi = readOpenApi(fields, problems);
  const definitions = readDefinitionsConfig(fields, problems);
  const results = fields.oneOf("results", resultModes);
  let requestMs: number | undefined;
  const upstream = readUpstream(fields, problems, (timeouts) => {
    requestMs = timeouts.integer("request_ms", 1, 86_400_000);
  });
  return {
    upstream,
    definitions,
    ...(results === undefined ? {} : { results }),
    ...(revision === undefined ? {} : { revision }),
    ...(requestMs === undefined ? {} : { requestMs }),
    ...(openapi === undefined ? {} : { openapi }),
  };
}
