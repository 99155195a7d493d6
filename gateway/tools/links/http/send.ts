/** Sends what links have to say through the only door to upstreams. */
import type { JsonObject } from "../../../../sidecar/contract.js";
import { stringifyJson } from "../../../../sidecar/contract.js";
import type { Forward, Forwarded } from "../../../forward/forward.js";
import type { ParamHeaders, ProtocolHeaders } from "../../../forward/headers.js";
import type { UpstreamConfig } from "../../../upstreams/upstream.js";
import type { LinkCaller } from "../link.js";

export type Answered = Extract<Forwarded, { kind: "answered" }>;

export interface Sending {
  readonly headers?: ProtocolHeaders;
  readonly paramHeaders?: ParamHeaders | undefined;
  readonly caller: LinkCaller;
  readonly signal: AbortSignal;
}

export interface Send {
  /** Posts one message. */
  post(message: JsonObject, sending: Sending & { readonly endless?: boolean }): Promise<Forwarded>;
  /** Asks for a stream. @param stillMs how long nothing need come on it */
  get(sending: Sending, stillMs?: number): Promise<Forwarded>;
  /** Ends a session. */
  delete(sending: Sending): Promise<Forwarded>;
}

/** How long a stream that nothing need come on may be still, milliseconds. */
const stillMs = 300_000;
const both = "application/json, text/event-stream";

/** @param at where the server said that it takes messages; the upstream's own address unless given */
export function createSend(forward: Forward, upstream: UpstreamConfig, at?: URL): Send {
  const of = ({ caller, paramHeaders, signal }: Sending) => ({
    ...{ upstream, path: "", signal, paramHeaders },
    ...{ assertion: caller.assertion, caller: caller.credentials },
  });
  const there = at === undefined ? {} : { at };
  const still = { bodyTimeoutMs: Math.max(stillMs, upstream.bodyTimeoutMs) };
  return {
    post: (message, sending) =>
      forward({
        ...{ ...of(sending), ...there, method: "POST", body: stringifyJson(message) },
        headers: { ...sending.headers, accept: both },
        ...(sending.endless === true ? still : {}),
      }),
    get: (sending, bodyTimeoutMs = still.bodyTimeoutMs) =>
      forward({
        ...{ ...of(sending), bodyTimeoutMs, method: "GET" },
        headers: { ...sending.headers, accept: "text/event-stream" },
      }),
    delete: (sending) =>
      forward({ ...of(sending), ...there, method: "DELETE", headers: { ...sending.headers } }),
  };
}
