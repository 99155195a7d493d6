/** The doors of MCP: a message posted to a route, whichever era its client is of. */
import type { Json, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { readJson } from "../../http.js";
import { takeMeta } from "../../tasks/meta.js";
import type { Era } from "../links/link.js";
import { refuseTool } from "../refuse.js";
import { checkHeaders, eraOf } from "./check-headers.js";
import { placeOf } from "./place.js";
import type { Incoming } from "./read-message.js";
import { idOf, readMessage } from "./read-message.js";
import { serveSession } from "./serve-session.js";
import { serveStateless } from "./serve-stateless.js";
import { refuseUnknown } from "./unknown.js";

/** Serves `POST /mcp/{server}`, and `POST /mcp` for several servers together. */
export async function serveMcp(
  parts: GatewayParts,
  exchange: Exchange,
  name: string | undefined,
): Promise<void> {
  const read = await readJson(exchange.req, parts.config.maxBody);
  if (read.kind === "refusal") return void refuseTool(exchange, read);
  const message = readMessage(read.value);
  const id: Json = idOf(read.value);
  const era = eraOf(exchange.req.headers, read.value);
  if (message.kind === "refusal") return void refuseTool(exchange, message, undefined, id, era);
  const taken = message.kind === "answer" ? undefined : takeMeta(exchange.task, message.params);
  const wrong = taken ?? checkHeaders(exchange.req.headers, message, era) ?? checkEra(message, era);
  if (wrong !== undefined) return void refuseTool(exchange, wrong, undefined, id, era);
  exchange.endBy({
    before(refusal, decision) {
      refuseTool(exchange, refusal, decision, id, era);
    },
  });
  const place = placeOf(parts.config, name);
  if (place === undefined) return refuseUnknown(parts, exchange, name, id);
  if (era === "session") return serveSession(parts, exchange, place, message);
  if (message.kind !== "request")
    return void refuseTool(
      exchange,
      refuse("invalid_request", "this revision knows requests only"),
      undefined,
      id,
      era,
    );
  return serveStateless(parts, exchange, place, message, era);
}

/** A method that the client's revision doesn't have is none. */
function checkEra(message: Incoming, era: Era): Refusal | undefined {
  return message.kind === "request" && !message.row.eras.includes(era) ? refuse("unknown_method") : undefined;
}
