import type { Identity } from "../contract.js";
import { handleOf } from "../contract.js";
import type { Asker } from "../decide/asker.js";
import type { State } from "./remember.js";
import { taskHandles } from "./remember.js";
import type { Task } from "../state/tasks/tasks.js";

const names = new WeakMap<Identity, string>();

/** Says for whom policy is asked. INVARIANT: who isn't the same has another name, whatever issuers and ids hold. */
export function askerOf(identity: Identity): Asker {
  const { issuer, id, tenant } = identity;
  let subject = names.get(identity);
  if (subject === undefined) names.set(identity, (subject = JSON.stringify([issuer, id])));
  return { tenant, epoch: 0, subject };
}

/** Says for whom policy is asked within a task: under the newest epoch of the caller and the task, and all above it. */
export function askerWithin(
  { epochs, identityHandles }: State,
  asker: Asker,
  identity: Identity,
  task: Task,
): Asker {
  // one that nobody proved is another one with each request
  if (epochs?.any() !== true) return task.proven ? { ...asker, task: task.id } : asker;
  const own = epochs.of(identityHandles(identity));
  const within = epochs.of([handleOf("tenant", identity.tenant), ...taskHandles(task)]);
  return { ...asker, epoch: Math.max(own, within), ...(task.proven ? { task: task.id } : {}) };
}
