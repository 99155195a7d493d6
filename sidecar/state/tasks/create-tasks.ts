/** Keeps no task: what it is stands in its token, and what it did lies in the engine. */
import { hash } from "node:crypto";
import type { ErrorCode, Identity, TaskExchange, TaskHint } from "../../contract.js";
import { isoTime, taskHintKinds } from "../../contract.js";
import type { SignToken } from "../../assert/sign.js";
import type { Bound, TokenClaims } from "./claims.js";
import { tokenType, writeTokenClaims } from "./claims.js";
import type { TasksConfig } from "./config.js";
import { holderOf } from "./holder.js";
import { leastBudget, narrow } from "./narrow.js";
import type { OwnTask } from "./own-task.js";
import type { ResolvedTask, Task, Tasks } from "./tasks.js";
import { createVerifyToken } from "./verify-token.js";

export interface TasksParts {
  readonly config: TasksConfig;
  /** The `iss` of tokens, where there is one. */
  readonly issuer?: string | undefined;
  readonly sign: SignToken;
  /** The fleet's public keys, as a JSON Web Key Set. */
  readonly keys: () => string;
  /** Gives ids that can't be guessed. */
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Characters of the longest token: with it, a request's headers stay within the 8 KiB that most servers take. */
const longestToken = 6_144;
/** The part of a token's life that is left when another one is due. */
const dueAt = 1 / 3;

/** Creates the tasks of a fleet. */
export function createTasks({ config, issuer, sign, keys, newId, now }: TasksParts): Tasks {
  const { trustDomain } = config;
  const verify = createVerifyToken({ trustDomain, keys });
  const lifetimeMs = config.lifetimeSeconds * 1_000;
  const [keepMs, stickMs] = [config.keepSeconds * 1_000, config.stickSeconds * 1_000];
  const makeId = (): string => `task-${newId()}`;

  const across = config.stickAcrossUsers;
  /** What is the same in the keys of all tasks of an identity. */
  const known = new WeakMap<Identity, Pick<Task["keys"], "holders"> & { marks: readonly string[] }>();
  const heldBy = (identity: Identity) => {
    let held = known.get(identity);
    if (held === undefined) {
      const { sticky, marks } = holderOf(identity);
      held = across ? { holders: [...sticky, ...marks], marks: [] } : { holders: sticky, marks };
      known.set(identity, held);
    }
    return held;
  };
  const keysOf = (identity: Identity, lineage: readonly string[]): Task["keys"] => {
    const { holders, marks } = heldBy(identity);
    return { tenant: identity.tenant, lineage, keepMs, stickMs, holders, marks };
  };
  // one whose token never comes back is worth no longer than the token
  const fleetingMs = Math.min(keepMs, lifetimeMs);
  const longestMs = config.longestSeconds * 1_000;
  const given = config.enabled && config.issue === "always";

  /** A task that nothing proves. */
  const begin = (id: string, born: "request" | "hint", identity: Identity): OwnTask => {
    const [bornAt, lineage] = [now(), [id]];
    const { holders, marks } = heldBy(identity);
    const { tenant } = identity;
    return {
      id,
      lineage,
      born,
      proven: false,
      bornAt,
      until: bornAt + longestMs,
      budgets: [],
      chain: [identity.id],
      keys:
        born === "hint"
          ? { tenant, lineage, keepMs, stickMs, holders, marks }
          : { tenant, lineage, keepMs: fleetingMs, stickMs, holders, marks, fleeting: true },
      due: given,
    };
  };

  const present = (claims: TokenClaims | undefined, identity: Identity): ResolvedTask => {
    if (claims === undefined) return refused("task_token_invalid");
    const at = now();
    // INVARIANT: asked anew for each request, also of a token that is known
    if (!isHeldBy(claims, identity)) return refused("task_token_misbound");
    if (at >= Math.min(claims.expiresAt, claims.until, claims.deadline ?? Infinity))
      return refused("task_token_expired");
    const { bound, issuedAt, expiresAt, until } = claims;
    const renewable = Math.min(until, claims.deadline ?? Infinity) > expiresAt;
    const old = expiresAt - at < (expiresAt - issuedAt) * dueAt;
    // one that several could hold is bound to who does as soon as that is known
    const due = bound.kind !== "holder" || (renewable && old);
    const before = presented.get(claims);
    if (before?.identity === identity && before.resolved.task.due === due) return before.resolved;
    const resolved = { kind: "task", task: taskOf(claims, identity, due) } as const;
    presented.set(claims, { identity, resolved });
    return resolved;
  };

  /** What a known token was read as, for who presented it last. */
  const presented = new WeakMap<
    TokenClaims,
    { readonly identity: Identity; readonly resolved: ResolvedTask & { readonly kind: "task" } }
  >();

  const taskOf = (claims: TokenClaims, identity: Identity, due: boolean): OwnTask => {
    const { chain, tenant: _tenant, bound: _bound, expiresAt: _end, issuedAt, tokenId, ...facts } = claims;
    return {
      ...facts,
      ...{ proven: true, tokenId, tokenIssuedAt: issuedAt, due },
      chain: chain.at(-1) === identity.id ? chain : [...chain, identity.id],
      keys: keysOf(identity, facts.lineage),
    };
  };

  return {
    resolve(request, identity) {
      const token = request?.token;
      if (token !== undefined) {
        if (!config.enabled) return refused("task_token_invalid");
        const claims = verify(token);
        return claims instanceof Promise
          ? claims.then((found) => present(found, identity))
          : present(claims, identity);
      }
      if (request?.create === undefined && isRequired(config, identity))
        return refused("task_token_required");
      const hint = firstHint(request?.hints);
      return {
        kind: "task",
        task:
          hint === undefined
            ? begin(makeId(), "request", identity)
            : begin(hintId(hint, identity), "hint", identity),
      };
    },
    issue(task, identity) {
      if (!config.enabled) return undefined;
      const own = ownOf(task);
      const at = now();
      const last = Math.min(at + lifetimeMs, own.until, own.deadline ?? Infinity);
      const [issuedAt, expiresAt] = [Math.floor(at / 1_000), Math.floor(last / 1_000)];
      if (expiresAt * 1_000 <= at) return undefined;
      const claims = writeTokenClaims(own, identity, boundTo(own, identity), {
        ...{ trustDomain, issuer, tokenId: newId(), issuedAt, expiresAt },
      });
      const signed = sign(tokenType, claims);
      if (signed === undefined || signed.token.length > longestToken) return undefined;
      return { token: signed.token, expires_at: new Date(expiresAt * 1_000).toISOString() };
    },
    plan(task, plan, identity) {
      const asking = ownOf(task);
      const exchange = "audience" in plan ? plan : undefined;
      // INVARIANT: who holds a task creates under it: none is left for a wider one
      const above = exchange !== undefined || asking.proven ? asking : undefined;
      if (above !== undefined && above.lineage.length > config.maxDepth)
        return refused("task_depth_exceeded");
      const at = now();
      const narrowed = narrow(plan, above, identity, at);
      if (narrowed.kind === "refused") return narrowed;
      const { budget, ...rest } = narrowed.plan;
      const id = makeId();
      const lineage = [...(above?.lineage ?? []), id];
      const made: OwnTask = {
        ...rest,
        ...{ id, lineage, proven: true, bornAt: at, due: true },
        born: exchange === undefined ? "created" : "exchanged",
        until: Math.min(at + config.longestSeconds * 1_000, above?.until ?? Infinity),
        budgets: [...(above?.budgets ?? []), ...(budget === undefined ? [] : [{ task: id, budget }])],
        chain: above?.chain ?? [identity.id],
        keys: keysOf(identity, lineage),
        ...(exchange === undefined ? {} : { handed: handTo(exchange, identity) }),
      };
      return { kind: "task", task: made };
    },
    describe(task) {
      const { id, proven, born, purpose, scopes, lineage, chain, deadline, budgets } = task;
      const facts: Record<string, unknown> = { id, proven, born, depth: lineage.length - 1, chain };
      if (purpose !== undefined) facts["purpose"] = purpose;
      if (scopes !== undefined) facts["scopes"] = scopes;
      if (deadline !== undefined) facts["deadline"] = isoTime(deadline);
      const budget = budgets.length === 0 ? undefined : leastBudget(budgets);
      if (budget !== undefined) facts["budget"] = budget;
      return facts;
    },
    close: () => Promise.resolve(),
  };
}

/** Every task was made here. */
function ownOf(task: Task): OwnTask {
  if (!("until" in task)) throw new Error("a task that wasn't made here");
  return task as OwnTask;
}

function refused(code: ErrorCode): ResolvedTask & { readonly kind: "refused" } {
  return { kind: "refused", code };
}

function isRequired({ required }: TasksConfig, { chain, type }: Identity): boolean {
  return required === "always" || (required === "agents" && (type !== "user" || chain.length > 1));
}

function isHeldBy({ tenant, bound }: TokenClaims, identity: Identity): boolean {
  if (tenant !== identity.tenant) return false;
  switch (bound.kind) {
    case "holder":
      return bound.digest === holderOf(identity).binding;
    case "named":
      return bound.ids.includes(identity.id);
    case "origin":
      return bound.digest === holderOf(identity).origin;
  }
}

function boundTo({ handed }: OwnTask, identity: Identity): Bound {
  if (handed === undefined) return { kind: "holder", digest: holderOf(identity).binding };
  const { ids, origin } = handed;
  return ids === undefined ? { kind: "origin", digest: origin } : { kind: "named", ids };
}

function handTo({ holders }: TaskExchange, identity: Identity): NonNullable<OwnTask["handed"]> {
  const { origin } = holderOf(identity);
  return holders === undefined || holders.length === 0 ? { origin } : { ids: holders, origin };
}

/** The one that says most, where there are several. */
function firstHint(hints: readonly TaskHint[] | undefined): TaskHint | undefined {
  if (hints === undefined || hints.length === 0) return undefined;
  for (const kind of taskHintKinds) {
    const hint = hints.find((one) => one.kind === kind);
    if (hint !== undefined) return hint;
  }
  return undefined;
}

/** INVARIANT: another caller's hint, though it is the same, names another task. */
function hintId({ kind, id }: TaskHint, identity: Identity): string {
  const of = JSON.stringify(["countersign task", "hint", holderOf(identity).binding, kind, id]);
  return `hint-${hash("sha256", of, "hex").slice(0, 32)}`;
}
