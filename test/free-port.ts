import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below those that systems give to connections (Linux: from 32768, others from 16000): nothing takes one unasked. */
const [first, last] = [10_000, 15_999];

/**
 * Finds a port of this machine for a server that must be told one: nobody listens on it, and no connection that is
 * opened until the server listens, or while it is restarted, gets it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(first, last + 1);
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
