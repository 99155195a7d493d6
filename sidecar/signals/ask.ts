/** Asks a configured place by the transmitter's token. INVARIANT: no URL ever comes from a SET or an answer. */
import { readFile } from "node:fs/promises";
import type { FetchDocument, Fetched } from "../net/fetch.js";
import { placeOf, type FetchConfig } from "../net/place.js";
import { readToken } from "./bearer.js";

export interface Ask {
  readonly url: string;
  readonly fetch: FetchConfig;
  readonly tokenFile: string;
  readonly type: "application/json" | "application/secevent+jwt";
  readonly body: string;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

export type PostTo = (ask: Ask) => Promise<Fetched>;

/** Creates what posts; never rejects. */
export function createPostTo(fetchDocument: FetchDocument, closed: AbortSignal): PostTo {
  return async ({ url, fetch, tokenFile, type, body, maxBytes, timeoutMs }) => {
    const place = placeOf(url, fetch, [url]);
    const token = await readToken(tokenFile);
    if (typeof place === "string" || token === undefined) return { kind: "fault", fault: "address" };
    let ca: string | undefined;
    if (fetch.ca_file !== undefined) {
      ca = await readFile(fetch.ca_file, "utf8").catch(() => undefined);
      if (ca === undefined) return { kind: "fault", fault: "address" };
    }
    return fetchDocument({
      ...{ url: place.url, allows: place.allows, method: "POST", body, maxBytes, timeoutMs, closed },
      headers: { authorization: `Bearer ${token}`, "content-type": type },
      ...(ca === undefined ? {} : { ca }),
    });
  };
}

/** Gives the HTTP status of an answer; undefined where there was none. */
export function statusOf(fetched: Fetched): number | undefined {
  return fetched.kind === "fetched" ? 200 : fetched.status;
}

/** Waits, unless it is over before. */
export function pause(ms: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (closed.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      closed.removeEventListener("abort", done);
      resolve();
    }
    timer.unref();
    closed.addEventListener("abort", done);
  });
}

/** Milliseconds before the next attempt: doubling, to five minutes at most, spread so that a fleet doesn't come at once. */
export function backOff(first: number, failures: number): number {
  const ms = Math.min(300_000, first * 2 ** Math.min(failures - 1, 16));
  return ms / 2 + (Math.random() * ms) / 2;
}
