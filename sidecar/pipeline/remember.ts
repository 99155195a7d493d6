/** What is remembered for requests and between them: tasks, limits, fences. */
import type {
  ActiveFence,
  Decision,
  ErrorCode,
  Handle,
  Identity,
  LabelOrigin,
  LedHere,
  Obligation,
  Reason,
} from "../contract.js";
import { callHandles, isoTime, issuedHandle } from "../contract.js";
import type { Draft } from "./draft.js";
import { removedLabels } from "./labels.js";
import type { Question } from "./refusal.js";
import type { CallChange, Engine, Reservation, Snapshot } from "../state/engine/engine.js";
import { heldAs } from "../state/engine/engine.js";
import type { Epochs } from "../state/epochs/epochs.js";
import type { Fences, NewFence } from "../state/fences/fences.js";
import type { Limits } from "../state/limits/limits.js";
import type { Task, Tasks } from "../state/tasks/tasks.js";
import type { Watch } from "../state/watch/watch.js";

export interface State {
  readonly tasks: Tasks;
  readonly engine: Engine;
  readonly limits: Limits;
  readonly fences: Fences;
  /** Absent: nobody bumps any. */
  readonly epochs?: Pick<Epochs, "of" | "any" | "bump">;
  /** What fences know an identity by. */
  readonly identityHandles: (identity: Identity) => readonly Handle[];
  /** Rules that fence by themselves; told of each decision before its answer is given. */
  readonly watch?: Watch;
  /** Reads an obligation `fence` of a call with these handles; undefined where it isn't understood. */
  readonly readFence: (obligation: Obligation, handles: readonly Handle[]) => readonly NewFence[] | undefined;
}

/** Gives all that fences know a call by. */
export function handlesOf(
  { identityHandles }: State,
  identity: Identity,
  tasks: readonly (Task | undefined)[],
  { call }: Question,
  bundle: string,
): Handle[] {
  const handles = [...identityHandles(identity), ...callHandles(call), `bundle:${bundle}`];
  for (const task of tasks) if (task !== undefined) handles.push(...taskHandles(task));
  return handles;
}

/** A known token brings the same task again, for who presented it last. */
const presenting = new WeakMap<Task, { readonly identity: Identity; readonly handles: readonly Handle[] }>();

/** Gives what fences know a caller by, and the token that it presented: one frozen list for all requests that present the same. */
export function callerHandles({ identityHandles }: State, identity: Identity, task: Task): readonly Handle[] {
  const handles = identityHandles(identity);
  if (task.tokenId === undefined) return handles;
  const known = presenting.get(task);
  if (known?.identity === identity) return known.handles;
  const all = Object.freeze([...handles, ...taskHandles(task).slice(task.lineage.length)]);
  presenting.set(task, { identity, handles: all });
  return all;
}

/** Gives what fences know a task by, and the token that it was presented with. */
export function taskHandles({ lineage, tokenId, tokenIssuedAt }: Task): Handle[] {
  const handles = lineage.map((id) => `task:${id}`);
  if (tokenId !== undefined) handles.push(`token:${tokenId}`);
  if (tokenIssuedAt !== undefined) handles.push(issuedHandle(tokenIssuedAt));
  return handles;
}

/** Names the refusal that a fence is. */
export function cutOff(found: ActiveFence | "fences_stale" | undefined): ErrorCode | undefined {
  if (found === undefined) return undefined;
  return found === "fences_stale" ? "fences_stale" : "fenced";
}

/** What one call would change, and what stands against it. */
export type Change =
  | { readonly kind: "change"; readonly change: CallChange }
  | { readonly kind: "refused"; readonly code: ErrorCode };

/** The answers to calls, what is asked while they go on, and the entries of lists aren't steps of a task. */
function isQuiet({ call: { action } }: Draft): boolean {
  const { phase, recheck } = action.properties;
  return phase === "response" || recheck === true || action.name.endsWith(".list");
}

/** Characters of a resource's name as it is remembered. */
const longestName = 256;

/**
 * Says what a call changes where its decision stands.
 * @param by who asked for the decision, and may tell what became of it
 */
export function changeOf(
  { limits }: State,
  drafted: Draft,
  { decisionId, by }: { readonly decisionId: string; readonly by: string },
  identity: Identity,
  task: Task,
  at: number,
): Change {
  const { call, input, policy, own } = drafted;
  const ids = { decisionId: heldAs(decisionId, by), told: decisionId };
  if (policy?.allow !== true)
    return { kind: "change", change: stepOf(drafted, ids, at, false, noLabels, none, none) };
  const unlabel = own.length === 0 ? none : removedLabels(own);
  if (unlabel === undefined) return { kind: "refused", code: "obligation_unsatisfiable" };
  const duties = own.length === 0 ? policy.obligations : [...own, ...policy.obligations];
  const asked = limits.ask({ identity, call, input, task }, duties);
  if (asked.kind === "refused") return { kind: "refused", code: asked.code };
  const labels = drafted.labels.length === 0 ? noLabels : originsOf(drafted, decisionId, task, at);
  return {
    kind: "change",
    change: stepOf(drafted, ids, at, true, labels, unlabel, asked.reserve),
  };
}

const none: readonly never[] = Object.freeze([]);
const noLabels: CallChange["labels"] = Object.freeze({});

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

function stepOf(
  drafted: Draft,
  ids: Required<Pick<CallChange, "decisionId" | "told">>,
  at: number,
  allow: boolean,
  labels: CallChange["labels"],
  unlabel: readonly string[],
  reserve: readonly Reservation[],
): CallChange {
  const { action, resource } = drafted.call;
  const change: Writable<CallChange> = {
    ...ids,
    at,
    action: action.name,
    resource: nameOf(drafted),
    allow,
    labels,
    unlabel,
    reserve,
  };
  const { server } = resource.properties;
  if (typeof server === "string") change.server = server.slice(0, longestName);
  if (resource.type === "tool") change.tool = resource.id.slice(0, longestName);
  if (isQuiet(drafted)) change.quiet = true;
  return change;
}

/** Gives back what a call that isn't allowed held. */
export function giveBack(
  { engine }: Pick<State, "engine">,
  { change }: { readonly change: Change | undefined },
): void {
  if (change?.kind === "change") engine.settle(change.change.decisionId, { units: {}, known: true });
}

function nameOf({ call: { resource } }: Draft): string {
  return `${resource.type}:${resource.id}`.slice(0, longestName);
}

function originsOf(drafted: Draft, decisionId: string, task: Task, at: number): CallChange["labels"] {
  const origin: LabelOrigin = {
    ...{ decision_id: decisionId, rules: drafted.rules, action: drafted.call.action.name },
    ...{ resource: nameOf(drafted), at: isoTime(at), task: task.id },
  };
  return Object.fromEntries(drafted.labels.map((label) => [label, origin]));
}

/** Tells whether a change is worth keeping: of a task that nobody may ever come back to, only what sticks is. */
export function isKept(task: Task, change: CallChange): boolean {
  if (change.reserve.length > 0 || change.unlabel.length > 0) return true;
  return task.proven || task.born !== "request" || Object.keys(change.labels).length > 0;
}

/**
 * Says where a label comes from. INVARIANT: whoever holds several tasks isn't told what another one of them did: it may have
 * been for somebody else.
 */
export function ownOrigin(
  origin: LabelOrigin,
  lineage: readonly string[],
): Pick<LabelOrigin, "decision_id" | "at" | "task"> & Partial<LabelOrigin> {
  const { decision_id, at, task } = origin;
  return lineage.includes(task) ? origin : { decision_id, at, task };
}

/** Adds to each reason that rests on labels where they come from. */
export function withOrigins(
  reasons: readonly Reason[],
  snapshot: Snapshot | undefined,
  lineage: readonly string[],
): readonly Reason[] {
  if (snapshot === undefined || !reasons.some(({ labels }) => labels !== undefined)) return reasons;
  return reasons.map((reason) => {
    if (reason.labels === undefined) return reason;
    const led = reason.labels.flatMap((label): LedHere[] => {
      const origin = Object.hasOwn(snapshot.labels, label) ? snapshot.labels[label] : undefined;
      if (origin === undefined) return [];
      return [{ label, ...ownOrigin(origin, lineage) }];
    });
    led.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    return { ...reason, led_here: led };
  });
}

/** Makes the deny of a call that is over a limit. */
export function overLimit(
  { limits }: State,
  over: Reservation,
  states: Decision["limits"] = [],
): { readonly code: ErrorCode; readonly more: Partial<Decision> } {
  const { code, retryAfter } = limits.refusal(over, states);
  return { code, more: { limits: states, ...(retryAfter === undefined ? {} : { retry_after: retryAfter }) } };
}
