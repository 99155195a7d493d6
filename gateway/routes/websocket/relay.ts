/** Passes messages on between two WebSockets, no faster than they are taken, and ends both together. */
import type { RawData, WebSocket } from "ws";
import type { WebSocketConfig } from "./config.js";

/** Gives the message as it is to be sent; a refusal ends the connection. */
export type Judge = (
  data: Buffer,
  binary: boolean,
) => Promise<Buffer | { readonly code: number; readonly reason: string }>;

export interface RelayParts {
  readonly client: WebSocket;
  readonly upstream: WebSocket;
  readonly config: Pick<WebSocketConfig, "idleMs" | "pingMs">;
  /** Absent: messages pass. */
  readonly judgeMessage?: Judge;
  readonly judgeAnswer?: Judge;
  /** What the upstream was told, and nobody else may be. */
  readonly secrets: readonly string[];
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

export type Ended = "client" | "upstream" | "refused" | "ended";

export interface Relaying {
  /** Ends both: the client is told why. */
  end(code: number, reason: string, who?: Ended): void;
  /** Resolves when both are closed: who ended it, and the bytes that were sent to the client. */
  readonly done: Promise<{ readonly by: Ended; readonly bytes: number }>;
}

/** What may wait to be sent before its source is paused, bytes. */
const mostWaiting = 262_144;

export function relayMessages(parts: RelayParts): Relaying {
  const { client, upstream, config, clock } = parts;
  let by: Ended | undefined;
  let bytes = 0;
  let last = clock();
  const end = (code: number, reason: string, who: Ended = "ended"): void => {
    by ??= who;
    close(client, code, reason);
    upstream.terminate();
  };
  pump(client, upstream, parts.judgeMessage, (size, refused) => {
    last = clock();
    if (refused !== undefined && size === 0) end(refused.code, refused.reason, "refused");
  });
  pump(
    upstream,
    client,
    parts.judgeAnswer,
    (size, refused) => {
      last = clock();
      bytes += size;
      if (refused !== undefined && size === 0) end(refused.code, refused.reason, "refused");
    },
    parts.secrets,
  );
  client.on("error", () => {
    // its own library has told it what was wrong
    by ??= "client";
    upstream.terminate();
  });
  upstream.on("error", () => {
    end(1011, "upstream_unavailable", "upstream");
  });
  client.on("close", (code: number, reason: Buffer) => {
    by ??= "client";
    if (code === 1006) upstream.terminate();
    else close(upstream, code, reason.toString());
  });
  upstream.on("close", (code: number) => {
    by ??= "upstream";
    // an upstream's reason is text for nobody in particular: its code says enough
    if (code === 1006) close(client, 1011, "upstream_unavailable");
    else close(client, code, "");
  });
  const beats = [heartbeat(client), heartbeat(upstream)];
  const ping = setInterval(() => {
    for (const beat of beats) beat();
  }, config.pingMs);
  const idle = setInterval(
    () => {
      if (clock() - last >= config.idleMs) end(1001, "idle");
    },
    Math.max(25, Math.min(config.idleMs / 4, 10_000)),
  );
  const closed = (one: WebSocket): Promise<void> =>
    new Promise((resolve) => {
      if (one.readyState === one.CLOSED) resolve();
      else one.once("close", () => resolve());
    });
  const done = Promise.all([closed(client), closed(upstream)]).then(() => {
    clearInterval(ping);
    clearInterval(idle);
    return { by: by ?? "ended", bytes };
  });
  return { end, done };
}

/** Sends what comes from one on to the other, in order; the source waits while it is judged or not yet taken. */
function pump(
  from: WebSocket,
  to: WebSocket,
  judge: Judge | undefined,
  tell: (size: number, refused?: { readonly code: number; readonly reason: string }) => void,
  secrets: readonly string[] = [],
): void {
  let waiting = 0;
  let over = false;
  let chain = Promise.resolve();
  const settle = (): void => {
    waiting--;
    if (waiting === 0 && to.bufferedAmount < mostWaiting && from.readyState === from.OPEN) from.resume();
  };
  const sendOn = (data: Buffer, binary: boolean): void => {
    if (over || to.readyState !== to.OPEN) return;
    tell(data.byteLength);
    waiting++;
    to.send(data, { binary, compress: false }, settle);
    if (to.bufferedAmount >= mostWaiting) from.pause();
  };
  from.on("message", (data: RawData, binary: boolean) => {
    const bytes = toBuffer(data);
    // INVARIANT: a message that quotes the gateway's own credential ends the connection
    if (!over && secrets.some((secret) => bytes.includes(secret))) {
      over = true;
      tell(0, { code: 1011, reason: "upstream_invalid" });
    }
    if (judge === undefined) {
      sendOn(bytes, binary);
      return;
    }
    waiting++;
    if (from.readyState === from.OPEN) from.pause();
    chain = chain.then(async () => {
      // INVARIANT: nothing that follows a refused message is sent
      if (!over) {
        const judged = await judge(bytes, binary).catch(() => ({ code: 1011, reason: "internal_error" }));
        if (Buffer.isBuffer(judged)) sendOn(judged, binary);
        else {
          over = true;
          tell(0, judged);
        }
      }
      settle();
    });
  });
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** Gives what pings, and gives up on who didn't answer the ping before. */
function heartbeat(one: WebSocket): () => void {
  let alive = true;
  const heard = (): void => {
    alive = true;
  };
  one.on("pong", heard).on("message", heard);
  return () => {
    if (one.readyState !== one.OPEN) return;
    // who is paused can't be heard
    if (!alive && !one.isPaused) return one.terminate();
    alive = false;
    one.ping();
  };
}

const patience = 2_000;

/** Closes with a code that may be sent, and doesn't wait long for the answer. */
function close(one: WebSocket, code: number, reason: string): void {
  if (one.readyState === one.CLOSED) return;
  // the closing handshake must be heard
  if (one.isPaused) one.resume();
  const sendable = (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || code >= 3000;
  if (sendable) one.close(code, Buffer.byteLength(reason) <= 123 ? reason : "");
  else one.close();
  setTimeout(() => {
    one.terminate();
  }, patience).unref();
}
