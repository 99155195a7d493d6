/** Keeps approvals in a file that the command line changes, too; a change takes effect without a restart. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { LRUCache } from "lru-cache";
import { atMost } from "../../../at-most.js";
import type { Approval, Approvals, ApprovalView, Pending } from "./approvals.js";
import { most, viewOf } from "./approvals.js";
import { changeFile, FileRefused, readFileIfChanged } from "./change-file.js";
import {
  ApprovalsInvalid,
  parseApprovals,
  parsePending,
  writeApprovals,
  writePending,
} from "./file-format.js";
import { addApprovals, addPending, idOf } from "./merge.js";

export type ApprovalsFault = FileRefused["fault"] | "invalid" | "full";

export interface FileApprovalsParts {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onEvent: (event: {
    readonly kind: "approvals_read" | "approvals_failed" | "approvals_unwritten" | "pending_unwritten";
    readonly approvals?: number;
    readonly fault?: ApprovalsFault;
  }) => void;
  /** A change takes effect after this, milliseconds. */
  readonly checkMs?: number;
  /** What waits is written this much later, all at once, milliseconds. */
  readonly noteMs?: number;
}

export interface FileApprovals extends Approvals {
  /** Writes what waits. */
  close(): Promise<void>;
}

export const pendingPath = (path: string): string => `${path}.pending`;

/**
 * Opens the file; where there is none, nothing is approved yet.
 * @throws Error, for people, where it can't be used
 */
export async function openFileApprovals({
  path,
  now,
  onEvent,
  checkMs = 250,
  noteMs = 1_000,
}: FileApprovalsParts): Promise<FileApprovals> {
  let view: ApprovalView | undefined;
  let version = "";
  let lookedAt = -Infinity;
  let looking: Promise<void> | undefined;
  let fault: ApprovalsFault | undefined;
  let reason = "";

  /** INVARIANT: of a file that can't be read, or is wrong anywhere, nothing is believed. */
  const look = async (): Promise<void> => {
    try {
      const read = await readFileIfChanged(path, version);
      if (read === "absent") {
        if (version !== "absent") view = viewOf([]);
        version = "absent";
      } else if (read !== undefined) {
        view = viewOf(parseApprovals(read.bytes));
        version = read.version;
        onEvent({ kind: "approvals_read", approvals: view.all.length });
      }
      fault = undefined;
    } catch (error) {
      view = undefined;
      version = "";
      const found = faultOf(error);
      reason = String((error as { message?: unknown } | null)?.message);
      // told once, not at each look
      if (found !== fault) onEvent({ kind: "approvals_failed", fault: found });
      fault = found;
    }
  };
  const refresh = (): Promise<void> => {
    lookedAt = now();
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const read = async (): Promise<ApprovalView | undefined> => {
    const at = now();
    // a clock that was set back counts as passed
    if (looking !== undefined || at - lookedAt >= checkMs || at < lookedAt) await refresh();
    return view;
  };

  const waiting = new Map<string, Pending>();
  const noted = new LRUCache<string, string>(atMost(5_000));
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const added = [...waiting.values()];
    waiting.clear();
    if (added.length === 0) return;
    try {
      await changeFile(pendingPath(path), (before) => {
        const all = addPending(readPending(before), added, ({ server, tool, digest }) => {
          const known = view?.of(server, tool);
          return known?.approved.has(digest) === true || known?.rejected.has(digest) === true;
        });
        return all === undefined ? undefined : writePending(all);
      });
    } catch (error) {
      for (const one of added) noted.delete(idOf(one));
      onEvent({ kind: "pending_unwritten", fault: faultOf(error) });
    }
  };

  await refresh();
  if (fault !== undefined) throw new Error(`tools.approvals: ${path} can't be used: ${reason}`);
  // else nothing that waits could be shown to anybody, and nothing approved
  if (version === "absent" && !existsSync(dirname(path)))
    throw new Error(`tools.approvals: ${path} can't be used: there is no such folder`);
  return {
    read,
    async approve(added: readonly Approval[]) {
      try {
        await changeFile(path, (before) =>
          writeApprovals(addApprovals(before === undefined ? [] : parseApprovals(before), added)),
        );
        await looking;
        await refresh();
        return true;
      } catch (error) {
        onEvent({ kind: "approvals_unwritten", fault: faultOf(error) });
        return false;
      }
    },
    note(pending) {
      for (const one of pending) {
        const said = `${one.status} ${one.flags.join()} ${one.looks_like ?? ""} ${one.last.slice(0, 13)}`;
        if (noted.get(idOf(one)) === said) continue;
        if (waiting.size >= most.pending) break;
        noted.set(idOf(one), said);
        waiting.set(idOf(one), one);
      }
      if (waiting.size > 0 && timer === undefined) {
        timer = setTimeout(() => {
          flushing = flush();
        }, noteMs).unref();
      }
      return Promise.resolve();
    },
    async close() {
      await flushing;
      await flush();
    },
  };
}

/** What waits is found again where the list was lost: servers list it. */
function readPending(bytes: Uint8Array | undefined): Pending[] {
  try {
    return bytes === undefined ? [] : parsePending(bytes);
  } catch (error) {
    if (error instanceof ApprovalsInvalid) return [];
    throw error;
  }
}

function faultOf(error: unknown): ApprovalsFault {
  if (error instanceof FileRefused) return error.fault;
  if (error instanceof ApprovalsInvalid) return "invalid";
  return (error as { name?: unknown } | null)?.name === "ApprovalsFull" ? "full" : "unreadable";
}
