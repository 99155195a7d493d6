import type { Decision } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { hooksOf, tell } from "../../models/inspect.js";
import type { ToolDuties } from "../results/apply.js";
import { readToolDuties } from "../results/apply.js";
import type { Done, Turn } from "./turn.js";
import { refused } from "./turn.js";

/** Reads what an allowed request's decision asks for, and tells whom it says; a duty that can't be done denies. */
export async function takeDuties(
  { parts }: Pick<Turn, "parts">,
  decision: Decision,
): Promise<ToolDuties | Done> {
  const duties = readToolDuties(decision.obligations, "request", { hasHook: hooksOf(parts) });
  if (duties !== undefined && (await tell(parts, duties, decision, "request"))) return duties;
  return { reply: refused(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable"), decision };
}
