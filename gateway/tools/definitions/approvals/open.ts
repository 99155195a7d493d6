import type { GatewayLog } from "../../../exchange.js";
import type { ToolsConfig } from "../read-config.js";
import type { FileApprovals, FileApprovalsParts } from "./file.js";
import { openFileApprovals } from "./file.js";
import { createMemoryApprovals } from "./memory.js";

export interface OpenApprovalsParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: GatewayLog;
}

/**
 * Opens the approvals that a configuration names; without a file, they live as long as the process.
 * @throws Error, for people, where the file can't be used
 */
export async function openApprovals(
  { approvals: path }: ToolsConfig,
  { now, log }: OpenApprovalsParts,
): Promise<FileApprovals> {
  if (path !== undefined) return openFileApprovals({ path, now, onEvent: tell(log) });
  return { ...createMemoryApprovals(), close: () => Promise.resolve() };
}

function tell(log: GatewayLog): FileApprovalsParts["onEvent"] {
  return ({ kind, approvals, fault }) => {
    switch (kind) {
      case "approvals_read":
        log.info("approvals of tools read", { approvals });
        return;
      case "approvals_failed":
        log.error("the file of approvals of tools can't be used: no tool is approved until it can", {
          fault,
        });
        return;
      case "approvals_unwritten":
        log.warn("what policy approved of tools couldn't be kept, so it isn't approved", { fault });
        return;
      case "pending_unwritten":
        log.warn("tools that wait for approval couldn't be noted in a file", { fault });
    }
  };
}
