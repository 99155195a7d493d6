import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below those that systems give to connections (Linux: from 32768, others from 16000): nothing takes one unasked. */
const first = 10_000;
/** Each of jest's workers has ports of its own, and takes one after the other: two servers that start at once aren't told the same. */
const each = 1_000;
const own = first + (Number(process.env["JEST_WORKER_ID"] ?? 0) % 6) * each;
let next = randomInt(each);

/**
 * Finds a port of this machine for a server that must be told one: nobody listens on it, and no connection that is
 * opened until the server listens, or while it is restarted, gets it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = own + (next++ % each);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
