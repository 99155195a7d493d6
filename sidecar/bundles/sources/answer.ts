/** What a service's answers are called where they bring no bundle. */
import type { ServiceFault } from "../../net/service/fault.js";
import type { ServiceAnswer } from "../../net/service/service.js";
import type { BundleCode } from "../codes.js";
import type { Downloaded } from "./source.js";

export type Answered = Extract<ServiceAnswer, { readonly kind: "answered" }>;
export type Failed = Extract<Downloaded, { readonly kind: "failed" }>;
/** A code, and what to do about it. */
export type Told = readonly [code: BundleCode, todo: string];
/** Reads what a kind of service says of its own errors; undefined: nothing that is known. */
export type Explain = (answer: Answered) => Told | undefined;

/** The longest that a service is left alone because it says so, milliseconds. */
const longestRetryMs = 3_600_000;

/** Tells of an answer that isn't the one that was wanted. */
export function failureOf(answer: ServiceAnswer, place: string, now: number, explain?: Explain): Failed {
  if (answer.kind === "failed") {
    const [code, todo] = ofFault[answer.fault];
    return failed(code, `${place}: ${answer.message}${todo}`);
  }
  const { status, headers } = answer;
  const [code, todo] = explain?.(answer) ?? ofStatus(status);
  const retryAfterMs = retryAfter(headers["retry-after"], now);
  return failed(code, `${place}: it answers ${status}${todo}`, status, retryAfterMs);
}

/** What a fault is called, and what to do about it where its message doesn't say. */
const ofFault: Readonly<Record<ServiceFault, Told>> = {
  unreachable: ["source_unreachable", ": check services.url and the network"],
  certificate: ["source_unreachable", ""],
  address: ["source_address", ": give services.url an address, or https"],
  timeout: ["source_timeout", ": check the service, or raise response_header_timeout_seconds"],
  too_large: ["source_too_large", ": raise size_limit_bytes, or make the bundle smaller"],
  truncated: ["source_truncated", ": it is asked for again"],
  malformed: ["source_answer", ""],
  redirect: ["source_address", ""],
  credentials: ["source_unauthorized", ""],
  stopped: ["source_unreachable", ""],
};

function ofStatus(status: number): Told {
  if (status === 401) return ["source_unauthorized", ": check services.credentials"];
  if (status === 403)
    return ["source_unauthorized", ": its credentials mustn't read it; grant that at the service"];
  if (status === 404 || status === 410) return ["source_not_found", ": check resource and services.url"];
  if (status === 429) return ["source_status", ": it is asked too often; raise polling.min_delay_seconds"];
  return [
    "source_status",
    status >= 500 ? ": see the service's own log" : ": check resource and services.url",
  ];
}

export function failed(code: BundleCode, message: string, httpCode?: number, retryAfterMs?: number): Failed {
  return {
    ...{ kind: "failed", code, message },
    ...(httpCode === undefined ? {} : { httpCode }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Reads `Retry-After`, seconds or a date (RFC 9110 §10.2.3), within bounds. */
function retryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryMs);
}
