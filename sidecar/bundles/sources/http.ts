/** Bundles of an HTTP service, asked for as OPA does. Source: OPA, "Bundles", and its v1/download. */
import type { Service } from "../../net/service/service.js";
import { failed, failureOf, type Answered, type Explain } from "./answer.js";
import type { Downloaded, Source } from "./source.js";

export interface HttpSourceParts {
  readonly service: Service;
  /** Path at the service. */
  readonly resource: string;
  /** Most bytes of an archive. */
  readonly sizeLimitBytes: number;
  /** How long the service is asked to wait for news; absent: no long poll is asked for. */
  readonly longPollingTimeoutMs?: number | undefined;
  readonly explain?: Explain | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A service that can wait for news says so by this type of its answers. */
const longPollType = "application/vnd.openpolicyagent.bundles";
/** For a whole archive, milliseconds; it is also given up where nothing comes for a while. */
const downloadMs = 600_000;
/** What is remembered of an ETag: visible, and no longer than a header may well be. */
const etagPattern = /^[\x20-\x7e]{1,1024}$/;

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
    return answer.kind === "failed" ? failureOf(answer, place, parts.now()) : told(answer, known);
  };

  const told = (answer: Answered, known: string | undefined): Downloaded => {
    const { status: httpCode, headers, bytes } = answer;
    const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    if (httpCode === 304) {
      if (known !== undefined && known !== "") return { kind: "unchanged", longPoll, httpCode };
      return failed("source_answer", `${place}: it answers 304 though nothing is known of it yet`, httpCode);
    }
    if (httpCode !== 200) return failureOf(answer, place, parts.now(), parts.explain);
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
