/**
 * Hides the engine: one compiled policy with its data, evaluated on `@open-policy-agent/opa-wasm`.
 *
 * What opa-wasm would let fail open is closed here: input always arrives as the bytes of one well-formed
 * JSON document (so that falsy input isn't dropped and malformed input can't give `[]`), every evaluation
 * has fuel and a memory maximum, and after any trap or exception the instance is replaced.
 */
import * as opaWasm from "@open-policy-agent/opa-wasm";
import type { Json } from "../contract.js";
import { stringifyJson } from "../contract.js";
import { addFuel, fuelExport } from "./fuel.js";

export interface PolicyParts {
  readonly wasm: Uint8Array;
  /** Base documents as JSON text. */
  readonly data: string;
  /** Fuel units per evaluation: one for each loop turn and function call (`decision.budget`). */
  readonly budget: number;
  /** Upper bound of the linear memory in 64 KiB pages. */
  readonly maxPages: number;
}

export type Evaluation =
  /** `rules`: indexes of the annotated rules that held, in order, without repeats. */
  | { readonly kind: "value"; readonly value: unknown; readonly rules: readonly number[] }
  | { readonly kind: "undefined"; readonly rules: readonly number[] }
  | {
      readonly kind: "failed";
      readonly code: "evaluation_error" | "evaluation_budget_exceeded";
      readonly detail: string;
    };

export interface Policy {
  readonly entrypoints: readonly string[];
  /** Evaluates an entrypoint (`a/b/c`) on an input; `undefined` is an absent input. Never throws. */
  evaluate(entrypoint: string, input: Json | undefined): Evaluation;
}

/** The built-ins that opa-wasm brings itself, beyond those compiled into the module. */
const hostBuiltins = new Set([
  "sprintf",
  "json.is_valid",
  "regex.split",
  "yaml.is_valid",
  "yaml.marshal",
  "yaml.unmarshal",
]);
/** Appended by the toolchain to each annotated rule body. */
const ruleHeld = "countersign.rule_held";

const encoder = new TextEncoder();
/** Fuel for loading: data of the largest size that memory can hold parses within it. */
const loadFuel = 1n << 50n;
const pageBytes = 65_536;

interface Loaded {
  readonly wasmInstance: WebAssembly.Instance;
  readonly entrypoints: Record<string, number>;
  evaluate(input: ArrayBuffer | undefined, entrypoint: number): unknown;
  setData(data: ArrayBuffer): void;
}
/** The package's types leave out its default export and the shape of a loaded policy. */
interface OpaWasm {
  loadPolicySync(
    module: WebAssembly.Module,
    memory: WebAssembly.MemoryDescriptor,
    builtins: Record<string, (...args: never[]) => unknown>,
  ): Loaded;
}

const opa = (opaWasm as unknown as { default: OpaWasm }).default;

/**
 * Loads a policy.
 * @throws Error where the module can't be loaded, or needs a built-in that isn't here (names it).
 */
export function loadPolicy(parts: PolicyParts): Policy {
  const module = new WebAssembly.Module(addFuel(parts.wasm));
  refuseOtherModules(module);
  const data = bytes(parts.data);
  const budget = BigInt(parts.budget);
  // sized for the data beforehand: growing page by page makes loading quadratic
  const initial = Math.min(parts.maxPages, 64 + Math.ceil((data.byteLength * 12) / pageBytes));
  let held: number[] = [];
  const builtins = {
    [ruleHeld]: (index: number): boolean => {
      if (!held.includes(index)) held.push(index);
      return true;
    },
  };

  const load = (): { policy: Loaded; fuel: WebAssembly.Global } => {
    const policy = opa.loadPolicySync(module, { initial, maximum: parts.maxPages }, builtins);
    const fuel = policy.wasmInstance.exports[fuelExport] as WebAssembly.Global;
    fuel.value = loadFuel;
    policy.setData(data);
    return { policy, fuel };
  };

  let current: ReturnType<typeof load> | undefined = load();
  refuseMissingBuiltins(current.policy);
  const { entrypoints } = current.policy;
  const ids = new Map(Object.entries(entrypoints));

  return {
    entrypoints: [...ids.keys()],
    evaluate(entrypoint, input) {
      const id = ids.get(entrypoint);
      if (id === undefined) return { kind: "undefined", rules: [] };
      held = [];
      let fuel: WebAssembly.Global | undefined;
      try {
        const instance = (current ??= load());
        fuel = instance.fuel;
        fuel.value = budget;
        const raw = input === undefined ? undefined : bytes(stringifyJson(input));
        const results = instance.policy.evaluate(raw, id);
        // INVARIANT: a result set is an array of at most one {result}; anything else is a failure, never an answer
        if (!Array.isArray(results)) return failed(fuel, "the result set is not an array");
        if (results.length === 0) return { kind: "undefined", rules: held };
        const [first] = results as { result?: unknown }[];
        if (results.length !== 1 || first === undefined || first.result === undefined) {
          return failed(fuel, "the result set has an unknown shape");
        }
        return { kind: "value", value: first.result, rules: held };
      } catch (error) {
        current = undefined;
        return failed(fuel, describeFault(error));
      }
    },
  };
}

/** opa-wasm takes a module that tells no ABI, and writes that to the console. */
function refuseOtherModules(module: WebAssembly.Module): void {
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  for (const name of ["opa_wasm_abi_version", "opa_wasm_abi_minor_version", "opa_eval", "builtins"]) {
    if (!exported.has(name)) throw new Error(`the module is no policy that OPA compiled: ${name} is missing`);
  }
}

function refuseMissingBuiltins(policy: Loaded): void {
  const missing = requiredBuiltins(policy).filter((name) => name !== ruleHeld && !hostBuiltins.has(name));
  if (missing.length > 0)
    throw new Error(`the policy needs built-ins that are not available: ${missing.join(", ")}`);
}

/** Reads the names of the built-ins that the module imports from its host (OPA docs/wasm.md, `builtins`). */
function requiredBuiltins(policy: Loaded): string[] {
  const { builtins, opa_json_dump } = policy.wasmInstance.exports as {
    builtins: () => number;
    opa_json_dump: (address: number) => number;
  };
  const memory = (policy as unknown as { mem: WebAssembly.Memory }).mem;
  const start = opa_json_dump(builtins());
  const view = new Uint8Array(memory.buffer);
  const text = new TextDecoder().decode(view.subarray(start, view.indexOf(0, start)));
  return Object.keys(JSON.parse(text) as Record<string, number>);
}

function failed(fuel: WebAssembly.Global | undefined, detail: string): Evaluation {
  const spent = fuel !== undefined && BigInt(fuel.value) < 0n;
  return { kind: "failed", code: spent ? "evaluation_budget_exceeded" : "evaluation_error", detail };
}

/** Names a fault without its content: what a built-in throws may quote the input. */
function describeFault(error: unknown): string {
  if (typeof error === "object" && error !== null && "name" in error) return String(error.name);
  return typeof error === "string" ? "opa_abort" : "unknown fault";
}

function bytes(text: string): ArrayBuffer {
  const encoded = encoder.encode(text);
  return encoded.buffer.slice(encoded.byteOffset, encoded.byteOffset + encoded.byteLength) as ArrayBuffer;
}
