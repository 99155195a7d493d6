/** What a person may do with approvals, at the file, while a gateway runs or not. */
import type { Approval, Pending } from "./approvals.js";
import { changeFile, readFileIfChanged } from "./change-file.js";
import { pendingPath } from "./file.js";
import { parseApprovals, parsePending, writeApprovals, writePending } from "./file-format.js";
import { addApprovals, idOf } from "./merge.js";

export interface ApprovalFiles {
  readonly approvals: readonly Approval[];
  readonly pending: readonly Pending[];
}

/** Reads the file of approvals and what waits beside it. @throws Error, for people */
export async function readApprovalFiles(path: string): Promise<ApprovalFiles> {
  const [approvals, pending] = await Promise.all([
    readFileIfChanged(path, ""),
    readFileIfChanged(pendingPath(path), ""),
  ]);
  if (approvals === "absent" && pending === "absent") {
    throw new Error(
      `there is no file ${path}; name the one that tools.approvals names. A gateway makes it when a server first lists tools`,
    );
  }
  const read = <T>(
    at: string,
    file: typeof approvals,
    parse: (bytes: Uint8Array) => readonly T[],
  ): readonly T[] => {
    try {
      return file === "absent" || file === undefined ? [] : parse(file.bytes);
    } catch (error) {
      throw new Error(`${at}: ${String((error as { message?: unknown }).message)}`, { cause: error });
    }
  };
  return {
    approvals: read(path, approvals, parseApprovals),
    pending: read(pendingPath(path), pending, parsePending),
  };
}

/** Says of definitions that a person approved or rejected them, and takes them from what waits. @throws Error, for people */
export async function decideByPerson(
  path: string,
  definitions: readonly Pick<Approval, "server" | "tool" | "digest" | "definition">[],
  state: Approval["state"],
  person: string,
  now: Date,
): Promise<void> {
  const added = definitions.map(({ server, tool, digest, definition }): Approval => ({
    ...{ server, tool, digest, state },
    ...{ at: now.toISOString(), by: { person }, definition },
  }));
  await changeFile(path, (before) =>
    writeApprovals(addApprovals(before === undefined ? [] : parseApprovals(before), added)),
  );
  const done = new Set(added.map(idOf));
  await changeFile(pendingPath(path), (before) =>
    before === undefined
      ? undefined
      : writePending(parsePending(before).filter((one) => !done.has(idOf(one)))),
  );
}
