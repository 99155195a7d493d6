/** How what was allowed is known to fences. */
import type { Call, Decision, Handle } from "../../sidecar/contract.js";
import { callHandles } from "../../sidecar/contract.js";

/** Gives the handles of who was allowed: the caller's, its tenant's, its task's with all above it, the bundles'. */
export function callerHandles({
  subject,
  task,
  bundles,
}: Pick<Decision, "subject" | "task" | "bundles">): Set<Handle> {
  const handles = new Set<Handle>(subject?.handles);
  if (subject !== undefined) handles.add(`subject:${subject.id}`).add(`tenant:${subject.tenant}`);
  for (const id of task?.lineage ?? []) handles.add(`task:${id}`);
  if (task !== undefined) handles.add(`task:${task.id}`);
  for (const name of Object.keys(bundles)) handles.add(`bundle:${name}`);
  return handles;
}

/** Gives the handles of an allowed call. */
export function handlesOf(decision: Decision, call: Pick<Call, "resource">): Set<Handle> {
  const handles = callerHandles(decision);
  for (const handle of callHandles(call)) handles.add(handle);
  return handles;
}
