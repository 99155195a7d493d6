/** Carries bytes between a client and the host that it may connect to, once the client has said by TLS that it means that host. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readClientHello } from "./client-hello.js";
import type { ForwardProxyConfig } from "./config.js";
import type { Target } from "./target.js";

/** Why a tunnel ended. */
export type TunnelEnd =
  | "closed"
  | "client_gone"
  | "idle"
  | "too_long"
  | "too_many_bytes"
  | "ended"
  | "hello_timeout"
  | "name_mismatch"
  | "no_tls"
  | "malformed"
  | "hidden_name";

export interface Tunnel {
  readonly done: Promise<{ readonly why: TunnelEnd; readonly bytes: number; readonly sent: number }>;
  /** Ends it now. */
  end(): void;
}

export interface TunnelParts {
  readonly client: Duplex;
  readonly upstream: Socket;
  readonly target: Target;
  readonly config: ForwardProxyConfig;
}

/** INVARIANT: not a byte goes to the host before the whole hello was read, and names the host that was decided. */
export function openTunnel({ client, upstream, target, config }: TunnelParts): Tunnel {
  let settle: (why: TunnelEnd) => void = () => undefined;
  const counts = { bytes: 0, sent: 0 };
  const timers: NodeJS.Timeout[] = [];
  let idle: NodeJS.Timeout | undefined;
  const done = new Promise<Awaited<Tunnel["done"]>>((resolve) => {
    settle = (why) => {
      for (const timer of timers) clearTimeout(timer);
      clearTimeout(idle);
      client.destroy();
      upstream.destroy();
      resolve({ why, ...counts });
    };
  });
  const moved = (): void => {
    idle?.refresh();
  };
  const after = (ms: number, why: TunnelEnd): void => {
    timers.push(
      setTimeout(() => {
        settle(why);
      }, ms),
    );
  };
  /** Passes on what one side sends, no faster than the other takes it. */
  const carry = (from: Duplex, to: Duplex, count: "bytes" | "sent"): void => {
    from.on("data", (piece: Buffer) => {
      moved();
      counts[count] += piece.length;
      if (counts.bytes + counts.sent > config.maxBytes) {
        settle("too_many_bytes");
        return;
      }
      if (!to.write(piece)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    });
    from.once("end", () => {
      if (to.writable) to.end();
    });
  };
  const join = (first: Buffer): void => {
    for (const timer of timers.splice(0)) clearTimeout(timer);
    after(config.longestMs, "too_long");
    idle = setTimeout(() => {
      settle("idle");
    }, config.idleMs);
    counts.sent += first.length;
    upstream.write(first);
    carry(client, upstream, "sent");
    carry(upstream, client, "bytes");
    client.resume();
    upstream.resume();
  };
  let held = Buffer.alloc(0);
  const read = (piece: Buffer): void => {
    held = Buffer.concat([held, piece]);
    const hello = readClientHello(held);
    if (hello.kind === "more") return;
    client.off("data", read);
    client.pause();
    if (hello.kind === "wrong") settle(hello.why === "too_long" ? "malformed" : hello.why);
    // an address has no name in TLS
    else if (hello.name !== (target.kind === "name" ? target.host : undefined)) settle("name_mismatch");
    else join(held);
  };
  after(config.helloMs, "hello_timeout");
  client.on("data", read);
  /** What one side has still to be given is given, where the other said that it was all. */
  const closeWith = (from: Duplex, to: Duplex, why: TunnelEnd): void => {
    from.once("close", () => {
      if (!from.readableEnded || to.writableFinished || to.destroyed) settle(why);
      else
        to.once("finish", () => {
          settle(why);
        });
    });
  };
  closeWith(client, upstream, "client_gone");
  closeWith(upstream, client, "closed");
  client.once("end", () => {
    // before the hello there is nothing to wait for
    if (idle === undefined) settle("client_gone");
  });
  client.resume();
  return {
    done,
    end: () => {
      settle("ended");
    },
  };
}
