/** What an entrypoint reads of what is remembered; the toolchain found its paths. */

export interface Reads {
  /** Labels of the task, or where they come from. */
  readonly labels: boolean;
  /** Anything that the task's other requests change. */
  readonly activity: boolean;
  /** Anything of the task at all: what a token proves counts only while the task hasn't ended. */
  readonly task: boolean;
  /** How limits stand. */
  readonly limits: boolean;
}

/** Members of `input.context.task` that nothing changes while the task lives. */
const lasting: ReadonlySet<string> = new Set([
  ...["id", "proven", "born", "purpose", "scopes", "depth", "chain", "deadline", "budget"],
]);
const ofLabels: ReadonlySet<string> = new Set(["labels", "provenance"]);

/** Finds what is read. A path that ends above a member reads it, too; a member that isn't known counts as changing. */
export function readsOf(paths: readonly (readonly string[])[]): Reads {
  const reads = { labels: false, activity: false, task: false, limits: false };
  for (const [first, second, member] of paths) {
    if (first !== undefined && first !== "context") continue;
    const all = first === undefined || second === undefined;
    if (all || second === "limits") reads.limits = true;
    if (!all && second !== "task") continue;
    reads.task = true;
    if (all || member === undefined) reads.labels = reads.activity = true;
    else if (ofLabels.has(member)) reads.labels = true;
    else if (!lasting.has(member)) reads.activity = true;
  }
  return reads;
}
