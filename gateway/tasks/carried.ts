/** How a request's task goes through the gateway: what the client said of it, and what it is given back. */
import type { Decision, IssuedTask, TaskExchange, TaskHint, TaskRequest } from "../../sidecar/contract.js";

/** One exchange's task. All that is asked within it is of one task. */
export interface CarriedTask {
  /** The client's, else the last that was given. INVARIANT: neither logged nor sent upstream. */
  token?: string;
  /** Of a token that was given here: epoch milliseconds at which it ends. */
  expires?: number;
  readonly hints: TaskHint[];
  /** As the last decision names it. */
  id?: string;
  /** What the client is to be given. */
  issued?: IssuedTask;
  /** The first question, while nothing is known of the task. */
  first?: Promise<unknown>;
}

/** What a question says of its task besides whose it is. */
export type TaskAbout = Pick<TaskRequest, "create" | "end"> & {
  readonly exchange?: TaskExchange | undefined;
};

/** Begins without a token. */
export function noTask(): CarriedTask {
  return { hints: [] };
}

/** Reads what stands at a path of tasks that can wait: a question that may give the task goes before all others. */
export async function askWithin(
  carried: CarriedTask,
  about: TaskAbout | undefined,
  now: () => number,
  ask: (task: TaskRequest) => Promise<Decision[]>,
): Promise<Decision[]> {
  // several at once would be tasks of their own
  while (carried.token === undefined && carried.id === undefined && carried.first !== undefined)
    await carried.first;
  // one that the client never saw is left when it ends, as if there had been none
  if (carried.expires !== undefined && carried.expires <= now()) drop(carried);
  const { token, hints } = carried;
  const asked = ask({
    issue: true,
    ...(token === undefined ? {} : { token }),
    ...(hints.length === 0 ? {} : { hints }),
    ...(about?.create === undefined ? {} : { create: about.create }),
    ...(about?.exchange === undefined ? {} : { exchange: about.exchange }),
    ...(about?.end === undefined ? {} : { end: about.end }),
  }).then((decisions) => {
    // a task that is made is another than the one that asks
    if (about?.create === undefined) keep(carried, decisions);
    return decisions;
  });
  if (token !== undefined || carried.id !== undefined) return asked;
  const first = asked.catch(() => undefined);
  carried.first = first;
  try {
    return await asked;
  } finally {
    if (carried.first === first) delete carried.first;
  }
}

function keep(carried: CarriedTask, decisions: readonly Decision[]): void {
  for (const { allow, task, task_token: issued } of decisions) {
    if (task !== undefined) carried.id = task.id;
    if (!allow || issued === undefined) continue;
    carried.issued = issued;
    carried.token = issued.token;
    carried.expires = Date.parse(issued.expires_at);
  }
}

function drop(carried: CarriedTask): void {
  delete carried.token;
  delete carried.expires;
  delete carried.issued;
  delete carried.id;
}
