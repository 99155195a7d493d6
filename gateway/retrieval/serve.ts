import { createHash } from "node:crypto";
import type { Call, Decision, Outcome, Refusal } from "../../sidecar/contract.js";
import { isObject, parseJson, refuse, stringifyJson } from "../../sidecar/contract.js";
import { enforce } from "../enforce/enforce.js";
import { documentDuties } from "../enforce/registry.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders, used } from "../exchange.js";
import { collect } from "../forward/forward.js";
import { challengeHeaders } from "../challenge.js";
import { readJson, send } from "../http.js";
import { refusalOf } from "../models/refuse.js";

const obligations = Object.keys(documentDuties);
const maxAnswer = 16 * 2 ** 20;

/** Refuses as `{code, message, fix, decision_id, reasons}`. */
export function refuseRetrieval(exchange: Exchange, refusal: Refusal, decision?: Decision): void {
  const { code, message, fix, status } = refusal;
  const why = decision === undefined ? {} : { decision_id: decision.decision_id, reasons: decision.reasons };
  send(exchange.res, status, JSON.stringify({ code, message, fix, ...why }), {
    ...challengeHeaders(refusal, exchange.challenge, decision),
    ...(decision === undefined ? {} : decisionHeaders(decision)),
  });
}

/** Serves `POST /v1/retrieval/{collection}/query`: `{query, top_k}` → `{documents}`, filtered as decided. */
export async function serveQuery(parts: GatewayParts, exchange: Exchange, id: string): Promise<void> {
  const read = await readJson(exchange.req, Math.min(parts.config.maxBody, 2 ** 20));
  if (read.kind === "refusal") return refuseRetrieval(exchange, read);
  const { value } = read;
  if (!isObject(value))
    return refuseRetrieval(exchange, refuse("invalid_request", "the body must be an object"));
  const { query, top_k = 10, ...others } = value;
  if (Object.keys(others).length > 0) {
    return refuseRetrieval(exchange, refuse("invalid_request", "only query and top_k are taken"));
  }
  if (typeof query !== "string" || typeof top_k !== "number" || !Number.isSafeInteger(top_k) || top_k < 1) {
    return refuseRetrieval(
      exchange,
      refuse("invalid_request", "query must be text, top_k a whole number above 0"),
    );
  }
  const collection = parts.config.collections.get(id);
  const call: Call = {
    kind: "retrieval",
    action: { name: "retrieval.query", properties: { phase: "request" } },
    resource: {
      type: "collection",
      id,
      properties: {
        ...(collection === undefined
          ? {}
          : {
              classification: collection.classification,
              region: collection.region,
              environment: collection.environment,
            }),
        query: {
          bytes: Buffer.byteLength(query),
          sha256: createHash("sha256").update(query).digest("hex"),
          top_k,
        },
      },
    },
  };
  const upstream = collection?.upstream;
  const [decision] = await askAbout(parts, exchange, [call], obligations, { upstream });
  if (decision === undefined) return refuseRetrieval(exchange, refuse("pdp_unavailable"));
  let asked: Partial<Outcome> = {};
  const end = (outcome: Outcome["outcome"], status: number, more: Partial<Outcome> = {}): void => {
    conclude(parts, exchange, decision, { kind: "retrieval", outcome, status, ...asked, ...more });
  };
  const refuseAs = (refusal: Refusal, outcome: Outcome["outcome"]): void => {
    refuseRetrieval(exchange, refusal, decision);
    end(outcome, refusal.status);
  };
  if (!decision.allow) return refuseAs(refusalOf(decision), "denied");
  if (collection === undefined) return refuseAs(refuse("unknown_collection"), "denied");

  asked = used(id, collection.upstream);
  const answer = await parts.forward({
    upstream: collection.upstream,
    method: "POST",
    path: "",
    headers: { accept: "application/json" },
    body: stringifyJson({ query, top_k }),
    assertion: decision.assertion,
    signal: exchange.signal,
  });
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed") {
    return refuseAs(
      refuse(answer.code),
      answer.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error",
    );
  }
  const bytes = await collect(answer.body, maxAnswer);
  if (exchange.signal.aborted) return end("client_disconnected", 499);
  const documents = bytes === undefined || answer.status !== 200 ? undefined : readDocuments(bytes);
  if (documents === undefined) return refuseAs(refuse("upstream_invalid"), "upstream_error");
  const filtered = enforce(documents, decision.obligations, documentDuties, undefined);
  if (filtered === undefined) return refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  const body = stringifyJson({ documents: filtered["documents"] ?? [] });
  send(exchange.res, 200, body, { ...decisionHeaders(decision), "cache-control": "private, no-store" });
  end("forwarded", 200, { bytes: Buffer.byteLength(body) });
}

function readDocuments(bytes: Buffer) {
  try {
    const value = parseJson(bytes);
    return isObject(value) && Array.isArray(value["documents"]) ? value : undefined;
  } catch {
    return undefined;
  }
}
