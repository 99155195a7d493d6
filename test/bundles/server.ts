/** A small server of bundles for tests: ETags, long polls, and the faults that servers have. */
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { ServerOptions } from "node:https";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface Seen {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** How a server goes wrong; instead of these, a listener of the test's own. */
export type ServerFault =
  | { readonly kind: "status"; readonly status: number; readonly headers?: Record<string, string> }
  /** Accepts and never answers. */
  | { readonly kind: "silent" }
  /** Sends so many bytes of the bundle, and then no more: `cut` ends the connection, `stop` leaves it open. */
  | { readonly kind: "cut" | "stop"; readonly after: number }
  /** Sends a byte at a time. */
  | { readonly kind: "slow"; readonly everyMs: number }
  | { readonly kind: "body"; readonly body: string | Uint8Array; readonly headers?: Record<string, string> }
  | { readonly kind: "own"; readonly listener: (request: IncomingMessage, response: ServerResponse) => void };

export interface BundleServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly requests: Seen[];
  /** How many long polls are being held. */
  readonly held: () => number;
  /** Puts a bundle in the place of the one before, and answers those who wait; gives its ETag. */
  put(path: string, bytes: Uint8Array, etag?: string): string;
  remove(path: string): void;
  /** Goes wrong from now on, or for so many requests; undefined: never again. */
  fail(fault: ServerFault | undefined, times?: number): void;
  /** Waits until there were so many requests in all. */
  asked(count: number): Promise<void>;
  /** Waits until a long poll is being held. */
  holding(): Promise<void>;
  close(): Promise<void>;
}

export interface BundleServerOptions {
  /** Longest that a long poll is held, milliseconds; absent: there is no long poll. */
  readonly longPollMs?: number;
  readonly tls?: ServerOptions;
  /** Bound to unless given: a free one. */
  readonly port?: number;
}

interface Held {
  readonly path: string;
  readonly answer: () => void;
}

export async function startBundleServer(options: BundleServerOptions = {}): Promise<BundleServer> {
  const { longPollMs, tls } = options;
  const bundles = new Map<string, { readonly bytes: Uint8Array; readonly etag: string }>();
  const requests: Seen[] = [];
  const held = new Set<Held>();
  const events = new EventEmitter().setMaxListeners(0);
  let fault: { readonly fault: ServerFault; times: number } | undefined;

  const give = (response: ServerResponse, path: string, known: string | undefined): void => {
    const bundle = bundles.get(path);
    const type = longPollMs === undefined ? "application/gzip" : "application/vnd.openpolicyagent.bundles";
    if (bundle === undefined) response.writeHead(404).end();
    else if (known === bundle.etag) response.writeHead(304, { etag: bundle.etag }).end();
    else {
      const { etag, bytes } = bundle;
      response.writeHead(200, { etag, "content-type": type, "content-length": bytes.length }).end(bytes);
    }
  };

  const hold = (response: ServerResponse, path: string, known: string, waitMs: number): void => {
    const done = (): void => {
      clearTimeout(timer);
      held.delete(one);
    };
    const one: Held = {
      path,
      answer() {
        done();
        give(response, path, known);
      },
    };
    const timer = setTimeout(one.answer, waitMs);
    response.on("close", done);
    held.add(one);
    events.emit("held");
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = "", url = "", headers } = request;
    requests.push({ method, path: url, headers });
    events.emit("asked");
    const path = url.replace(/\?.*/, "").replace(/^\/+/, "");
    const wrong = fault;
    if (wrong !== undefined) {
      wrong.times -= 1;
      if (wrong.times <= 0) fault = undefined;
      goWrong(wrong.fault, request, response, bundles.get(path));
      return;
    }
    const known = headers["if-none-match"];
    const wait = /(?:^|[;,\s])wait=(\d+)/.exec(String(headers["prefer"] ?? ""))?.[1];
    if (
      longPollMs !== undefined &&
      wait !== undefined &&
      known !== undefined &&
      known === bundles.get(path)?.etag
    )
      hold(response, path, known, Math.min(Number(wait) * 1_000, longPollMs));
    else give(response, path, known);
  };

  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    requests,
    held: () => held.size,
    put(path, bytes, etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`) {
      bundles.set(path, { bytes, etag });
      for (const one of [...held]) if (one.path === path) one.answer();
      return etag;
    },
    remove(path) {
      bundles.delete(path);
    },
    fail(wrong, times = Infinity) {
      fault = wrong === undefined ? undefined : { fault: wrong, times };
    },
    async asked(count) {
      while (requests.length < count) await once(events, "asked");
    },
    async holding() {
      while (held.size === 0) await once(events, "held");
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function goWrong(
  fault: ServerFault,
  request: IncomingMessage,
  response: ServerResponse,
  bundle: { readonly bytes: Uint8Array; readonly etag: string } | undefined,
): void {
  const bytes = bundle?.bytes ?? new Uint8Array();
  const begin = (): void => {
    response.writeHead(200, {
      "content-type": "application/gzip",
      "content-length": bytes.length,
      ...(bundle === undefined ? {} : { etag: bundle.etag }),
    });
  };
  switch (fault.kind) {
    case "status":
      response.writeHead(fault.status, fault.headers).end();
      return;
    case "silent":
      return;
    case "cut":
    case "stop":
      begin();
      response.write(bytes.subarray(0, fault.after), () => {
        // what was written has left this process, or will before the end does
        if (fault.kind === "cut") response.socket?.end();
      });
      return;
    case "slow": {
      begin();
      let sent = 0;
      const timer = setInterval(() => {
        if (sent >= bytes.length) {
          clearInterval(timer);
          response.end();
        } else response.write(bytes.subarray(sent, ++sent));
      }, fault.everyMs);
      response.on("close", () => clearInterval(timer));
      return;
    }
    case "body":
      response.writeHead(200, fault.headers).end(fault.body);
      return;
    case "own":
      fault.listener(request, response);
  }
}
