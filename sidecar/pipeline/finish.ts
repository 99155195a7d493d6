/** One request while it is decided, and how its decisions are written down. */
import type {
  Call,
  Decision,
  DecisionRequest,
  ErrorCode,
  Handle,
  Identity,
  IssuedTask,
  Reason,
} from "../contract.js";
import { errorTable, isoTime } from "../contract.js";
import type { ActiveBundle, BundleSet } from "../bundles/active.js";
import type { Asker } from "../decide/asker.js";
import type { Draft, DraftParts } from "./draft.js";
import type { Asked, Decided, Question, RefusalParts, StepMicros } from "./refusal.js";
import { subjectOf } from "./refusal.js";
import type { Change, State } from "./remember.js";
import { withOrigins } from "./remember.js";
import { isReusable } from "./reusable.js";
import type { CallResult, Snapshot } from "../state/engine/engine.js";
import type { Task } from "../state/tasks/tasks.js";

export interface DecideParts extends DraftParts, RefusalParts {
  readonly bundles: () => BundleSet;
  /** Absent: nothing is remembered. */
  readonly state?: State;
  /** Whether enforcement points may give decisions again: not where each must be recorded, or seen by rules, here. */
  readonly reusable?: boolean;
  /** The entrypoint as segments. */
  readonly path: readonly string[];
}

export interface Asking {
  readonly request: DecisionRequest;
  readonly calls: readonly Call[];
  readonly asked: Asked;
  /** What it took to identify the caller, microseconds. */
  readonly identify: number;
}

/** A decided call. */
export interface Answered {
  readonly decided: Decided;
  /** INVARIANT: it isn't in `decided`, which is recorded. */
  readonly token?: IssuedTask | undefined;
  /** Of the task that was made for another. */
  readonly handed?: IssuedTask | undefined;
}

/** One request while it is decided. */
export interface Run extends Asking {
  readonly parts: DecideParts;
  readonly identity: Identity;
  readonly bundle: ActiveBundle;
  asker: Asker;
  readonly ones: readonly One[];
  task: Task | undefined;
  /** Of all handles, those of the caller and its token: what an enforcement point can't tell by itself. */
  caller: readonly Handle[] | undefined;
  /** What the decisions rest on. */
  snapshot: Snapshot | undefined;
  /** One allowed call has brought the token: it is one for all. */
  given: boolean;
}

/** One call of the request. */
export interface One {
  readonly question: Question;
  readonly steps: StepMicros;
  /** Of its decision; "" until it has one. */
  id: string;
  /** Why it is cut off before it is drafted. */
  cut: ErrorCode | undefined;
  /** The fence that it ran into. */
  fence: string | undefined;
  /** What fences know it by, once somebody asked. */
  handles: readonly Handle[] | undefined;
  drafted: Draft | undefined;
  change: Change | undefined;
  result: CallResult | undefined;
}

/** A draft, or what stands for one where there is none. */
export type Drafted = Omit<Draft, "input"> & Partial<Pick<Draft, "input">>;

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Writes the decision down. Members are set one by one: this is done for each decision. */
export function finish(run: Run, one: One, drafted: Drafted, more?: Partial<Decision>): Decided {
  const { parts, identity, task } = run;
  const { question, fence } = one;
  const { policy, refused, input, lookups } = drafted;
  const now = parts.now();
  if (one.id === "") one.id = parts.newId();
  const error = refused ?? (policy === undefined ? "undefined_decision" : undefined);
  const until = policy === undefined ? now : untilOf(run, drafted, policy.ttl, now);
  const decision: Writable<Decision> =
    error === undefined && policy !== undefined
      ? {
          decision_id: one.id,
          allow: policy.allow === true,
          reasons: withOrigins(policy.reasons, run.snapshot, task?.lineage ?? none),
          obligations: policy.obligations,
          labels: policy.allow ? drafted.labels : policy.labels,
          ttl: leftOf(policy.ttl, until - now),
          rules: drafted.rules,
          cache: drafted.cache,
          expires_at: isoTime(until),
          bundles: bundlesOf(run.bundle),
          subject: subjectOf(identity, run.caller),
        }
      : {
          decision_id: one.id,
          allow: false,
          reasons: [reasonOf(error ?? "undefined_decision")],
          obligations: none,
          labels: none,
          ttl: 0,
          rules: none,
          cache: "none",
          expires_at: isoTime(now),
          bundles: bundlesOf(run.bundle),
          subject: subjectOf(identity, run.caller),
        };
  if (task !== undefined) decision.task = { id: task.id, lineage: task.lineage, proven: task.proven };
  if (more !== undefined) Object.assign(decision, more);
  if (error === undefined && isReusable(run, one, drafted, decision)) decision.reusable = true;
  const decided: Writable<Decided> = {
    door: "decisions",
    entrypoint: parts.entrypoint,
    decision,
    request: question.request,
    call: question.call,
    micros: one.steps,
    asked: question.asked,
    identity,
  };
  if (input !== undefined) decided.input = input;
  if (lookups !== undefined) decided.lookups = lookups;
  if (fence !== undefined) decided.fence = fence;
  if (error !== undefined) decided.error = error;
  return decided;
}

const none: readonly never[] = Object.freeze([]);

/** INVARIANT: the ends of token and task are applied to each request, never stored; nor does it outlive what it was made from. */
function untilOf({ identity, task }: Run, { expiresAt }: Drafted, ttl: number, now: number): number {
  return Math.min(now + ttl * 1_000, identity.expiresAt, task?.deadline ?? Infinity, expiresAt ?? Infinity);
}

/** Gives what is left of the policy's ttl, seconds: whole ones where something ends sooner, so that it is never after `expires_at`. */
function leftOf(ttl: number, left: number): number {
  return left >= ttl * 1_000 ? ttl : Math.max(0, Math.floor(left / 1_000));
}

/** Stands for what wasn't drafted. */
export function nothingDrafted({ question: { call } }: One, refused: ErrorCode | undefined): Drafted {
  return {
    call,
    own: none,
    labels: none,
    rules: none,
    cache: "none",
    ...(refused === undefined ? {} : { refused }),
  };
}

function reasonOf(code: ErrorCode): Reason {
  return { code, message: errorTable[code][1] };
}

const revisions = new WeakMap<ActiveBundle, Decision["bundles"]>();

function bundlesOf(bundle: ActiveBundle): Decision["bundles"] {
  let known = revisions.get(bundle);
  if (known === undefined) {
    known = Object.freeze({ [bundle.name]: Object.freeze({ revision: bundle.revision }) });
    revisions.set(bundle, known);
  }
  return known;
}
