import type { Json } from "../contract.js";
import type { Answer } from "./answer.js";
import { failed } from "./answer.js";
import type { Turn } from "./builtins/calls.js";
import { createHostCalls } from "./builtins/calls.js";
import type { ResolveBuiltin, Scope } from "./builtins/host.js";
import { Waiting } from "./builtins/host.js";
import type { Patch } from "./engine/engine.js";
import { createEngine } from "./engine/engine.js";
import type { Loaded } from "./engine/load.js";
import type { Evaluation } from "./policy.js";

export interface RunnerParts {
  /** INVARIANT: no other runner has its memory. */
  readonly loaded: Loaded;
  readonly budget: number;
  /** An error of a built-in fails the evaluation. */
  readonly strict: boolean;
  readonly newScope: () => Scope;
  readonly resolve?: ResolveBuiltin;
}

/** Runs entrypoints on one engine; each failure is a value, and the instance is replaced after it. */
export interface Runner {
  readonly entrypoints: readonly string[];
  /** `input`: text of a JSON document or a Rego value; bytes must not change any more. */
  run(entrypoint: string, input: string | Uint8Array | undefined): Evaluation;
  read(path: readonly string[]): Json | undefined;
  kind(path: readonly string[]): "object" | "array" | "scalar" | undefined;
  patch(patches: readonly Patch[]): void;
  memoryBytes(): number;
}

const mustLoad: Answer = {
  kind: "failed",
  code: "evaluation_error",
  detail: "the policy must be loaded again",
};
/** So many members are looked through faster than they are listed. */
const fewMembers = 128;
/** So many lookups cost less than to list all members: a list is of no use once data are patched. */
const fewLookups = 8;
const mostAsked = 1_024;
/** Lists of members that are kept. */
const mostIndexes = 64;
/** More rounds than this through the network make no decision. */
const mostRounds = 100;

/** Tells until when what was read of the clock stays the same. */
function lifeOf(scope: Scope | undefined): { readonly until?: number } {
  const until = scope?.bounds?.until ?? Infinity;
  return Number.isSafeInteger(until) ? { until } : {};
}

/** @throws Error where the module needs a built-in that isn't here (names it) */
export function createRunner(parts: RunnerParts): Runner {
  const { loaded, budget, strict, newScope, resolve } = parts;
  const fuel = BigInt(budget);
  const turn: Turn = { rules: [], spent: 0, scope: undefined };
  let broken = false;

  const host = createHostCalls({
    engine: () => engine,
    turn,
    budget,
    strict,
    newScope,
    ...(resolve === undefined ? {} : { resolve }),
  });
  const engine = createEngine({ loaded, call: host.call });
  host.bind(engine.builtins);

  const attempt = (id: number, input: string | Uint8Array | undefined): Answer | Waiting => {
    turn.rules = [];
    turn.spent = 0;
    try {
      const results = engine.read.items(engine.evaluate(id, input, fuel));
      if (results.length === 0) return { kind: "undefined", rules: turn.rules, ...lifeOf(turn.scope) };
      const [first = 0] = results;
      const result = results.length === 1 ? engine.read.member(first, "result") : undefined;
      // INVARIANT: a result set has at most one {result}; anything else is a failure, never an answer
      if (result === undefined) {
        return { kind: "failed", code: "evaluation_error", detail: "the result set has an unknown shape" };
      }
      return { kind: "value", value: engine.read.json(result), rules: turn.rules, ...lifeOf(turn.scope) };
    } catch (error) {
      const outcome = error instanceof Waiting ? error : failed(error, engine.fuel() < 0n);
      replaceOrBreak();
      return outcome;
    }
  };
  const replaceOrBreak = (): void => {
    try {
      engine.replace();
    } catch {
      broken = true;
    }
  };
  const waitFor = async (
    id: number,
    input: string | Uint8Array | undefined,
    waiting: Waiting,
    scope: Scope | undefined,
  ): Promise<Answer> => {
    let last = waiting;
    for (let round = 0; round < mostRounds; round++) {
      await last.settled;
      if (broken) return mustLoad;
      turn.scope = scope;
      if (scope !== undefined) scope.attempt = round + 1;
      const outcome = attempt(id, input);
      if (!(outcome instanceof Waiting)) return outcome;
      last = outcome;
    }
    return { kind: "failed", code: "evaluation_budget_exceeded", detail: "too many requests to the network" };
  };

  /** Where the members of large documents lie, by the document's address. INVARIANT: data stay where they are until they are patched. */
  const indexes = new Map<number, ReadonlyMap<string, number>>();
  /** Lookups in documents without a list. */
  const asked = new Map<number, number>();
  const memberOf = (at: number, key: string): number | undefined => {
    let index = indexes.get(at);
    const before = asked.get(at) ?? 0;
    if (index === undefined && before < fewLookups) {
      if (asked.size >= mostAsked) asked.clear();
      asked.set(at, before + 1);
      return engine.read.member(at, key);
    }
    if (index === undefined && (index = engine.read.members(at, fewMembers)) !== undefined) {
      if (indexes.size >= mostIndexes) indexes.clear();
      indexes.set(at, index);
    }
    return index === undefined ? engine.read.member(at, key) : index.get(key);
  };

  const addressOf = (path: readonly string[]): number | undefined => {
    let at: number | undefined = engine.data();
    for (const key of path) {
      at = memberOf(at, key);
      if (at === undefined) return undefined;
    }
    return at;
  };

  return {
    entrypoints: [...engine.entrypoints.keys()],
    run(entrypoint, input) {
      const id = engine.entrypoints.get(entrypoint);
      if (id === undefined) return { kind: "undefined", rules: [] };
      if (broken) return mustLoad;
      turn.scope = undefined;
      const outcome = attempt(id, input);
      if (!(outcome instanceof Waiting)) return outcome;
      return { kind: "pending", settled: waitFor(id, input, outcome, turn.scope) };
    },
    read(path) {
      const at = addressOf(path);
      return at === undefined ? undefined : engine.read.json(at);
    },
    kind(path) {
      const at = addressOf(path);
      return at === undefined ? undefined : engine.read.kind(at);
    },
    patch(patches) {
      indexes.clear();
      asked.clear();
      try {
        engine.patch(patches);
      } catch (error) {
        broken = true;
        throw error;
      }
    },
    memoryBytes: () => engine.memoryBytes(),
  };
}
