import { once } from "node:events";
import type { ServerResponse } from "node:http";

/** How long a client may take nothing of what it asked for, milliseconds. */
const patience = 60_000;

/**
 * Waits until a client has taken what was written. One that takes nothing is dropped: else it would hold its upstream
 * for as long as it likes. Rejects where the signal aborts, as it does when the client's connection ends.
 */
export async function drained(res: ServerResponse, signal: AbortSignal, longestMs = patience): Promise<void> {
  const timer = setTimeout(() => res.destroy(), longestMs);
  try {
    await once(res, "drain", { signal });
  } finally {
    clearTimeout(timer);
  }
}
