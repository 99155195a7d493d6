/** Gives decisions again to the same question of the same caller, as long as they would be the same. */
import { hash } from "node:crypto";
import type {
  Decision,
  DecisionRequest,
  EpochChange,
  FenceChange,
  Handle,
  Json,
} from "../../sidecar/contract.js";
import { stringifyJson } from "../../sidecar/contract.js";
import type { Ask } from "../ask.js";
import { handlesOf } from "../live/handles.js";
import type { Live } from "../live/live.js";
import { createHearing } from "./hearing.js";

export interface ReuseParts {
  readonly live: Pick<Live, "fencing">;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
  /** Counts what became of a question that may be answered so. */
  readonly count?: (result: "reused" | "asked" | "fenced") => void;
}

export interface Reuse {
  /** Answers a question by a decision that was given before, else by asking. Never rejects where `ask` doesn't. */
  ask(request: DecisionRequest, ask: Ask): Promise<Decision[]>;
  readonly epochs: (change: EpochChange) => void;
  readonly fences: (change: FenceChange) => void;
  readonly lost: () => void;
  /** Forgets all: the configuration is another. */
  clear(): void;
  readonly size: number;
}

interface Kept {
  readonly decision: Decision;
  readonly handles: ReadonlySet<Handle>;
  /** Epoch milliseconds, and milliseconds of the clock that nobody sets: it is over when one of them says so. */
  readonly until: number;
  readonly untilByClock: number;
}

/** Decisions that are kept. */
const most = 10_000;
/** However long a decision may be used. */
const longestMs = 60_000;

/**
 * INVARIANT: a decision is given again only to a question that is the same in everything but the request's own id (the very same
 * credentials included), only while all that ends it is heard of, and held against the fences each time.
 */
export function createReuse({ live, newId, now, clock, count }: ReuseParts): Reuse {
  const kept = new Map<string, Kept>();
  const hearing = createHearing({
    clock,
    drop(handles) {
      if (handles === undefined) kept.clear();
      else
        for (const [key, one] of kept) if (handles.some((handle) => reaches(handle, one))) kept.delete(key);
    },
  });

  const find = (key: string, request: DecisionRequest): Kept | undefined => {
    const found = kept.get(key);
    if (found === undefined) return undefined;
    const [call] = request.calls ?? [];
    const isOver = found.until <= now() || found.untilByClock <= clock();
    const fence = isOver || call === undefined ? undefined : live.fencing(handlesOf(found.decision, call));
    if (!isOver && fence === undefined) return found;
    kept.delete(key);
    if (fence !== undefined) count?.("fenced");
    return undefined;
  };

  const keep = (key: string, request: DecisionRequest, decision: Decision | undefined): void => {
    const [call] = request.calls ?? [];
    if (decision?.allow !== true || decision.reusable !== true || call === undefined) return;
    // without these no fence would find it
    if (decision.subject?.handles === undefined) return;
    const left = Math.min(Date.parse(decision.expires_at) - now(), longestMs);
    if (!(left > 0)) return;
    // a task, and its token, are of the request that they were made for
    const { task: _task, task_token: _token, reusable: _reusable, ...rest } = decision;
    const handles = handlesOf(rest, call);
    kept.set(key, { decision: rest, handles, until: now() + left, untilByClock: clock() + left });
    for (const oldest of kept.keys()) {
      if (kept.size <= most) break;
      kept.delete(oldest);
    }
  };

  return {
    async ask(request, ask) {
      const key = hearing.hears() && mayBe(request) ? keyOf(request) : undefined;
      if (key === undefined) return ask(request);
      const found = find(key, request);
      if (found !== undefined) {
        count?.("reused");
        return [{ ...found.decision, decision_id: newId(), reused: found.decision.decision_id }];
      }
      count?.("asked");
      const begun = hearing.turn();
      const decisions = await ask(request);
      if (hearing.turn() === begun && hearing.hears()) keep(key, request, decisions[0]);
      return decisions;
    },
    epochs: hearing.epochs,
    fences: hearing.fences,
    lost: hearing.lost,
    clear() {
      // what is being asked was asked under the old one
      hearing.epochs({ kind: "changed", handles: [] });
    },
    get size() {
      return kept.size;
    },
  };
}

/** Tells whether a bump reaches a decision: all handles of one line by line. */
function reaches(bumped: Handle, { handles }: Kept): boolean {
  return bumped === "everything:*" || bumped.split("\n").every((one) => handles.has(one));
}

/** Tells whether a question is of one call, without a task, an assertion, and proofs that count once. */
function mayBe({ calls, credentials, task, assertion }: DecisionRequest): boolean {
  if (calls?.length !== 1 || assertion !== undefined) return false;
  const { dpop, workload, transaction, xfcc } = credentials;
  if (dpop !== undefined || workload !== undefined || transaction !== undefined || xfcc !== undefined)
    return false;
  if (task === undefined) return true;
  return Object.entries(task).every(([name, said]) => name === "issue" || said === undefined);
}

/** Names a question by a digest of all of it but the request's own id: no credentials are kept. */
function keyOf(request: DecisionRequest): string {
  const { context, credentials } = request;
  const { target, ...presented } = credentials;
  const plain = {
    ...request,
    credentials: target === undefined ? presented : { ...presented, target: { ...target, id: "" } },
    context: { ...context, request: { ...context.request, id: "" } },
  };
  return hash("sha256", stringifyJson(plain as unknown as Json), "base64url");
}
