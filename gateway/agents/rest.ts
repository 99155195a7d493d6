/** HTTP+JSON of A2A 1.0 (section 11): paths and queries, read into the same operations as JSON-RPC's. */
import type { Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, JsonRefused, parseJson, refuse } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { readBytes } from "../http.js";
import { converse } from "./converse.js";
import { restDoor } from "./door.js";
import type { Operation } from "./methods.js";
import { readVersion } from "./methods.js";
import { offeredExtensions, readAsked } from "./serve.js";

interface Line {
  readonly verbs: readonly string[];
  readonly path: RegExp;
  readonly operation: Operation;
  /** What the query may say, and how it reads. */
  readonly query?: Readonly<Record<string, "text" | "count" | "flag">>;
}

const task = "/tasks/([A-Za-z0-9_-]{1,2048})";
const push = `${task}/pushNotificationConfigs(?:/[^/]{1,256})?`;

const lines: readonly Line[] = [
  { verbs: ["POST"], path: /^\/message:send$/, operation: "send" },
  { verbs: ["POST"], path: /^\/message:stream$/, operation: "stream" },
  {
    verbs: ["GET"],
    path: /^\/tasks$/,
    operation: "list",
    query: {
      ...{ contextId: "text", status: "text", pageToken: "text", statusTimestampAfter: "text" },
      ...{ pageSize: "count", historyLength: "count", includeArtifacts: "flag" },
    },
  },
  { verbs: ["GET"], path: new RegExp(`^${task}$`), operation: "get", query: { historyLength: "count" } },
  { verbs: ["POST"], path: new RegExp(`^${task}:cancel$`), operation: "cancel" },
  // the specification has the one, its protocol definition the other
  { verbs: ["POST", "GET"], path: new RegExp(`^${task}:subscribe$`), operation: "subscribe" },
  { verbs: ["GET"], path: /^\/extendedAgentCard$/, operation: "card" },
  { verbs: ["POST", "GET", "DELETE"], path: new RegExp(`^${push}$`), operation: "push" },
];

/** Serves what comes under `/a2a/{agent}/v1`. @param rest what follows, as it came */
export async function serveRest(
  parts: GatewayParts,
  exchange: Exchange,
  agent: string,
  rest: string,
): Promise<void> {
  const { req } = exchange;
  const no = (refusal: Refusal): void => void restDoor.refuse(exchange, refusal);
  const [path = "", search, ...more] = rest.split("?");
  const found = lines.filter((line) => line.path.test(path));
  const line = found.find(({ verbs }) => verbs.includes(req.method ?? ""));
  if (line === undefined || more.length > 0)
    return no(refuse(found.length > 0 && more.length === 0 ? "method_not_allowed" : "unknown_route"));
  const query = readQuery(search, line.query ?? {});
  if (query === undefined)
    return no(refuse("invalid_request", "a part of the query is not known, or stands twice"));
  const { version: said, params } = query;
  const header = req.headers["a2a-version"];
  const version = header !== undefined && said !== undefined ? undefined : readVersion(header ?? said);
  if (version !== "1.0") return no(refuse("unsupported_version"));
  const { operation } = line;
  if (operation === "push") return no(refuse("push_refused"));
  const body = req.method === "POST" ? await readBody(parts, exchange) : { value: params, bytes: 0 };
  if ("kind" in body) return no(body);
  const id = line.path.exec(path)?.[1];
  // one that is named twice is one too many
  if (id !== undefined && isObject(body.value) && body.value["id"] !== undefined)
    return no(refuse("invalid_request", "the id stands in the path"));
  const all: Json = isObject(body.value) && id !== undefined ? { ...body.value, id } : body.value;
  const about = { extensions: offeredExtensions(parts, exchange, agent), bytes: body.bytes };
  const most = parts.config.agents.get(agent)?.mostItems ?? 256;
  const ready = readAsked(restDoor, operation, all, about, most);
  if (ready.kind === "refused") return no(ready.refusal);
  return converse(parts, exchange, agent, ready);
}

async function readBody(
  { config }: GatewayParts,
  { req }: Exchange,
): Promise<{ readonly value: Json; readonly bytes: number } | Refusal> {
  const type = req.headers["content-type"];
  const bytes = await readBytes(req, config.maxBody);
  if (!Buffer.isBuffer(bytes)) return bytes;
  if (bytes.byteLength === 0) return { value: {}, bytes: 0 };
  if (!/^application\/(?:a2a\+)?json\s*(?:;\s*charset=(?:utf-8|"utf-8")\s*)?$/i.test(type ?? ""))
    return refuse("unsupported_media_type");
  try {
    return { value: parseJson(bytes), bytes: bytes.byteLength };
  } catch (error) {
    return error instanceof JsonRefused ? refuse(error.code) : refuse("invalid_json");
  }
}

/** Reads a query whose every part is known and stands once. */
function readQuery(
  search: string | undefined,
  known: NonNullable<Line["query"]>,
): { readonly params: JsonObject; readonly version: string | undefined } | undefined {
  const params = Object.create(null) as JsonObject;
  let version: string | undefined;
  if (search === undefined) return { params, version };
  if (search.length > 4_096) return undefined;
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(search)) {
    if (seen.has(name)) return undefined;
    seen.add(name);
    if (name === "A2A-Version") {
      version = value;
      continue;
    }
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) return undefined;
    if (kind === "text") params[name] = value;
    else if (kind === "count" && /^\d{1,9}$/.test(value)) params[name] = Number(value);
    else if (kind === "flag" && /^(?:true|false)$/.test(value)) params[name] = value === "true";
    else return undefined;
  }
  return { params, version };
}
