import type { Fields, Problems } from "../../../sidecar/contract.js";
import type { ToolRule } from "./mapping.js";
import { readToolRules } from "./mapping.js";

/** What an operator wants of the definitions of one server's tools. */
export interface DefinitionsConfig {
  /**
   * `enforce`: what isn't approved is neither listed nor called; `observe`: policy is told, and decides; `off`: the operator
   * approves whatever the server lists.
   */
  readonly mode: "enforce" | "observe" | "off";
  readonly rules: readonly ToolRule[];
  /** Its definitions are made of a document of the operator's: what they say of reading and writing is so. */
  readonly own?: true;
}

export const modes = ["enforce", "observe", "off"] as const;

/** Reads `definitions` and `tools` of a server. */
export function readDefinitionsConfig(fields: Fields, problems: Problems): DefinitionsConfig {
  return {
    mode: fields.oneOf("definitions", modes) ?? "enforce",
    rules: readToolRules(fields, problems),
  };
}

export interface ToolsConfig {
  /** The file of approvals, absolute or from where the gateway was started; absent: approvals live as long as the process. */
  readonly approvals?: string;
}

/** Reads the top-level `tools`. */
export function readToolsConfig(fields: Fields): ToolsConfig {
  const approvals = fields.string("approvals");
  fields.end();
  return approvals === undefined ? {} : { approvals };
}
