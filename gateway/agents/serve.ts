/** The doors of agents: JSON-RPC and HTTP+JSON, of A2A 1.0 and 0.3. */
import type { Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, JsonNumber, refuse, stringifyJson } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude } from "../exchange.js";
import { readJson, send } from "../http.js";
import { refusalOf } from "../models/refuse.js";
import type { Asked } from "./asked.js";
import { describeCall, offerCard } from "./card/offer.js";
import { converse } from "./converse.js";
import type { Door } from "./door.js";
import { privately, restDoor, rpcDoor } from "./door.js";
import type { Operation } from "./methods.js";
import { methods, readVersion } from "./methods.js";
import { ShapeRefused } from "./wire/read.js";
import * as v1 from "./wire/v1.js";
import * as v03 from "./wire/v03.js";

type Ready = { readonly kind: "asked"; readonly door: Door; readonly asked: Asked };
type Refused = { readonly kind: "refused"; readonly door: Door; readonly refusal: Refusal };

/** Serves `POST /a2a/{agent}`. */
export async function serveAgent(parts: GatewayParts, exchange: Exchange, agent: string): Promise<void> {
  const read = await readJson(exchange.req, parts.config.maxBody);
  if (read.kind === "refusal") return void rpcDoor("1.0", null).refuse(exchange, read);
  const extensions = offeredExtensions(parts, exchange, agent);
  const ready = readRpc(parts, exchange, agent, read.value, { extensions, bytes: read.bytes.byteLength });
  if (ready.kind === "refused") return void ready.door.refuse(exchange, ready.refusal);
  return converse(parts, exchange, agent, ready);
}

type About = Pick<Asked, "extensions" | "bytes">;

/** Reads one JSON-RPC request; what isn't known is refused by name. */
function readRpc(
  parts: GatewayParts,
  { req }: Exchange,
  agent: string,
  value: Json,
  about: About,
): Ready | Refused {
  const version = readVersion(req.headers["a2a-version"]);
  const id = isObject(value) ? idOf(value["id"]) : undefined;
  const door = rpcDoor(version ?? "1.0", id ?? null);
  const no = (refusal: Refusal): Refused => ({ kind: "refused", door, refusal });
  if (version === undefined) return no(refuse("unsupported_version"));
  if (!isObject(value)) return no(refuse("invalid_request", "one JSON-RPC request at a time"));
  const { jsonrpc, method, params = {} } = value;
  const others = Object.keys(value).filter((name) => !["jsonrpc", "id", "method", "params"].includes(name));
  if (jsonrpc !== "2.0" || others.length > 0 || typeof method !== "string")
    return no(refuse("invalid_request", "not a JSON-RPC 2.0 request"));
  if (id === undefined) return no(refuse("invalid_request", "the id must be text or a whole number"));
  const known = methods.get(method);
  if (known === undefined) return no(refuse("unknown_operation"));
  if (known.version !== version)
    return no(refuse("unsupported_version", `the method is one of ${known.version}: see A2A-Version`));
  const { operation } = known;
  if (operation === "push") return no(refuse("push_refused"));
  const most = parts.config.agents.get(agent)?.mostItems ?? 256;
  return readAsked(door, operation, params, about, most);
}

/** Reads the parameters of an operation into the form of 1.0. */
export function readAsked(
  door: Door,
  operation: Exclude<Operation, "push">,
  params: Json,
  about: About,
  mostItems: number,
): Ready | Refused {
  const how = { strict: true, mostItems };
  const form = operation === "stream" ? "send" : operation;
  try {
    const read =
      door.version === "0.3"
        ? v03.readParams(form, params, how)
        : (v1.params[form](params, "params", how) as JsonObject);
    const { configuration } = read;
    if (isObject(configuration) && configuration["taskPushNotificationConfig"] !== undefined)
      return { kind: "refused", door, refusal: refuse("push_refused") };
    return { kind: "asked", door, asked: { operation, params: read, ...about } };
  } catch (error) {
    if (!(error instanceof ShapeRefused)) throw error;
    return { kind: "refused", door, refusal: refuse("invalid_request", error.message) };
  }
}

function idOf(id: Json | undefined): string | number | undefined {
  if (typeof id === "string") return id.length <= 256 ? id : undefined;
  return typeof id === "number" && Number.isSafeInteger(id) && !((id as unknown) instanceof JsonNumber)
    ? id
    : undefined;
}

/** Those of `A2A-Extensions` that the agent is configured for; the others don't take part. */
export function offeredExtensions(parts: GatewayParts, { req }: Exchange, agent: string): string[] {
  const header = req.headers["a2a-extensions"];
  const offered = parts.config.agents.get(agent)?.extensions ?? [];
  const wanted = typeof header === "string" ? header.split(",").map((one) => one.trim()) : [];
  return offered.filter((one) => wanted.includes(one));
}

/** Serves `GET /a2a/{agent}/.well-known/agent-card.json`: the agent as this caller may know it. */
export async function serveCard(parts: GatewayParts, exchange: Exchange, name: string): Promise<void> {
  const header = exchange.req.headers["a2a-version"];
  const form = header === undefined ? "both" : readVersion(header);
  if (form === undefined) return void restDoor.refuse(exchange, refuse("unsupported_version"));
  const agent = parts.config.agents.get(name);
  const [decision] = await askAbout(parts, exchange, [describeCall(name)], []);
  if (decision === undefined) return void restDoor.refuse(exchange, refuse("pdp_unavailable"));
  const refuseAs = (refusal: Refusal, outcome: "denied" | "upstream_error"): void => {
    const status = restDoor.refuse(exchange, refusal, decision);
    conclude(parts, exchange, decision, { kind: "agent", outcome, status });
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");
  if (agent === undefined) return refuseAs(refuse("unknown_agent"), "denied");
  const card = await parts.fetchCard(agent);
  if (card === undefined) return refuseAs(refuse("upstream_invalid"), "upstream_error");
  const offered = await offerCard(parts, exchange, { name, agent, card }, form);
  if (offered === undefined) return refuseAs(refuse("pdp_unavailable"), "denied");
  send(exchange.res, 200, stringifyJson(offered), privately(decision));
  conclude(parts, exchange, decision, { kind: "agent", outcome: "forwarded", status: 200 });
}
