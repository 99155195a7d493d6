/** Opens a link by the transport before streamable HTTP (2024-11-05): a stream, and an address to post to. */
import { discard, mediaType } from "../../../forward/forward.js";
import type { UpstreamConfig } from "../../../upstreams/upstream.js";
import { createDeadline } from "../deadline.js";
import { createExclusive } from "../duplex/exclusive.js";
import type { Greeting } from "../duplex/greet.js";
import { greet } from "../duplex/greet.js";
import type { Send } from "../http/send.js";
import { createSend } from "../http/send.js";
import type { Verdict } from "../http/stream.js";
import { readStream } from "../http/stream.js";
import type { Era, Holder, Link, LinkCaller } from "../link.js";
import type { LinkParts } from "../parts.js";
import { createRate, mostUnasked } from "../rate.js";

export interface SseParts extends LinkParts {
  readonly upstream: UpstreamConfig;
  readonly holder: Holder;
  /** The longest that a request may take, milliseconds. */
  readonly requestMs: number;
}

/** How long nothing need come on the stream, milliseconds: it can't be opened again. */
const stillMs = 3_600_000;
/** How long a server may take to say where to post, and to take what is posted. */
const endpointMs = 10_000;
const postMs = 60_000;

export async function openSse(
  parts: SseParts,
  caller: LinkCaller,
  signal: AbortSignal,
): Promise<Link | Exclude<Greeting, { era: Era }>> {
  const { upstream, holder, forward } = parts;
  const life = new AbortController();
  const opening = createDeadline([signal], endpointMs);
  const giveUp = (): void => {
    life.abort();
  };
  opening.signal.addEventListener("abort", giveUp);
  const answer = await createSend(forward, upstream).get({ caller, signal: life.signal }, stillMs);
  if (answer.kind !== "answered") {
    opening.settle();
    if (signal.aborted) return { kind: "aborted" };
    return { kind: "failed", code: answer.kind === "failed" ? answer.code : "upstream_timeout" };
  }
  if (answer.status !== 200 || mediaType(answer.headers) !== "text/event-stream") {
    opening.settle();
    discard(answer.body);
    return invalid;
  }
  let send: Send | undefined;
  let wrong = false;
  const floods = createRate(parts.clock, mostUnasked);
  const exclusive = createExclusive({
    ...{ newId: parts.newId, requestMs: parts.requestMs, holder, opener: caller },
    async send(message, by) {
      if (send === undefined) return false;
      const deadline = createDeadline([life.signal], postMs);
      const posted = await send.post(message, { caller: by, signal: deadline.signal });
      deadline.settle();
      if (posted.kind !== "answered") return false;
      discard(posted.body);
      return posted.status >= 200 && posted.status < 300;
    },
    violated: () => (wrong = true),
    unasked: () => (wrong ||= floods()),
    stop() {
      life.abort();
      return Promise.resolve();
    },
  });
  const endpoint = new Promise<URL | undefined>((resolve) => {
    const takeEvent = (name: string, data: string): Verdict => {
      if (name !== "endpoint") return "on";
      const url = send === undefined ? endpointOf(data, upstream) : undefined;
      if (url === undefined) return "invalid";
      send = createSend(forward, upstream, url);
      resolve(url);
      return "on";
    };
    const reader = {
      takeEvent,
      quotesKey: answer.quotesKey,
      take(message: Parameters<typeof exclusive.peer.receive>[0]): Verdict {
        if (send !== undefined) exclusive.peer.receive(message);
        return wrong || send === undefined ? "invalid" : "on";
      },
    };
    void readStream(answer.body, {}, reader, giveUp, true).then((end) => {
      resolve(undefined);
      life.abort();
      exclusive.end(end.kind === "invalid" ? "upstream_invalid" : "upstream_unavailable");
    });
  });
  const found = await endpoint;
  const late = opening.why();
  opening.settle();
  opening.signal.removeEventListener("abort", giveUp);
  if (found === undefined) {
    if (signal.aborted) return { kind: "aborted" };
    return late === "timeout" ? { kind: "failed", code: "upstream_timeout" } : invalid;
  }
  const greeting = await greet(exclusive.peer, holder, "session", caller, signal);
  if ("era" in greeting) return exclusive.link(greeting);
  life.abort();
  return greeting;
}

const invalid = { kind: "failed", code: "upstream_invalid" } as const;

/** INVARIANT: messages, and the credential with them, go to the configured origin and nowhere else. */
function endpointOf(text: string, { url: base }: UpstreamConfig): URL | undefined {
  if (text.length > 8_192 || !URL.canParse(text, base.href)) return undefined;
  const url = new URL(text, base);
  const credentials = url.username !== "" || url.password !== "";
  return url.origin === base.origin && !credentials ? url : undefined;
}
