/** Serves an operation on a model: classify, ask, enforce, forward; what was decided is what is sent. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { readJson } from "../../http.js";
import { withFetches, wrongUrl } from "../media-urls.js";
import type { ModelCall } from "../protocol.js";
import { refuseIn } from "../refuse.js";
import type { Operation } from "./operation.js";
import { operationManner } from "./operation-manner.js";
import { passThrough } from "./pass-through.js";
import { relayRaw } from "./relay-raw.js";

/** Serves a POST of an operation. */
export async function serveOperation(
  parts: GatewayParts,
  exchange: Exchange,
  operation: Operation,
  named: string,
): Promise<void> {
  const { config } = parts;
  const refuseHere = refuseIn(operation.speaker);
  const read = await readJson(exchange.req, config.maxBody);
  if (read.kind === "refusal") return refuseHere(exchange, read);
  const called = operation.classify(read.value, read.bytes, config.models, named);
  if (called.kind === "refusal") return refuseHere(exchange, called);
  if (wrongUrl(called.body, config.mediaHosts))
    return refuseHere(exchange, refuse("invalid_request", "a URL isn't of the web"));
  const content = await describe(parts, operation, called);
  const call = withFetches(called.call, called.body);
  return passThrough(parts, exchange, {
    ...{ operation, asks: { ...called, call, ...(content === undefined ? {} : { content }) } },
    manner: operationManner(operation, called.stream, parts.sessionSecret),
    offered: (body) => operation.offered(body),
    ...(operation.media === undefined || called.stream ? {} : { relay: relayRaw }),
  });
}

/** Finds facts about what a request says. INVARIANT: what isn't text wasn't scanned, and is said to be so. */
async function describe(
  parts: GatewayParts,
  operation: Operation,
  { body, prompt }: ModelCall,
): Promise<JsonObject | undefined> {
  const content = await parts.describeContent?.(operation.texts?.(body) ?? body);
  if (content === undefined || prompt["tokens"] === undefined) return content;
  const why = Array.isArray(content["why"]) ? content["why"] : [];
  return { ...content, scanned: false, why: [...why, "tokens"] };
}
