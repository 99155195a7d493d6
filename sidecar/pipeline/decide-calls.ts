/** Decides the calls of one identified request: on one state of its task, changed in one step. */
import type { ErrorCode, Identity } from "../contract.js";
import type { ActiveBundle } from "../bundles/active.js";
import { resolvePath } from "../bundles/active.js";
import { conclude } from "./conclude.js";
import type { Remembered } from "../describe/describe.js";
import type { Reads } from "../describe/reads.js";
import { readsOf } from "../describe/reads.js";
import { describeTask } from "../describe/task.js";
import type { Draft } from "./draft.js";
import { draft } from "./draft.js";
import { askerOf, askerWithin } from "./epoch.js";
import type { Answered, Asking, DecideParts, One, Run } from "./finish.js";
import { finish, nothingDrafted } from "./finish.js";
import { after, gather } from "./later.js";
import type { StepMicros } from "./refusal.js";
import { refusal } from "./refusal.js";
import type { Change, State } from "./remember.js";
import { callerHandles, changeOf, cutOff, giveBack, isKept } from "./remember.js";
import type { CallChange, Committed, Seen, Snapshot } from "../state/engine/engine.js";
import { nothingFenced } from "../state/fences/fences.js";
import type { Task } from "../state/tasks/tasks.js";
import type { Within } from "./within.js";
import { handlesWithin } from "./within.js";

/** How often calls are evaluated again because what they rest on has changed meanwhile. */
const mostTries = 6;

/** Decides; at once where nothing has to be waited for. */
export function decideCalls(
  parts: DecideParts,
  asking: Asking,
  identity: Identity,
): Answered[] | Promise<Answered[]> {
  const { request, calls, asked, identify } = asking;
  const ones = calls.map((call): One => {
    const steps: StepMicros = { identify, total: 0 };
    return {
      question: { request, call, asked },
      steps,
      id: "",
      cut: undefined,
      fence: undefined,
      handles: undefined,
      drafted: undefined,
      change: undefined,
      result: undefined,
    };
  });
  const refuseAll = (code: ErrorCode): Answered[] =>
    ones.map(({ question, steps }) => ({ decided: { ...refusal(parts, question, code, steps), identity } }));
  const resolved = resolvePath(parts.bundles(), parts.path);
  if (resolved === undefined || resolved.rest.length > 0) return refuseAll("no_bundle");
  const { bundle } = resolved;
  const run: Run = {
    parts,
    request,
    calls,
    asked,
    identify,
    identity,
    bundle,
    ones,
    asker: askerOf(identity),
    task: undefined,
    caller: undefined,
    snapshot: undefined,
    given: false,
  };
  const { state } = parts;
  if (state === undefined) {
    return after(gather(ones.map((one) => draftOne(run, one, undefined))), (drafts) =>
      ones.map((one, n) => ({ decided: finish(run, one, drafts[n] ?? nothingDrafted(one, undefined)) })),
    );
  }
  if (isStray(asking)) return refuseAll("invalid_request");
  const { tasks } = state;
  return after(tasks.resolve(request.task, identity), (found) => {
    if (found.kind === "refused") return refuseAll(found.code);
    const plan = request.task?.create;
    const made = plan === undefined ? found : tasks.plan(found.task, plan, identity);
    if (made.kind === "refused") return refuseAll(made.code);
    return decideWithin(run, state, made.task, made === found ? undefined : found.task);
  });
}

/**
 * INVARIANT: what becomes of tasks was decided as just that: a task is made by `task.create` of this very plan, ended by
 * `task.end`, and handed on by `agent.message` to whom it is for.
 */
function isStray({ request: { task }, calls }: Asking): boolean {
  if (task === undefined) return false;
  const { create, end, exchange } = task;
  if (create === undefined && end !== true && exchange === undefined) return false;
  const [call, ...others] = calls;
  if (call === undefined || others.length > 0) return true;
  const { action, resource } = call;
  if (create !== undefined && plainly(create) !== plainly(resource.properties)) return true;
  const told = action.name === "agent.message" && resource.id === exchange?.audience;
  if (exchange !== undefined && !told) return true;
  return (
    (create !== undefined && action.name !== "task.create") || (end === true && action.name !== "task.end")
  );
}

/** Writes a value so that the order of its members doesn't matter. */
function plainly(value: unknown): string {
  return JSON.stringify(value, (_name, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

/** Decides what belongs to a task. */
function decideWithin(
  run: Run,
  state: State,
  task: Task,
  beside: Task | undefined,
): Answered[] | Promise<Answered[]> {
  const { parts, ones } = run;
  run.task = task;
  run.asker = askerWithin(state, run.asker, run.identity, task);
  const mark = state.fences.mark();
  const reads = readsFor(run.bundle, parts.entrypoint);
  const within: Within = { run, state, task, beside, reads, mark };
  // before the cache is looked at
  if (mark !== nothingFenced) for (const one of ones) lookForFences(within, one);
  const began = parts.micros();
  const pending = reads.labels || reads.activity ? state.engine.read(task.keys) : undefined;
  return after<Snapshot | "unavailable" | undefined, Answered[]>(pending, (snapshot) => {
    note(run, began, parts.micros());
    for (const one of ones) one.id = parts.newId();
    if (snapshot === "unavailable") return concludeAll(within, undefined, "state_unavailable");
    run.snapshot = snapshot;
    return tryOnce(within, 1);
  });
}

function lookForFences(within: Within, one: One): void {
  const found = within.state.fences.check(handlesWithin(within, one));
  one.cut = cutOff(found);
  if (found !== undefined && found !== "fences_stale") one.fence = found.id;
}

/** Drafts the calls on what is known of the task, and changes that where it is still so. */
function tryOnce(within: Within, tries: number): Answered[] | Promise<Answered[]> {
  const { run, state, task } = within;
  const { parts, ones, asked } = run;
  const { by } = asked;
  const told = rememberedOf(within);
  const drafts = ones.map((one, n) => (one.cut === undefined ? draftOne(run, one, told[n]) : undefined));
  return after(gather(drafts), (made) => {
    const at = parts.now();
    for (const [n, one] of ones.entries()) {
      const drafted = made[n];
      one.drafted = drafted;
      const change = drafted && changeOf(state, drafted, { decisionId: one.id, by }, run.identity, task, at);
      one.change = isShedding(run, change) ? { kind: "refused", code: "obligation_unsatisfiable" } : change;
    }
    const began = parts.micros();
    return after<Committed | undefined, Answered[]>(step(within), (committed) => {
      note(run, began, parts.micros());
      if (committed?.kind === "stale") {
        run.snapshot = committed.snapshot;
        if (tries < mostTries) return tryOnce(within, tries + 1);
      }
      return concludeHeld(within, committed);
    });
  });
}

/** INVARIANT: what calls hold that a bug denies after they were committed is given back. */
function concludeHeld(within: Within, committed: Committed | undefined): Answered[] | Promise<Answered[]> {
  const failed = (error: unknown): never => {
    for (const one of within.run.ones) giveBack(within.state, one);
    throw error;
  };
  try {
    const answers = concludeAll(within, committed, undefined);
    return answers instanceof Promise ? answers.catch(failed) : answers;
  } catch (error) {
    return failed(error);
  }
}

/** @param unread why nothing could be drafted */
function concludeAll(
  within: Within,
  committed: Committed | undefined,
  unread: ErrorCode | undefined,
): Answered[] | Promise<Answered[]> {
  const { run, state, task } = within;
  // nobody but an enforcement point has anything live
  run.caller = run.asked.untold === true ? undefined : callerHandles(state, run.identity, task);
  let taken = 0;
  return gather(
    run.ones.map((one) => {
      const { change, drafted } = one;
      // those that weren't changed have no result
      if (committed?.kind === "committed" && change?.kind === "change")
        one.result = committed.results[taken++];
      const stopped =
        one.cut ??
        unread ??
        (change?.kind === "refused" ? change.code : undefined) ??
        (drafted?.policy?.allow === true ? stoppedBy(committed) : undefined);
      return conclude(within, one, stopped);
    }),
  );
}

/** INVARIANT: who only says of itself what it did takes no label off by it: an enforcement point saw it done. */
function isShedding({ asked }: Run, change: Change | undefined): boolean {
  return asked.untold === true && change?.kind === "change" && change.change.unlabel.length > 0;
}

function draftOne(run: Run, one: One, remembered: Remembered | undefined): Draft | Promise<Draft> {
  const { parts, identity, bundle, asker } = run;
  return draft(parts, one.question, identity, asker, bundle, one.steps, remembered);
}

const entrypointReads = new WeakMap<object, Reads>();
const readsAll = readsOf([[]]);

function readsFor(bundle: ActiveBundle, entrypoint: string): Reads {
  const facts = bundle.entrypoints.get(entrypoint)?.facts;
  if (facts === undefined) return readsAll;
  let reads = entrypointReads.get(facts);
  if (reads === undefined) entrypointReads.set(facts, (reads = readsOf(facts.input)));
  return reads;
}

/** Gives what each call is told of before; one object for all where limits don't differ. */
function rememberedOf({ run, state, task, reads }: Within): readonly Remembered[] {
  const { parts, identity, ones, snapshot } = run;
  const { tasks, limits } = state;
  const lasting = tasks.describe(task);
  const facts = Object.freeze(
    snapshot === undefined
      ? (lasting as NonNullable<Remembered["task"]>)
      : describeTask(lasting, snapshot, reads, parts.now()),
  );
  const alone: Remembered = { task: facts };
  return ones.map(({ question: { call } }) => {
    const known = reads.limits ? limits.known({ identity, call, task }) : undefined;
    return known === undefined ? alone : { task: facts, limits: known as NonNullable<Remembered["limits"]> };
  });
}

/** Changes what is remembered, in one step; undefined where that need not be waited for. */
function step({ run, state, task, reads }: Within): Committed | undefined | Promise<Committed> {
  const { asked, ones } = run;
  const { engine } = state;
  const { keys } = task;
  const wanted: CallChange[] = [];
  for (const { change } of ones) if (change?.kind === "change") wanted.push(change.change);
  if (wanted.length === 0) return undefined;
  const calls = reads.activity || wanted.some((one) => isKept(task, one)) ? wanted : noCalls;
  const seen = run.snapshot?.seen;
  const rests: { -readonly [Name in keyof Seen]?: Seen[Name] } = {};
  if (reads.labels && seen !== undefined) rests.labels = seen.labels;
  if (reads.activity && seen !== undefined) rests.activity = seen.activity;
  const resting = reads.labels || reads.activity;
  const { holder } = asked;
  const change = holder === undefined ? { keys, rests, calls } : { keys, rests, calls, holder };
  const waits = resting || (task.proven && reads.task) || calls.some(mustHold);
  if (waits) return engine.commit(change);
  if (calls.length > 0) engine.note(change);
  return undefined;
}

const noCalls: readonly CallChange[] = Object.freeze([]);

/** What sticks must stick before the answer is given. */
function mustHold({ reserve, labels, unlabel }: CallChange): boolean {
  return reserve.length > 0 || unlabel.length > 0 || Object.keys(labels).length > 0;
}

function stoppedBy(committed: Committed | undefined): ErrorCode | undefined {
  switch (committed?.kind) {
    case undefined:
    case "committed":
      return undefined;
    case "stale":
      return "task_contended";
    case "ended":
      return "task_ended";
    case "full":
      return "task_labels_full";
    case "unavailable":
      return "state_unavailable";
  }
}

function note({ ones }: Run, from: number, to: number): void {
  for (const { steps } of ones) steps.state = (steps.state ?? 0) + to - from;
}
