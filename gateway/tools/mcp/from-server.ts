/** Chooses what of a server's notifications a client hears, and in what words. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, stringifyJson } from "../../../sidecar/contract.js";
import type { ServerMessage } from "../links/link.js";
import type { ToolMasking } from "../results/mask.js";
import { maskSaid, secretsMasking } from "../results/mask-said.js";
import { logLevels, serverNotifications } from "./methods.js";

export interface Hearing {
  /** The client's own token of the request at work; absent: it wants no progress. */
  readonly progressToken?: Json | undefined;
  /** The least level of log messages; absent: none. */
  readonly level?: string | undefined;
  readonly subscribed: ReadonlySet<string>;
  /** Elicitations by URL that the client was asked for; absent: none. */
  readonly elicited?: ReadonlySet<string>;
  /** What the decision on the request has masked in what comes of it. */
  readonly masks?: readonly ToolMasking[];
}

const mostBytes = 65_536;

/** Gives the message for the client; undefined where it isn't for it. */
export function hear(
  { method, params }: ServerMessage,
  during: boolean,
  { progressToken, level, subscribed, elicited, masks = [] }: Hearing,
): JsonObject | undefined {
  const row = Object.hasOwn(serverNotifications, method) ? serverNotifications[method] : undefined;
  if (row === undefined || (row.when === "request" && !during)) return undefined;
  const chosen: JsonObject = {};
  for (const name of row.params) {
    const value = params[name];
    if (value !== undefined) chosen[name] = value;
  }
  if (stringifyJson(chosen).length > mostBytes) return undefined;
  // INVARIANT: nobody decides on what is said meanwhile, so that no secret, and nothing that the result would lack, is in it
  const said = maskSaid(chosen, [secretsMasking, ...masks]);
  if (said === undefined) return undefined;
  switch (method) {
    case "notifications/progress": {
      const { progress, total, message } = said;
      if (progressToken === undefined || !isNumber(progress)) return undefined;
      if (total !== undefined && !isNumber(total)) return undefined;
      if (message !== undefined && typeof message !== "string") return undefined;
      said["progressToken"] = progressToken;
      break;
    }
    case "notifications/message": {
      const at = typeof said["level"] === "string" ? logLevels.indexOf(said["level"]) : -1;
      if (level === undefined || at < 0 || at < logLevels.indexOf(level)) return undefined;
      break;
    }
    case "notifications/resources/updated":
      if (typeof said["uri"] !== "string" || !subscribed.has(said["uri"])) return undefined;
      break;
    case "notifications/elicitation/complete":
      if (typeof said["elicitationId"] !== "string" || elicited?.has(said["elicitationId"]) !== true)
        return undefined;
      break;
    default:
  }
  const message: JsonObject =
    Object.keys(said).length === 0 ? { jsonrpc: "2.0", method } : { jsonrpc: "2.0", method, params: said };
  return stringifyJson(message).length > mostBytes ? undefined : message;
}

function isNumber(value: Json | undefined): boolean {
  return typeof value === "number" || value instanceof JsonNumber;
}

/** Gives `_meta` of a request as it is sent on: who asked for progress gets it under a token of ours. */
export function sentMeta(
  params: JsonObject,
  progressToken: string | undefined,
  level: string | undefined,
): JsonObject {
  const meta: JsonObject = {};
  const said = params["_meta"];
  if (progressToken !== undefined) meta["progressToken"] = progressToken;
  if (isObject(said)) {
    // W3C's form: nothing else can travel under these names
    const { traceparent, tracestate } = said;
    if (typeof traceparent === "string" && /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/.test(traceparent)) {
      meta["traceparent"] = traceparent;
      if (typeof tracestate === "string" && /^[a-z0-9_\-*/@=,.]{1,512}$/.test(tracestate))
        meta["tracestate"] = tracestate;
    }
  }
  if (level !== undefined) meta["io.modelcontextprotocol/logLevel"] = level;
  return meta;
}
