/** Holds one credential: reads it at the start, looks at its source again and again, and keeps the last good one. */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Rotation } from "./rotation.js";
import { createRotation } from "./rotation.js";
import type { Secret, SecretEvent, SecretRead } from "./secret.js";

export interface WatchSecretParts {
  readonly id: string;
  /** Reads the source; never rejects. */
  readonly read: () => Promise<SecretRead>;
  readonly overlapMs: number;
  /** Between two looks, milliseconds; 0: it can't change. */
  readonly refreshMs: number;
  /** A file whose directory tells of changes; a look follows at once. */
  readonly file?: string;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Names a value in the log; a salted digest. */
  readonly digest: (value: string) => string;
  readonly onEvent: (event: SecretEvent) => void;
}

export interface WatchedSecret extends Secret {
  close(): void;
}

/** Who writes a file in place writes it in pieces: what is new counts when it is the same after this, milliseconds. */
const settleMs = 50;
const mostSettling = 20;

/** @throws Error by code where there is no credential to begin with */
export async function watchSecret(parts: WatchSecretParts): Promise<WatchedSecret> {
  const { id, clock, digest, onEvent } = parts;
  const first = await settled(parts, undefined);
  if (first.kind === "failed") throw new Error(`the credential ${id} is missing or unusable: ${first.code}`);
  const rotation: Rotation = createRotation({
    ...{ id, first: first.value, overlapMs: parts.overlapMs, clock },
    onTook(which, value) {
      onEvent({ kind: `credential_${which}_used`, credential: id, digest: digest(value) });
    },
  });
  let failing = false;
  const look = async (): Promise<number> => {
    const read = await settled(parts, rotation.current());
    if (closed) return 0;
    if (read.kind === "failed") {
      // INVARIANT: what can't be read, or used, changes nothing
      if (!failing) onEvent({ kind: "credential_failed", credential: id, code: read.code });
      failing = true;
      return parts.refreshMs;
    }
    if (failing) onEvent({ kind: "credential_restored", credential: id });
    failing = false;
    if (rotation.change(read.value)) {
      const version = read.version === undefined ? {} : { version: read.version };
      onEvent({ kind: "credential_changed", credential: id, digest: digest(read.value), ...version });
    }
    return soonest(parts, read);
  };

  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  let again = false;
  const lookNow = (): void => {
    if (closed) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    clearTimeout(timer);
    void look()
      .catch(() => parts.refreshMs)
      .then((next) => {
        looking = false;
        if (again) {
          again = false;
          lookNow();
        } else later(next);
      });
  };
  const later = (ms: number): void => {
    if (closed || parts.refreshMs === 0) return;
    clearTimeout(timer);
    timer = setTimeout(lookNow, ms).unref();
  };
  const watcher = parts.file === undefined ? undefined : watchFile(parts.file, lookNow);
  later(soonest(parts, first));
  return {
    id,
    values: rotation.values,
    took: rotation.took,
    close() {
      closed = true;
      clearTimeout(timer);
      watcher?.close();
    },
  };
}

/** A lease that ends before the next look brings it forward. */
function soonest({ refreshMs }: WatchSecretParts, { leaseMs }: SecretRead & { kind: "value" }): number {
  return leaseMs === undefined || leaseMs <= 0 ? refreshMs : Math.min(refreshMs, Math.max(leaseMs, 1_000));
}

/** Reads; what differs from what is known counts once it stays the same. */
async function settled({ read, file }: WatchSecretParts, known: string | undefined): Promise<SecretRead> {
  let last = await read();
  if (file === undefined) return last;
  for (let i = 0; i < mostSettling; i++) {
    if (last.kind === "value" && last.value === known) return last;
    // at a start nothing else may keep the process going
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const next = await read();
    const same =
      next.kind === "value"
        ? last.kind === "value" && next.value === last.value
        : last.kind === "failed" && next.code === last.code;
    if (same) return next;
    last = next;
  }
  return { kind: "failed", code: "unreadable" };
}

/**
 * Tells of changes of a file that is written, replaced, or reached through a link that is (Kubernetes swaps `..data`),
 * by its directory. A hint only: where watching fails, looks from time to time do.
 */
function watchFile(file: string, onChange: () => void): { close(): void } | undefined {
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file) || name.startsWith("..")) onChange();
    });
    watcher.on("error", () => {
      watcher.close();
    });
    return watcher;
  } catch {
    return undefined;
  }
}
