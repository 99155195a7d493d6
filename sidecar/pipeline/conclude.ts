/** Brings one drafted call to its decision: what stopped it, what it is over, what it asks of fences and tokens. */
import type { Decision, ErrorCode, IssuedTask, JsonObject, LabelOrigin } from "../contract.js";
import { isObject } from "../contract.js";
import type { Draft } from "./draft.js";
import type { Answered, One, Run } from "./finish.js";
import { finish, nothingDrafted } from "./finish.js";
import { after } from "./later.js";
import type { State } from "./remember.js";
import { cutOff, giveBack, overLimit, ownOrigin } from "./remember.js";
import { nothingFenced } from "../state/fences/fences.js";
import type { Task } from "../state/tasks/tasks.js";
import type { Seen } from "../state/watch/watch.js";
import type { Within } from "./within.js";
import { handlesWithin } from "./within.js";

/**
 * Concludes, tells rules of it, and looks at fences once more: one that came while this was decided, or by it, holds for it,
 * too.
 * @param stopped why it can't be allowed, or wasn't even drafted
 */
export function conclude(
  within: Within,
  one: One,
  stopped: ErrorCode | undefined,
): Answered | Promise<Answered> {
  return after(concludeCall(within, one, stopped), (answered) => lookAgain(within, one, answered));
}

function lookAgain(within: Within, one: One, answered: Answered): Answered {
  const { run, state } = within;
  const { watch, fences } = state;
  const { allow } = answered.decided.decision;
  if (watch !== undefined) {
    const handles = handlesWithin(within, one);
    const { action, resource } = one.question.call;
    const tool = resource.type === "tool" ? { tool: resource.id } : {};
    watch.seen({ handles, decided: { allow, action: action.name, ...tool } });
    for (const spend of spendOf(run)) watch.seen({ handles, spend });
  }
  if (!allow) return answered;
  const mark = fences.mark();
  // INVARIANT: nothing that was fenced off since it was looked at goes by unseen
  if (mark === nothingFenced || (mark !== undefined && mark === within.mark)) return answered;
  const found = fences.check(handlesWithin(within, one));
  const code = cutOff(found);
  if (found === undefined || code === undefined || one.drafted === undefined) return answered;
  giveBack(state, one);
  if (found !== "fences_stale") one.fence = found.id;
  return { decided: finish(run, one, { ...one.drafted, refused: code }) };
}

/** Says what the task has spent, where that is known, and what it may: one for each currency. */
function spendOf({ task, snapshot }: Run): readonly NonNullable<Seen["spend"]>[] {
  const cost = task?.budgets.find((one) => one.task === task.id)?.budget.cost;
  return Object.entries(snapshot?.activity.spend ?? {}).map(([currency, spent]) => {
    const budget = cost?.currency === currency ? { budget: Math.round(Number(cost.amount) * 1e9) } : {};
    return { currency, spent, ...budget };
  });
}

function concludeCall(
  within: Within,
  one: One,
  stopped: ErrorCode | undefined,
): Answered | Promise<Answered> {
  const { run, state } = within;
  const { drafted, change, result } = one;
  if (stopped !== undefined || drafted === undefined)
    return { decided: finish(run, one, nothingDrafted(one, stopped ?? "internal_error")) };
  const reserved = change?.kind === "change" ? change.change.reserve : [];
  const limits =
    result === undefined || (reserved.length === 0 && result.limits.length === 0)
      ? []
      : state.limits.seen(reserved, result.limits, result.over === undefined);
  if (result?.over !== undefined) {
    const { code, more } = overLimit(state, result.over, limits);
    return { decided: finish(run, one, { ...drafted, refused: code }, more) };
  }
  const refuse = (refused: ErrorCode): Answered => {
    // what it held is given back
    giveBack(state, one);
    return { decided: finish(run, one, { ...drafted, refused }) };
  };
  const goOn = (wrong: ErrorCode | undefined): Answered | Promise<Answered> => {
    if (wrong !== undefined) return refuse(wrong);
    const more: { -readonly [Name in keyof Decision]?: Decision[Name] } = {};
    if (reserved.length > 0) {
      more.limits = limits;
      const allowance = state.limits.allowance(reserved);
      if (allowance !== undefined) more.allowance = allowance;
    }
    if (drafted.policy?.allow !== true) return { decided: finish(run, one, drafted, more) };
    return after(issue(within, one), (issued): Answered => {
      if (issued.kind === "refused") return refuse(issued.code);
      // nobody will tell what became of it
      if (run.asked.untold === true && change?.kind === "change" && reserved.length > 0)
        state.engine.settle(change.change.decisionId, { units: {}, known: false });
      const { token, handed, facts } = issued;
      if (facts !== undefined) more.task_facts = facts;
      return { decided: finish(run, one, drafted, more), token, handed };
    });
  };
  const fences = drafted.own.some(({ type }) => type === "fence");
  return fences ? after(carryOut(within, one, drafted), goOn) : goOn(undefined);
}

type Issued =
  | {
      readonly kind: "issued";
      readonly token?: IssuedTask;
      /** Of the task that was made for another. */
      readonly handed?: IssuedTask;
      readonly facts?: JsonObject;
    }
  | { readonly kind: "refused"; readonly code: ErrorCode };

const nothingIssued: Issued = { kind: "issued" };

/** Ends the task, makes one under it, or gives its token: whatever the request is about. */
function issue({ run, state, task }: Within, one: One): Issued | Promise<Issued> {
  const said = run.request.task;
  if (said === undefined) return nothingIssued;
  const { action, resource } = one.question.call;
  // INVARIANT: one sees, and ends, only the task whose token one has
  const isOwn = task.proven && resource.id === task.id;
  if ((said.end === true || action.name === "task.end" || action.name === "task.read") && !isOwn)
    return { kind: "refused", code: "unknown_task" };
  if (said.end === true)
    return state.engine.end(task.keys).then((ended) => {
      if (ended !== "ended") return { kind: "refused", code: "state_unavailable" };
      // what was kept for it; where that can't be written now, it is tried again
      void state.epochs?.bump({ task: task.id }, "ended", "task");
      return nothingIssued;
    });
  return give(run, state, task, one);
}

function give(run: Run, { tasks }: State, task: Task, { question, drafted }: One): Issued {
  const { identity } = run;
  const { action } = question.call;
  const { exchange, create, issue: asksFor } = run.request.task ?? {};
  let handed: IssuedTask | undefined;
  if (exchange !== undefined) {
    const under = tasks.plan(task, exchange, identity);
    if (under.kind === "refused") return under;
    handed = tasks.issue(under.task, identity);
    // an agent without the token would begin a task of its own, without this one's past
    if (handed === undefined) return { kind: "refused", code: "state_unavailable" };
  }
  const known = tells.has(action.name) ? drafted?.input.context["task"] : undefined;
  const facts = isObject(known) ? ownFacts(known, task.lineage) : undefined;
  const due = create !== undefined || (asksFor === true && task.due && !run.given);
  const token = due ? tasks.issue(task, identity) : undefined;
  if (token !== undefined) run.given = true;
  // who may not have the token can't go on with what was made
  if (create !== undefined && token === undefined) return { kind: "refused", code: "state_unavailable" };
  if (token === undefined && handed === undefined && facts === undefined) return nothingIssued;
  return {
    kind: "issued",
    ...(token === undefined ? {} : { token }),
    ...(handed === undefined ? {} : { handed }),
    ...(facts === undefined ? {} : { facts }),
  };
}

/** What answers with what policy sees of the task. */
const tells: ReadonlySet<string> = new Set(["task.create", "task.read"]);

/** What policy sees of a task. INVARIANT: of a label that another task brought, no more than when, and by which decision. */
function ownFacts(facts: JsonObject, lineage: readonly string[]): JsonObject {
  const { provenance } = facts;
  if (!isObject(provenance)) return facts;
  const own = Object.entries(provenance).map(([label, origin]) => [
    label,
    isObject(origin) ? ownOrigin(origin as unknown as LabelOrigin, lineage) : null,
  ]);
  return { ...facts, provenance: Object.fromEntries(own) as JsonObject };
}

/** Carries out what the policy asks of fences, also by a denial. */
async function carryOut(within: Within, one: One, { own }: Draft): Promise<ErrorCode | undefined> {
  const { state } = within;
  for (const duty of own) {
    if (duty.type !== "fence") continue;
    const fences = state.readFence(duty, handlesWithin(within, one));
    if (fences === undefined) return "obligation_unsatisfiable";
    for (const fence of fences) {
      const added = await state.fences.add(fence);
      if (added.kind === "refused") return "obligation_unsatisfiable";
    }
  }
  return undefined;
}
