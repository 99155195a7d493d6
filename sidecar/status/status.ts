/** Tells of the sidecar's status where it is asked, and to a service whenever it changes. */
import type { Json, JsonObject } from "../contract.js";
import type { Service } from "../net/service/service.js";
import type { StatusConfig } from "./config.js";
import type { DocumentParts, PluginStatus } from "./document.js";
import { documentOf } from "./document.js";

export interface StatusParts extends DocumentParts {
  /** What `metrics` of a document that is sent says; absent: it has none. */
  readonly metrics?: () => Promise<Json>;
  /** Takes a document where `console` is asked for. */
  readonly print: (document: JsonObject) => void;
  /** Told once when telling begins to fail, with the reason, and once when it works again. */
  readonly onTelling: (fault: string | undefined) => void;
  /** From 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly limits?: Partial<typeof limits>;
}

export interface Status {
  /** The newest document, without metrics. */
  document(): JsonObject;
  /** Says that something of it is another. Many such words at once make one message. */
  changed(): void;
  /** Takes another configuration, and the service that it names; tells it all. */
  configure(config: StatusConfig | undefined, service: Pick<Service, "request"> | undefined): void;
  /** Tells the last change, if the service answers at once, and ends. */
  close(): Promise<void>;
}

/** Milliseconds, and bytes. */
const limits = {
  /** Between two messages. */
  gapMs: 1_000,
  timeoutMs: 10_000,
  /** For the last message of a sidecar that ends. */
  closingMs: 2_000,
  leastRetryMs: 1_000,
  mostRetryMs: 60_000,
  maxAnswer: 64 * 1024,
};

/**
 * INVARIANT: there is one message under way at most, and one waiting, which is made when it is sent: a service that is away
 * for a day costs no memory, and gets the state of things when it is back.
 */
export function createStatus(parts: StatusParts): Status {
  const { gapMs, timeoutMs, closingMs, leastRetryMs, mostRetryMs, maxAnswer } = {
    ...limits,
    ...parts.limits,
  };
  let config: StatusConfig | undefined;
  let service: Pick<Service, "request"> | undefined;
  let own: PluginStatus | undefined;
  let failures = 0;
  let dirty = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  const ending = new AbortController();

  const document = (): JsonObject => documentOf(parts, own);

  const tell = async (): Promise<void> => {
    dirty = false;
    const made = {
      ...document(),
      ...(parts.metrics === undefined ? {} : { metrics: await parts.metrics() }),
    };
    if (config?.console === true) parts.print(made);
    if (service === undefined || config === undefined) return;
    const asked = service;
    const fault = await send(asked, config, made);
    if (service !== asked) return;
    if (fault === undefined) {
      if (failures > 0) parts.onTelling(undefined);
      failures = 0;
      own = { state: "OK" };
      return;
    }
    if (failures === 0) parts.onTelling(fault);
    failures++;
    dirty = true;
    own = { state: "WARN", message: fault };
  };

  const send = async (
    to: Pick<Service, "request">,
    { resource }: StatusConfig,
    made: JsonObject,
  ): Promise<string | undefined> => {
    const answer = await to.request({
      method: "POST",
      path: resource,
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify(made)),
      maxBytes: maxAnswer,
      timeoutMs,
      signal: ending.signal,
    });
    if (answer.kind === "failed") return answer.message;
    const { status } = answer;
    return status >= 200 && status < 300 ? undefined : `the service answered ${status}`;
  };

  const begin = (): void => {
    timer = undefined;
    underWay = tell()
      .catch(() => {
        // documents are made of what is known; there is nothing to tell if that fails
      })
      .finally(() => {
        underWay = undefined;
        if (!closed) rest();
      });
  };

  /** Waits before the next message: a gap, or longer after each one that failed. */
  const rest = (): void => {
    const retry = Math.min(mostRetryMs, leastRetryMs * 2 ** Math.min(failures - 1, 16));
    const wait = failures === 0 ? gapMs : retry * (0.5 + parts.random() / 2);
    timer = setTimeout(() => {
      timer = undefined;
      if (dirty) begin();
    }, wait);
    timer.unref();
  };

  const changed = (): void => {
    if (closed || (config?.console !== true && service === undefined)) return;
    dirty = true;
    if (timer === undefined && underWay === undefined) begin();
  };

  return {
    document,
    changed,
    configure(next, to) {
      config = next;
      service = next?.service === undefined ? undefined : to;
      failures = 0;
      own = service === undefined ? undefined : { state: "OK" };
      if (service === undefined) dirty = false;
      clearTimeout(timer);
      timer = undefined;
      changed();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const end = setTimeout(() => {
        ending.abort();
      }, closingMs);
      await underWay;
      if (dirty && failures === 0) await tell().catch(() => undefined);
      clearTimeout(end);
    },
  };
}
