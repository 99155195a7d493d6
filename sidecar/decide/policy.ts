/**
 * Hides the engine: one compiled policy with its data, evaluated through OPA's WASM ABI.
 *
 * Every failure is a value, and after each one the instance is replaced: every evaluation has fuel and a memory
 * maximum, values are read out of memory with their types and digits, built-ins that the module lacks are served here.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "../contract.js";
import { Scanned, stringifyJson } from "../contract.js";
import type { Answer } from "./answer.js";
import { failed } from "./answer.js";
import type { ResolveBuiltin, Scope } from "./builtins/host.js";
import type { Loaded } from "./engine/load.js";
import { loadMemory } from "./engine/load.js";
import type { CompileModule } from "./engine/modules.js";
import { compileModule, compileStrict } from "./engine/modules.js";
import type { Runner } from "./runner.js";
import { createRunner } from "./runner.js";
import type { Patch } from "./engine/engine.js";

export interface PolicyParts {
  readonly wasm: Uint8Array;
  /** Base documents as JSON text. */
  readonly data: string;
  /** Fuel units per evaluation: one for each loop turn and function call (`decision.budget`). */
  readonly budget: number;
  /** What an evaluation may take on top of the data, in 64 KiB pages (`decision.max_memory_mb`). */
  readonly maxPages: number;
  /** Who serves the built-ins that aren't in the module; nobody unless given. */
  readonly builtins?: ResolveBuiltin;
  /** Keeps compiled modules; each is compiled anew unless given. */
  readonly compile?: CompileModule;
  /** The module with its data, loaded already: the policy takes it over. */
  readonly loaded?: Loaded;
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
  evaluate(
    entrypoint: string,
    input: Json | InputTerm | Scanned | undefined,
    options?: EvaluateOptions,
  ): Evaluation;
  /** The base document at a path, or undefined. */
  read(path: readonly string[]): Json | undefined;
  /** What lies there, without reading it. */
  kind(path: readonly string[]): "object" | "array" | "scalar" | undefined;
  /**
   * Changes the base documents in place.
   * @throws Error where a path leads through what is no object; the policy then answers with a failure until it is
   *   loaded again, unless `intact` says that nothing was changed
   */
  patch(patches: readonly Patch[]): void;
  /** Bytes of linear memory. */
  memoryBytes(): number;
}

/**
 * Loads a policy.
 * @throws Error where the module can't be loaded, or needs a built-in that isn't here (names it).
 */
export function loadPolicy(parts: PolicyParts): Policy {
  const { wasm, budget, maxPages, builtins: resolve, nowNs = clock, compile = compileModule } = parts;
  let decisions = 0;
  const common = {
    budget,
    newScope: () => newScope(nowNs, ++decisions),
    ...(resolve === undefined ? {} : { resolve }),
  };
  const { loaded = loadMemory({ module: compile(wasm), data: parts.data, maxPages }) } = parts;
  const runner = createRunner({ ...common, loaded, strict: false });
  /** Another instance, in which the host serves all that can fail: made when it is first asked for. */
  let strict: Runner | undefined;
  const strictRunner = (): Runner => {
    if (strict !== undefined) return strict;
    const data = stringifyJson(runner.read([]) ?? null);
    const own = loadMemory({ module: compileStrict(wasm), data, maxPages });
    return (strict = createRunner({ ...common, loaded: own, strict: true }));
  };

  return {
    entrypoints: runner.entrypoints,
    evaluate(entrypoint, input, options) {
      const text = textOf(input);
      if (options?.strictBuiltinErrors !== true) return runner.run(entrypoint, text);
      try {
        return strictRunner().run(entrypoint, text);
      } catch (error) {
        return failed(error, false);
      }
    },
    read: runner.read,
    kind: runner.kind,
    patch(patches) {
      runner.patch(patches);
      strict?.patch(patches);
    },
    memoryBytes: () => runner.memoryBytes() + (strict?.memoryBytes() ?? 0),
  };
}

function textOf(input: Json | InputTerm | Scanned | undefined): string | Uint8Array | undefined {
  if (input === undefined) return undefined;
  if (input instanceof Scanned) return input.text();
  return input instanceof InputTerm ? input.text : stringifyJson(input);
}

function newScope(nowNs: () => bigint, decision: number): Scope {
  let seed: Uint8Array | undefined;
  return { nowNs: nowNs(), seed: () => (seed ??= randomBytes(32)), kept: new Map(), decision };
}

/** The clock that caches read, too: the one of performance.now() goes on when the system's is set. */
function clock(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
