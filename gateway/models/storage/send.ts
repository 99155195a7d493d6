/** Sends what was decided to where it is kept, and passes the answer on. */
import type { Decision, JsonObject, Outcome, Refusal } from "../../../sidecar/contract.js";
import { isObject, parseJson, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { decisionHeaders } from "../../exchange.js";
import type { ForwardRequest } from "../../forward/forward.js";
import { collect, discard, mediaType, passOn } from "../../forward/forward.js";
import { drain, send } from "../../http.js";
import type { Allowed } from "./decide.js";

/** The largest answers, and errors, that are read, bytes. */
const largest = 16 * 2 ** 20;
const largestError = 65_536;

export interface Asked extends Pick<ForwardRequest, "method" | "path" | "body" | "contentType"> {
  readonly headers?: ForwardRequest["headers"];
  /** What was found wrong with the request while it was sent. */
  wrong?(): Refusal | undefined;
}

/** How an answer of success is given to the client. */
export type Reading =
  /** An object, in ids for this client. @throws any error where it isn't one */
  | { readonly kind: "object"; bind(answer: JsonObject): JsonObject }
  /** An object whose parts are looked at before they are given. @throws any error where it isn't understood */
  | { readonly kind: "looked"; look(answer: JsonObject): Promise<Looked> }
  /** What was stored, as it comes or line by line. */
  | { readonly kind: "stream"; pass(body: AsyncIterable<Buffer>): AsyncIterable<Buffer> };

export type Looked =
  | { readonly kind: "given"; readonly value: JsonObject; readonly told: Partial<Outcome> }
  | { readonly kind: "denied"; readonly refusal: Refusal; readonly decision?: Decision };

export async function ask(
  parts: GatewayParts,
  exchange: Exchange,
  { decision, upstream, refuse: refuseAs, end }: Allowed,
  { method, path, body, contentType, headers = {}, wrong }: Asked,
  reading: Reading,
): Promise<void> {
  const { res, signal } = exchange;
  const answer = await parts.forward({
    ...{ upstream: upstream.config, method, path, assertion: decision.assertion, signal },
    headers: { accept: reading.kind === "stream" ? "*/*" : "application/json", ...headers },
    ...(body === undefined ? {} : { body }),
    ...(contentType === undefined ? {} : { contentType }),
  });
  const fail = (code: "upstream_invalid" | "upstream_timeout" | "upstream_unavailable"): void => {
    refuseAs(refuse(code), code === "upstream_timeout" ? "upstream_timeout" : "upstream_error");
  };
  if (answer.kind === "aborted" || signal.aborted) return end("client_disconnected", 499);
  if (answer.kind === "failed") await drain(exchange.req);
  const mistake = wrong?.();
  if (mistake !== undefined) {
    if (answer.kind === "answered") discard(answer.body);
    return refuseAs(mistake, "denied");
  }
  if (answer.kind === "failed") {
    const { code } = answer;
    if (code === "assertion_unavailable") return refuseAs(refuse(code), "denied");
    return fail(code);
  }
  const { status } = answer;
  const ok = status >= 200 && status < 300;
  const isJson = mediaType(answer.headers) === "application/json";
  if (status < 200 || ((!ok || reading.kind !== "stream") && !isJson)) {
    discard(answer.body);
    return fail("upstream_invalid");
  }
  parts.metrics.gatewayFirstByte((parts.clock() - exchange.started) * 1000);
  const own = decisionHeaders(decision);
  if (!ok && reading.kind === "looked") {
    // it could quote the filter that policy put in
    discard(answer.body);
    return refuseAs({ ...refuse("upstream_refused"), status }, "upstream_error");
  }
  if (!ok) {
    const error = await collect(answer.body, largestError);
    if (error === undefined || answer.quotesKey(error.toString("latin1"))) return fail("upstream_invalid");
    send(res, status, error.toString(), own);
    return end("upstream_error", status, { bytes: error.byteLength });
  }
  if (reading.kind === "stream") {
    // what a browser makes of it is nobody's to choose
    const type = { "content-type": "application/octet-stream", "x-content-type-options": "nosniff" };
    res.writeHead(status, { ...own, ...type });
    const { ended, bytes } = await passOn(reading.pass(answer.body), res, signal);
    if (ended === "whole") res.end();
    else res.destroy();
    const outcome = { whole: "forwarded", cut: "upstream_error", aborted: "client_disconnected" } as const;
    return end(outcome[ended], status, { bytes });
  }
  const bytes = await collect(answer.body, largest);
  if (signal.aborted) return end("client_disconnected", 499);
  let looked: Looked;
  try {
    const said = bytes === undefined ? undefined : parseJson(bytes);
    if (!isObject(said)) return fail("upstream_invalid");
    looked =
      reading.kind === "looked"
        ? await reading.look(said)
        : { kind: "given", value: reading.bind(said), told: {} };
  } catch {
    return fail("upstream_invalid");
  }
  if (looked.kind === "denied") return refuseAs(looked.refusal, "denied", looked.decision);
  const text = stringifyJson(looked.value);
  send(res, status, text, own);
  end("forwarded", status, { ...looked.told, bytes: Buffer.byteLength(text) });
}
