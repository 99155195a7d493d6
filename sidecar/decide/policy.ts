/**
 * Hides the engine: one compiled policy with its data, evaluated through OPA's WASM ABI.
 *
 * Every failure is a value, and after each one the instance is replaced: every evaluation has fuel and a memory
 * maximum, values are read out of memory with their types and digits, built-ins that the module lacks are served here.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "../contract.js";
import { stringifyJson } from "../contract.js";
import type { Answer } from "./answer.js";
import { failed } from "./answer.js";
import type { Turn } from "./builtins/calls.js";
import { createHostCalls } from "./builtins/calls.js";
import type { ResolveBuiltin, Scope } from "./builtins/host.js";
import { Waiting } from "./builtins/host.js";
import type { CompileModule } from "./engine/modules.js";
import { compileModule } from "./engine/modules.js";
import type { Patch } from "./engine/engine.js";
import { createEngine } from "./engine/engine.js";

export interface PolicyParts {
  readonly wasm: Uint8Array;
  /** Base documents as JSON text. */
  readonly data: string;
  /** Fuel units per evaluation: one for each loop turn and function call (`decision.budget`). */
  readonly budget: number;
  /** Upper bound of the linear memory in 64 KiB pages. */
  readonly maxPages: number;
  /** Who serves the built-ins that aren't in the module; nobody unless given. */
  readonly builtins?: ResolveBuiltin;
  /** Keeps compiled modules; each is compiled anew unless given. */
  readonly compile?: CompileModule;
  /** Nanoseconds since the epoch; the clock unless given. */
  readonly nowNs?: () => bigint;
}

export type Evaluation =
  | Answer
  /** The network is asked (`http.send`); other evaluations go on meanwhile. */
  | { readonly kind: "pending"; readonly settled: Promise<Answer> };

export interface EvaluateOptions {
  /** An error of a built-in fails the evaluation instead of being undefined. */
  readonly strictBuiltinErrors?: boolean;
}

/** An input that is no JSON document but text of a Rego value, with sets and any keys. */
export class InputTerm {
  constructor(readonly text: string) {}
}

export interface Policy {
  readonly entrypoints: readonly string[];
  /** Evaluates an entrypoint (`a/b/c`) on an input; `undefined` is an absent input. Never throws. */
  evaluate(entrypoint: string, input: Json | InputTerm | undefined, options?: EvaluateOptions): Evaluation;
  /** The base document at a path, or undefined. */
  read(path: readonly string[]): Json | undefined;
  /**
   * Changes the base documents in place.
   * @throws Error where a path leads through what is no object; the policy then answers with a failure until it is
   *   loaded again, unless `intact` says that nothing was changed
   */
  patch(patches: readonly Patch[]): void;
  /** Bytes of linear memory. */
  memoryBytes(): number;
}

/** More rounds than this through the network make no decision. */
const mostRounds = 100;

/**
 * Loads a policy.
 * @throws Error where the module can't be loaded, or needs a built-in that isn't here (names it).
 */
export function loadPolicy(parts: PolicyParts): Policy {
  const { budget, maxPages, builtins: resolve, nowNs = clock, compile = compileModule } = parts;
  const module = compile(parts.wasm);
  const fuel = BigInt(budget);
  const turn: Turn = { rules: [], spent: 0, strict: false, scope: undefined };
  let decisions = 0;
  let broken = false;

  const host = createHostCalls({
    engine: () => engine,
    turn,
    budget,
    newScope: () => newScope(nowNs, ++decisions),
    ...(resolve === undefined ? {} : { resolve }),
  });
  const engine = createEngine({ module, data: parts.data, maxPages, call: host.call });
  host.bind(engine.builtins);

  const attempt = (id: number, input: string | undefined): Answer | Waiting => {
    turn.rules = [];
    turn.spent = 0;
    try {
      const results = engine.read.items(engine.evaluate(id, input, fuel));
      if (results.length === 0) return { kind: "undefined", rules: turn.rules };
      const [first = 0] = results;
      const result = results.length === 1 ? engine.read.member(first, "result") : undefined;
      // INVARIANT: a result set has at most one {result}; anything else is a failure, never an answer
      if (result === undefined) {
        return { kind: "failed", code: "evaluation_error", detail: "the result set has an unknown shape" };
      }
      return { kind: "value", value: engine.read.json(result), rules: turn.rules };
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
    input: string | undefined,
    waiting: Waiting,
    kept: Pick<Turn, "strict" | "scope">,
  ): Promise<Answer> => {
    let last = waiting;
    for (let round = 0; round < mostRounds; round++) {
      await last.settled;
      Object.assign(turn, kept);
      const outcome = attempt(id, input);
      if (!(outcome instanceof Waiting)) return outcome;
      last = outcome;
    }
    return { kind: "failed", code: "evaluation_budget_exceeded", detail: "too many requests to the network" };
  };

  return {
    entrypoints: [...engine.entrypoints.keys()],
    evaluate(entrypoint, input, options) {
      const id = engine.entrypoints.get(entrypoint);
      if (id === undefined) return { kind: "undefined", rules: [] };
      if (broken)
        return { kind: "failed", code: "evaluation_error", detail: "the policy must be loaded again" };
      turn.strict = options?.strictBuiltinErrors === true;
      turn.scope = undefined;
      const text =
        input === undefined ? undefined : input instanceof InputTerm ? input.text : stringifyJson(input);
      const outcome = attempt(id, text);
      if (!(outcome instanceof Waiting)) return outcome;
      return {
        kind: "pending",
        settled: waitFor(id, text, outcome, { strict: turn.strict, scope: turn.scope }),
      };
    },
    read(path) {
      let at: number | undefined = engine.data();
      for (const key of path) {
        at = engine.read.member(at, key);
        if (at === undefined) return undefined;
      }
      return engine.read.json(at);
    },
    patch(patches) {
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

function newScope(nowNs: () => bigint, decision: number): Scope {
  let seed: Uint8Array | undefined;
  return { nowNs: nowNs(), seed: () => (seed ??= randomBytes(32)), kept: new Map(), decision };
}

function clock(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}
