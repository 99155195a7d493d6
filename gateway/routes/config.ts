/** The configuration of named routes (docs/gateway-routes.md). */
import type { Fields, JsonObject, Problems } from "../../sidecar/contract.js";
import { actionNames, credentialHeaders } from "../../sidecar/contract.js";
import type { ActionName } from "../../sidecar/contract.js";
import type { UpstreamConfig } from "../config.js";
import type { WebSocketConfig } from "./websocket/config.js";
import { readWebSocketConfig } from "./websocket/config.js";

export const routeKinds = ["web", "http", "langserve", "ollama", "vllm"] as const;
export type RouteKind = (typeof routeKinds)[number];

/** A model that a route's server serves. */
export interface RouteModel {
  /** The server's own name for it, where it is another. */
  readonly upstreamModel: string;
  /** What policy sees. */
  readonly facts: JsonObject;
}

/** A line of a model server's table: what a request to a path is. */
export interface TableLine {
  readonly method: string;
  /** The pattern's segments; `{name}` takes one segment. */
  readonly segments: readonly string[];
  readonly action: ActionName;
  readonly type: string;
  /** Text, with `{name}` for what stood in the path. */
  readonly id?: string;
  /** JSON pointer (RFC 6901) into the body. */
  readonly idPointer?: readonly string[];
}

export interface RouteConfig {
  readonly name: string;
  readonly kind: RouteKind;
  readonly upstream: UpstreamConfig;
  /** What policy sees of the route: region, environment and the rest that is stated. */
  readonly facts: JsonObject;
  /** Of chains: their paths; empty where the url is the one chain. */
  readonly chains: readonly string[];
  /** Whether calls of tools in a chain's answers are its client's to carry out, and so decided. */
  readonly chainCalls: "decide" | "pass";
  /** The tools that clients of chains carry out. */
  readonly tools: readonly string[];
  readonly models: ReadonlyMap<string, RouteModel>;
  readonly table: readonly TableLine[];
  readonly methods: ReadonlySet<string>;
  /** How a request's body is treated: its facts, its value too (JSON only), or sent as it comes. */
  readonly body: "facts" | "json" | "stream";
  readonly maxBody: number;
  readonly maxAnswer: number;
  /** Query parameters whose values policy sees. */
  readonly queryValues: ReadonlySet<string>;
  /** Request headers, lower-case, that are passed on and that policy sees as claims. */
  readonly headers: readonly string[];
  /** Names of cookies that pass, both ways. */
  readonly cookies: ReadonlySet<string>;
  readonly websocket?: WebSocketConfig;
}

const allMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const bodies = ["facts", "json", "stream"] as const;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const pathName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const modelName = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,255}$/;

/** Headers that are somebody's else's to write: credentials, the connection's own, and what makes a request another. */
const neverPassed =
  /^(?:cookie|host|origin|forwarded|via|te|trailer|upgrade|connection|keep-alive|expect|content-(?:length|type|encoding)|transfer-encoding|accept-encoding|proxy-.*|sec-.*|x-forwarded-.*|x-real-ip|x-http-method.*|x-method-override|x-original-.*|x-rewrite-.*|x-countersign-.*|x-goog-api-key|api-key)$/;

/** Reads a route; its upstream's own fields are read by what is given. */
export function readRoute(
  name: string,
  fields: Fields,
  problems: Problems,
  readUpstream: () => UpstreamConfig,
): RouteConfig {
  const kind = fields.oneOf("kind", routeKinds);
  if (kind === undefined && !fields.has("kind")) problems.add(fields.at("kind"), "is required");
  const region = fields.required("region");
  const environment = fields.required("environment");
  const internal = fields.boolean("internal");
  const provider = fields.string("provider");
  const facts: JsonObject = {
    route: name,
    region,
    environment,
    ...(internal === undefined ? {} : { internal }),
    ...(provider === undefined ? {} : { provider }),
  };
  const only = (field: string, ...kinds: RouteKind[]): boolean => {
    if (!fields.has(field) || kind === undefined) return false;
    if (!kinds.includes(kind))
      problems.add(fields.at(field), `is for routes of the kind ${kinds.join(", ")}`);
    return true;
  };
  only("chains", "langserve");
  only("calls", "langserve");
  only("tools", "langserve");
  only("models", "ollama", "vllm");
  only("operations", "http");
  for (const field of ["methods", "query_values", "cookies", "body", "websocket"]) only(field, "web");
  only("headers", "web", "http");
  const chains = fields.strings("chains") ?? [];
  for (const chain of chains)
    if (!chain.split("/").every((part) => pathName.test(part)))
      problems.add(fields.at("chains"), "each is a path without a slash at its beginning or end");
  const methods = fields.strings("methods") ?? allMethods;
  for (const method of methods)
    if (!allMethods.includes(method)) problems.add(fields.at("methods"), `one of ${allMethods.join(", ")}`);
  const headers = (fields.strings("headers") ?? []).map((header) => header.toLowerCase());
  for (const header of headers)
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(header) || neverPassed.test(header) || isCredential(header))
      problems.add(fields.at("headers"), `${header} is no header that may pass`);
  const cookies = fields.strings("cookies") ?? [];
  for (const cookie of cookies)
    if (!token.test(cookie) || /^__(?:host|secure|http)-/i.test(cookie))
      problems.add(fields.at("cookies"), `${cookie} is no name of a cookie that may pass`);
  const websocket = fields.has("websocket")
    ? readWebSocketConfig(fields.nested("websocket"), problems)
    : undefined;
  const route = {
    ...{ name, kind: kind ?? "web", facts, chains, headers },
    chainCalls: fields.oneOf("calls", ["decide", "pass"]) ?? "decide",
    tools: fields.strings("tools") ?? [],
    models: new Map(fields.entries("models").map(([id, one]) => [id, readModel(id, one, facts, problems)])),
    table: fields.items("operations").map((line) => readLine(line, problems)),
    methods: new Set(methods),
    body: fields.oneOf("body", bodies) ?? "facts",
    maxBody: fields.integer("max_body_bytes", 1, 2 ** 34) ?? 4 * 2 ** 20,
    maxAnswer: fields.integer("max_answer_bytes", 1, 2 ** 40) ?? 2 ** 30,
    queryValues: new Set(fields.strings("query_values") ?? []),
    cookies: new Set(cookies),
    ...(websocket === undefined ? {} : { websocket }),
  } as const;
  if (kind === "http" && route.table.length === 0) problems.add(fields.at("operations"), "name at least one");
  const upstream = readUpstream();
  if (upstream.url.search !== "") problems.add(fields.at("url"), "must not have a query");
  return { ...route, upstream };
}

function isCredential(header: string): boolean {
  return (credentialHeaders as readonly string[]).includes(header);
}

function readModel(id: string, fields: Fields, facts: JsonObject, problems: Problems): RouteModel {
  const upstreamModel = fields.string("upstream_model") ?? id;
  const provider = fields.string("provider");
  fields.end();
  if (!modelName.test(id) || !modelName.test(upstreamModel))
    problems.add(fields.at("upstream_model"), "a model's name holds letters, digits and . _ : / @ -");
  return { upstreamModel, facts: { ...facts, ...(provider === undefined ? {} : { provider }) } };
}

function readLine(fields: Fields, problems: Problems): TableLine {
  const method = fields.required("method");
  const path = fields.required("path");
  const action = fields.oneOf<ActionName>("action", actionNames);
  const type = fields.string("type") ?? "model";
  const id = fields.string("id");
  const pointer = fields.string("id_pointer");
  fields.end();
  if (!["GET", "POST", "PUT", "DELETE"].includes(method))
    problems.add(fields.at("method"), "must be one of GET, POST, PUT, DELETE");
  const segments = path.slice(1).split("/");
  const fits = (part: string): boolean =>
    /^(?:\{[a-z]\w{0,31}\}(?::\w{1,32})?|[A-Za-z0-9._:~-]+)$/.test(part);
  if (!path.startsWith("/") || !segments.every(fits))
    problems.add(fields.at("path"), "must be /plain/segments, {name} for one that differs");
  if (action === undefined) problems.add(fields.at("action"), "is required");
  if ((id === undefined) === (pointer === undefined))
    problems.add(fields.at("id"), "give one of id and id_pointer");
  const named = [...(id ?? "").matchAll(/\{(\w+)\}/g)].map(([whole]) => whole);
  if (named.some((one) => !segments.some((part) => part.startsWith(one))))
    problems.add(fields.at("id"), "names what the path doesn't have");
  if (pointer !== undefined && (!pointer.startsWith("/") || method === "GET"))
    problems.add(fields.at("id_pointer"), "must be a JSON pointer into a body");
  return {
    ...{ method, segments, action: action ?? "model.invoke", type },
    ...(id === undefined ? {} : { id }),
    ...(pointer === undefined ? {} : { idPointer: readPointer(pointer) }),
  };
}

function readPointer(pointer: string): string[] {
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
