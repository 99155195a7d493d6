/** Keeps the persistence directory for one sidecar: of two that write one mark, the later could lower it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Lock } from "../../net/lock-directory.js";
import { lockDirectory, ownerAlive, silentMs } from "../../net/lock-directory.js";
import { FolderRefused, naming, openFolder } from "./whole.js";

export interface OwnParts {
  readonly directory: string;
  /** Told once, where one that can't be asked whether it lives has to be waited for, milliseconds at most. */
  readonly onWait: (longestMs: number) => void;
  /** What one that can't be asked is waited for, milliseconds; a little longer than it takes to count as gone. */
  readonly waitMs?: number;
}

const againMs = 500;

/**
 * Takes the directory. What a process left behind that is gone is taken over: at once where it ran here, after half a minute of
 * silence where it ran in another container or on another machine.
 * @throws Error with what to do, where another sidecar has it, or others may write there
 */
export function ownDirectory({ directory, onWait, waitMs = silentMs + 5_000 }: OwnParts): Promise<Lock> {
  return naming(directory, async () => {
    await openFolder(directory);
    const until = performance.now() + waitMs;
    for (let told = false; ; told = true) {
      const lock = await lockDirectory(directory);
      if (lock !== undefined) return lock;
      const pid = await ownerAlive(directory);
      if (pid !== undefined) throw taken(`process ${pid}`);
      if (performance.now() >= until) throw taken("in another container or on another machine");
      if (!told) onWait(waitMs);
      await sleep(againMs);
    }
  });
}

function taken(where: string): FolderRefused {
  return new FolderRefused(
    `another sidecar has it (${where}): give each one of its own, or run one with --workers (persistence_locked)`,
  );
}
