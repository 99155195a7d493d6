import type { Io } from "./main.js";

/** Waits for SIGINT or SIGTERM, then closes within a grace period; a second signal ends at once. */
export function untilStopped(io: Io, close: () => Promise<void>): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals): void => {
      if (stopping) {
        resolve(1);
        process.exit(1);
      }
      stopping = true;
      io.err(`${signal}: closing (again to end at once)\n`);
      close().then(
        () => {
          resolve(0);
        },
        () => {
          resolve(1);
        },
      );
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
