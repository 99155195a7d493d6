import { stringifyJson } from "../../../../sidecar/contract.js";
import type { Approval, Pending } from "./approvals.js";
import { keyOf, most } from "./approvals.js";

/** A list that has no room left. */
export class ApprovalsFull extends Error {
  override readonly name = "ApprovalsFull";
}

/**
 * Adds what was decided: of one definition, the latest stays, at the end. INVARIANT: policy doesn't undo what a person said.
 * @throws ApprovalsFull
 */
export function addApprovals(before: readonly Approval[], added: readonly Approval[]): readonly Approval[] {
  const all = new Map(before.map((one) => [idOf(one), one]));
  for (const one of added) {
    const known = all.get(idOf(one));
    if (known !== undefined && !("person" in one.by) && ("person" in known.by || known.state === "approved"))
      continue;
    all.delete(idOf(one));
    all.set(idOf(one), one);
  }
  if (all.size > most.approvals)
    throw new ApprovalsFull(`more than ${most.approvals} approvals; revoke the ones of tools that are gone`);
  return [...all.values()];
}

/** Of one tool, definitions that wait; of one server, tools. */
const mostOfTool = 4;
const mostOfServer = 500;
/** Of all definitions, UTF-16 units. */
const mostText = 16 * 2 ** 20;
/** How exact the time of the last listing is, milliseconds. */
const lastMs = 3_600_000;

/** Adds what waits, without what was decided; of too many, those go that were listed longest ago. Gives undefined where nothing changes. */
export function addPending(
  before: readonly Pending[],
  added: readonly Pending[],
  isDecided: (one: Pending) => boolean,
): readonly Pending[] | undefined {
  const all = new Map(before.filter((one) => !isDecided(one)).map((one) => [idOf(one), one]));
  let changed = all.size < before.length;
  for (const one of added) {
    if (isDecided(one)) continue;
    const known = all.get(idOf(one));
    if (known !== undefined && isAlike(known, one)) continue;
    all.set(idOf(one), known === undefined ? one : { ...one, first: known.first });
    changed = true;
  }
  if (!changed) return undefined;
  const newest = [...all.values()].sort((a, b) => Date.parse(b.last) - Date.parse(a.last));
  const count = new Map<string, number>();
  const fits = (key: string, longest: number): boolean => {
    const so = (count.get(key) ?? 0) + 1;
    count.set(key, so);
    return so <= longest;
  };
  let size = 0;
  return newest
    .filter(({ server, tool }) => fits(keyOf(server, tool), mostOfTool) && fits(`${server}/`, mostOfServer))
    .slice(0, most.pending)
    .filter(({ definition }) => (size += stringifyJson(definition).length) <= mostText);
}

function isAlike(a: Pending, b: Pending): boolean {
  return (
    a.status === b.status &&
    a.looks_like === b.looks_like &&
    a.flags.join() === b.flags.join() &&
    Date.parse(b.last) - Date.parse(a.last) < lastMs
  );
}

export function idOf({ server, tool, digest }: Pick<Approval, "server" | "tool" | "digest">): string {
  return `${keyOf(server, tool)} ${digest}`;
}
