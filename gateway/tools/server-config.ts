import type { Fields, Problems } from "../../sidecar/contract.js";
import { readUpstream } from "../upstreams/read-upstream.js";
import type { UpstreamConfig } from "../upstreams/upstream.js";
import type { CommandConfig } from "./command-config.js";
import { readCommand } from "./command-config.js";
import type { OpenApiConfig } from "./openapi/config.js";
import { readOpenApi } from "./openapi/config.js";
import type { DefinitionsConfig } from "./definitions/read-config.js";
import { readDefinitionsConfig } from "./definitions/read-config.js";

/** A tool server, by how it is reached. */
export interface ServerConfig {
  /** Absent for those that aren't reached by HTTP. */
  readonly upstream?: UpstreamConfig;
  /** Of a server that is a child of the gateway's. */
  readonly command?: CommandConfig;
  /** By which of MCP's transports over HTTP; streamable HTTP unless given. */
  readonly transport?: HttpTransport;
  /** What is wanted of its tools' definitions, and what the operator says of them; absent: `enforce`, and nothing said. */
  readonly definitions?: DefinitionsConfig;
  /** Which revision of MCP it is spoken to in; absent: found out. */
  readonly revision?: Revision;
  /** The longest that one request may take, milliseconds; ten minutes unless given. */
  readonly requestMs?: number;
  /** Of a server whose tools are operations of an OpenAPI document; `upstream` is the API itself. */
  readonly openapi?: OpenApiConfig;
}

export const revisions = ["auto", "2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof revisions)[number];

/** `sse` is the transport of 2024-11-05; `auto` tries it where there is no other. */
export const httpTransports = ["http", "sse", "auto"] as const;
export type HttpTransport = (typeof httpTransports)[number];

/** Reads the fields of a tool server, then refuses any that are left. */
export function readServer(fields: Fields, problems: Problems): ServerConfig {
  const revision = fields.oneOf("revision", revisions);
  const openapi = readOpenApi(fields, problems);
  const definitions = definitionsOf(fields, openapi, problems);
  let requestMs: number | undefined;
  const readMore = (timeouts: Fields): void => {
    requestMs = timeouts.integer("request_ms", 1, 86_400_000);
  };
  for (const other of ["command", "transport", "revision"])
    if (openapi !== undefined && fields.has(other))
      problems.add(fields.at(other), "is of servers that speak MCP");
  const reached = fields.has("command")
    ? { command: readChild(fields, readMore, problems) }
    : readAddress(fields, readMore, problems);
  return {
    ...reached,
    definitions,
    ...(revision === undefined ? {} : { revision }),
    ...(requestMs === undefined ? {} : { requestMs }),
    ...(openapi === undefined ? {} : { openapi }),
  };
}

/** What is made of the operator's own document is the operator's word, unless a review of it is wanted. */
function definitionsOf(
  fields: Fields,
  openapi: OpenApiConfig | undefined,
  problems: Problems,
): DefinitionsConfig {
  const definitions = readDefinitionsConfig(fields, problems);
  if (openapi === undefined) return definitions;
  return { ...definitions, own: true, ...(fields.has("definitions") ? {} : { mode: "off" }) };
}

type ReadMore = (timeouts: Fields) => void;

function readAddress(
  fields: Fields,
  readMore: ReadMore,
  problems: Problems,
): Pick<ServerConfig, "upstream" | "transport"> {
  if (!fields.has("url") && !fields.has("openapi"))
    problems.add(fields.at("command"), "is required where there is no url");
  const transport = fields.oneOf("transport", httpTransports);
  const upstream = readUpstream(fields, problems, { timeouts: readMore, tokens: true });
  return { upstream, ...(transport === undefined ? {} : { transport }) };
}

function readChild(fields: Fields, readMore: ReadMore, problems: Problems): CommandConfig {
  if (fields.has("url")) problems.add(fields.at("url"), "give url or command, not both");
  fields.raw("url");
  const command = readCommand(fields, problems);
  const timeouts = fields.nested("timeouts");
  readMore(timeouts);
  timeouts.end();
  fields.end();
  return command;
}
