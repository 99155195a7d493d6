/** Bundles of an HTTP service, asked for as OPA does. Source: OPA, "Bundles", and its v1/download. */
import type { Service, ServiceAnswer } from "../../net/service/service.js";
import type { ServiceFault } from "../../net/service/fault.js";
import type { BundleCode } from "../codes.js";
import type { Downloaded, Source } from "./source.js";

export interface HttpSourceParts {
  readonly service: Service;
  /** Path at the service. */
  readonly resource: string;
  /** Most bytes of an archive. */
  readonly sizeLimitBytes: number;
  /** How long the service is asked to wait for news; absent: no long poll is asked for. */
  readonly longPollingTimeoutMs?: number | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A service that can wait for news says so by this type of its answers. */
const longPollType = "application/vnd.openpolicyagent.bundles";
/** For a whole archive, milliseconds; it is also given up where nothing comes for a while. */
const downloadMs = 600_000;
/** The longest that a service is left alone because it says so, milliseconds. */
const longestRetryMs = 3_600_000;
/** What is remembered of an ETag: visible, and no longer than a header may well be. */
const etagPattern = /^[\x20-\x7e]{1,1024}$/;

type Failed = Extract<Downloaded, { readonly kind: "failed" }>;

export function createHttpSource(parts: HttpSourceParts): Source {
  const { service, resource, sizeLimitBytes, longPollingTimeoutMs } = parts;
  const place = `${service.name}: /${resource.replace(/^\/+/, "")}`;
  const stopped = new AbortController();
  /** As the last answer that told it says; it is tried at first. */
  let longPoll = longPollingTimeoutMs !== undefined;

  const download = async (
    known: string | undefined,
    signal: AbortSignal,
    wait = true,
  ): Promise<Downloaded> => {
    const waitMs = longPoll && wait ? longPollingTimeoutMs : undefined;
    const preferences = ["modes=snapshot,delta"];
    if (waitMs !== undefined) preferences.push(`wait=${Math.ceil(waitMs / 1_000)}`);
    const answer = await service.request({
      path: resource,
      headers: {
        prefer: preferences.join(";"),
        ...(known === undefined || known === "" ? {} : { "if-none-match": known }),
      },
      maxBytes: sizeLimitBytes,
      timeoutMs: downloadMs,
      ...(waitMs === undefined ? {} : { waitMs }),
      signal,
    });
    if (answer.kind === "failed") {
      const [code, todo] = ofFault[answer.fault];
      return failed(code, `${place}: ${answer.message}${todo}`);
    }
    return told(answer, known);
  };

  const told = (answer: Answered, known: string | undefined): Downloaded => {
    const { status: httpCode, headers, bytes } = answer;
    const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    if (httpCode === 304) {
      if (known !== undefined && known !== "") return { kind: "unchanged", longPoll, httpCode };
      return failed("source_answer", `${place}: it answers 304 though nothing is known of it yet`, httpCode);
    }
    if (httpCode !== 200) {
      const [code, todo] = ofStatus(httpCode);
      const retryAfterMs = retryAfter(headers["retry-after"], parts.now());
      return failed(code, `${place}: it answers ${httpCode}${todo}`, httpCode, retryAfterMs);
    }
    longPoll = longPollingTimeoutMs !== undefined && type === longPollType;
    if (bytes.length === 0) return failed("source_answer", `${place}: its answer is empty`, httpCode);
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
      const of = /^[\w.+-]+\/[\w.+-]+$/.test(type) ? ` (content-type ${type.slice(0, 100)})` : "";
      const encoded =
        headers["content-encoding"] === undefined
          ? ""
          : "; its content-encoding says of the bundle itself that it is packed: leave it out";
      return failed("source_answer", `${place}: its answer is no .tar.gz${of}${encoded}`, httpCode);
    }
    const { etag } = headers;
    const isEtag = etag !== undefined && etagPattern.test(etag);
    return { kind: "bundle", bytes, ...(isEtag ? { etag } : {}), longPoll, httpCode };
  };

  return {
    download: (known, signal, wait) => download(known, AbortSignal.any([signal, stopped.signal]), wait),
    close() {
      stopped.abort();
    },
  };
}

type Answered = Extract<ServiceAnswer, { readonly kind: "answered" }>;

/** What a fault is called, and what to do about it where its message doesn't say. */
const ofFault: Readonly<Record<ServiceFault, readonly [code: BundleCode, todo: string]>> = {
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

function ofStatus(status: number): readonly [code: BundleCode, todo: string] {
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

function failed(code: BundleCode, message: string, httpCode?: number, retryAfterMs?: number): Failed {
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
