import { findFlags } from "../../../../gateway/tools/definitions/flags/flags.js";
import type { JsonObject } from "../../../../sidecar/contract.js";
import { tool } from "./lab.js";

/** Finds the flags of a tool at the server `tools.example`. */
export function flagsOf(more: Record<string, unknown>): Promise<readonly string[]> {
  const listed = { ...tool("t", { description: "" }), ...more } as JsonObject;
  return Promise.resolve([...findFlags("t", listed, "tools.example").flags].sort());
}

export function flaggedHost(description: string): Promise<readonly string[]> {
  return flagsOf({ description });
}
