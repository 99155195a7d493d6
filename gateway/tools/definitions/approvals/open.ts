import type { ToolsConfig } from "../read-config.js";
import type { FileApprovals, FileApprovalsParts } from "./file.js";
import { openFileApprovals } from "./file.js";
import { createMemoryApprovals } from "./memory.js";

/**
 * Opens the approvals that a configuration names; without a file, they live as long as the process.
 * @throws Error, for people, where the file can't be used
 */
export async function openApprovals(
  { approvals: path }: ToolsConfig,
  parts: Pick<FileApprovalsParts, "now" | "onEvent">,
): Promise<FileApprovals> {
  if (path !== undefined) return openFileApprovals({ path, ...parts });
  return { ...createMemoryApprovals(), close: () => Promise.resolve() };
}
