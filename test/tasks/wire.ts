/** A wire to Redis, or to a sidecar's socket, that a test can cut, slow down, hold, and lead elsewhere. */
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

export interface Wire {
  /** `redis://…` of this side, or the path of its socket. */
  readonly url: string;
  /** What went there so far. */
  said(): string;
  /** Ends all connections, and takes no more. */
  cut(): void;
  /** Takes connections and carries nothing; those that are open stay so. */
  hold(): void;
  /** The same for what comes back only. */
  holdBack(): void;
  /** Carries what comes back from Redis so many milliseconds later. */
  slow(milliseconds: number): void;
  /** Carries everything again at once, what was held too. */
  heal(): void;
  /** Leads to another Redis from now on; what leads to the old one ends. */
  lead(url: string): void;
  close(): Promise<void>;
}

/** @param path of a socket to listen at, where `url` is a path, too */
export async function startWire(url: string, path?: string): Promise<Wire> {
  let target = url;
  const pieces: Buffer[] = [];
  let isCut = false;
  let held: "all" | "back" | undefined;
  let late = 0;
  const open = new Set<Socket>();
  const waiting: (() => void)[] = [];
  const server = createServer((socket) => {
    if (isCut) return void socket.destroy();
    const { hostname, port } = path === undefined ? new URL(target) : { hostname: "", port: "" };
    const other = path === undefined ? connect(Number(port), hostname) : connect(target);
    const carry = (from: Socket, to: Socket, back: boolean): void => {
      open.add(from);
      from.on("data", (piece) => {
        const pass = (): void => void (to.destroyed || to.write(piece));
        if (!back) pieces.push(piece as Buffer);
        if (held === "all" || (held === "back" && back)) waiting.push(pass);
        else if (back && late > 0) setTimeout(pass, late);
        else pass();
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    };
    carry(socket, other, false);
    carry(other, socket, true);
  });
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  const endAll = (): void => {
    waiting.length = 0;
    for (const socket of open) socket.destroy();
  };
  return {
    url: path ?? `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    said: () => Buffer.concat(pieces).toString("latin1"),
    cut() {
      isCut = true;
      endAll();
    },
    hold() {
      held = "all";
    },
    holdBack() {
      held = "back";
    },
    slow(milliseconds) {
      late = milliseconds;
    },
    heal() {
      isCut = false;
      held = undefined;
      late = 0;
      for (const pass of waiting.splice(0)) pass();
    },
    lead(to) {
      target = to;
      endAll();
    },
    close() {
      endAll();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
