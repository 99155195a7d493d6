/** One request of a client's on a connection of its own, and all that comes back. */
import { connect } from "node:net";

export interface Exchange {
  /** What came so far, in latin1. */
  readonly said: () => string;
  readonly over: Promise<void>;
  leave(): void;
}

/** @param limit milliseconds after which the client leaves */
export function begin(port: number, bytes: Buffer, limit = 25_000): Exchange {
  let said = "";
  const socket = connect(port, "127.0.0.1");
  const timer = setTimeout(() => socket.destroy(), limit);
  socket.setNoDelay(true).setEncoding("latin1");
  socket.on("data", (chunk: string) => (said += chunk));
  socket.on("error", () => undefined);
  const over = new Promise<void>((resolve) => {
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  socket.on("connect", () => socket.write(bytes));
  return {
    said: () => said,
    over,
    leave: () => socket.destroy(),
  };
}

/** Waits until something holds, or as long as is borne. @returns whether it does */
export async function until(holds: () => boolean, ms = 15_000): Promise<boolean> {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}
