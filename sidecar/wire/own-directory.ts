/** Wires that a persistence directory is one sidecar's at a time. */
import { ownDirectory } from "../bundles/keep/own.js";
import type { Log } from "../record/log.js";

/**
 * Starts what closes again, with the directory taken before and given back after it.
 * @throws Error where another sidecar has the directory; what `start` throws
 */
export async function startOwning<T extends { close(): Promise<void> }>(
  directory: string | undefined,
  log: Pick<Log, "warn">,
  start: () => Promise<T>,
): Promise<T> {
  if (directory === undefined) return start();
  const lock = await ownDirectory({
    directory,
    onWait(longestMs) {
      const seconds = longestMs / 1_000;
      log.warn("the persistence directory has a lock of elsewhere: it is waited for", { directory, seconds });
    },
  });
  try {
    const started = await start();
    return {
      ...started,
      async close() {
        await started.close().finally(lock.release);
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
