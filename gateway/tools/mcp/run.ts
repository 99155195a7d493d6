/** A request under way at a server: its reply, and what the server asks before it gives one. */
import type { ErrorCode, JsonObject } from "../../../sidecar/contract.js";
import type { Link, LinkAnswer, LinkCaller, ServerMessage } from "../links/link.js";

/** What a server asks, by the link's id of it. */
export interface Wanted {
  readonly id: string;
  readonly method: string;
  readonly params: JsonObject;
}

export type Step =
  | { readonly kind: "reply"; readonly answer: LinkAnswer }
  | { readonly kind: "wanted"; readonly wanted: readonly Wanted[] }
  | { readonly kind: "flooded" };

export interface Run {
  readonly link: Link;
  /** Gives what comes next; what the server asks comes before its reply. */
  next(): Promise<Step>;
  abort(): void;
  /** Takes what the server says meanwhile; changes when another of the client's requests goes on with it. */
  hear: (message: ServerMessage) => void;
}

/** What a server may ask at a time. */
const mostWanted = 16;

export interface RunParts {
  readonly link: Link;
  readonly method: string;
  readonly params: JsonObject;
  readonly caller: LinkCaller;
  readonly paramHeaders?: Readonly<Record<string, string>>;
  readonly maxMessages: number;
  readonly hear: (message: ServerMessage) => void;
}

/** Sends a request. */
export function startRun({ link, maxMessages, hear, paramHeaders, ...request }: RunParts): Run {
  const stop = new AbortController();
  const queue: Wanted[] = [];
  let [said, flooded] = [0, false];
  let answer: LinkAnswer | undefined;
  let wake: (() => void) | undefined;
  const run: Run = {
    link,
    hear,
    abort() {
      stop.abort();
    },
    async next() {
      for (;;) {
        if (flooded) return { kind: "flooded" };
        if (queue.length > 0) return { kind: "wanted", wanted: queue.splice(0) };
        if (answer !== undefined) return { kind: "reply", answer };
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
  const notice = (): void => {
    wake?.();
    wake = undefined;
  };
  const onMessage = (message: ServerMessage): void => {
    if (stop.signal.aborted) return;
    const { id, method, params } = message;
    if (++said > maxMessages || queue.length >= mostWanted) {
      // one that doesn't stop has no reply worth waiting for
      flooded = true;
      stop.abort();
      notice();
    } else if (id === undefined) run.hear(message);
    else if (method === "ping") link.respond(id, { result: {} }, request.caller).catch(() => undefined);
    else {
      queue.push({ id, method, params });
      notice();
    }
  };
  link
    .request({
      ...request,
      ...(paramHeaders === undefined ? {} : { paramHeaders }),
      onMessage,
      signal: stop.signal,
    })
    .then(
      (got) => {
        answer = got;
        notice();
      },
      () => {
        const code: ErrorCode = "internal_error";
        answer = { kind: "failed", code };
        notice();
      },
    );
  return run;
}
