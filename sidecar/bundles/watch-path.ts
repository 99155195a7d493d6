import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";

/** Editors write in several steps: wait until they have settled, milliseconds. */
const settle = 100;
/** Between attempts to watch what isn't there at the moment, milliseconds. */
const again = 1_000;

/**
 * Tells of changes under a path, until closed. Each change ends one watch and begins the next: Node's recursive watch
 * on Linux misses a file's second replacement by a rename.
 * @throws Error where the path can't be watched at first
 */
export function watchPath(path: string, onChange: () => void): { close(): void } {
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const after = (milliseconds: number, work: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
    timer.unref();
  };
  const begin = (): void => {
    watcher = watch(path, { recursive: true, persistent: false }, () => {
      if (!closed) after(settle, renew);
    });
    watcher.on("error", () => {
      if (!closed) after(again, renew);
    });
  };
  const renew = (): void => {
    watcher?.close();
    try {
      begin();
    } catch {
      after(again, renew);
    }
    // INVARIANT: what changes from here on is seen by the new watch, what changed before by this
    onChange();
  };
  begin();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      watcher?.close();
    },
  };
}
