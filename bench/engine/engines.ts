/** Countersign's engine and opa-wasm's as contestants; both are given parsed inputs. */
import { createRequire } from "node:module";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { plainBuiltins } from "./builtins.js";
import type { Contestant } from "./rounds.js";
import { cpuMicros } from "./rounds.js";
import { variants } from "./variants.js";

export interface Evaluator extends Contestant {
  /** The answer to an input, as JSON text with sorted keys; undefined for none. */
  answer(input: string): string | undefined;
}

export interface EvaluatorParts {
  readonly name: string;
  readonly wasm: Uint8Array;
  readonly data: string;
  readonly entrypoint: string;
  readonly inputs: readonly string[];
  readonly variant?: keyof typeof variants;
}

/** More than any of these evaluations takes. */
const budget = 1e12;
/** 4 GiB. */
const maxPages = 65_536;

/** Loads a policy as Countersign does; another budget than the largest for what must fail. */
export function loadCountersign(
  { wasm, data, variant = "full" }: Pick<EvaluatorParts, "wasm" | "data" | "variant">,
  units = budget,
): Policy {
  return loadPolicy({
    wasm,
    data,
    budget: units,
    maxPages,
    builtins: serveBuiltins(),
    compile: variants[variant],
  });
}

/** Countersign's engine: `policy.evaluate`. */
export function countersign(parts: EvaluatorParts, policy = loadCountersign(parts)): Evaluator {
  const { name, entrypoint } = parts;
  const inputs = parts.inputs.map((text) => parseJson(text));
  const evaluate = (input: Json | undefined): Json | undefined => {
    const answer = policy.evaluate(entrypoint, input);
    if (answer.kind === "value") return answer.value;
    if (answer.kind === "undefined") return undefined;
    throw new Error(`${name}: ${JSON.stringify(answer)}`);
  };
  return {
    name,
    run: (times) => timed(times, inputs, evaluate),
    answer(input) {
      const value = evaluate(parseJson(input));
      return value === undefined ? undefined : sortedText(JSON.parse(stringifyJson(value)));
    },
  };
}

interface StockPolicy {
  evaluate(input: unknown, entrypoint: string): { result?: unknown }[];
  setData(data: unknown): void;
  readonly mem: WebAssembly.Memory;
}
interface Stock {
  loadPolicySync(wasm: Uint8Array, memory: object, builtins: object): StockPolicy;
}
const require = createRequire(import.meta.url);

/** Loads a policy as opa-wasm's documentation does. @param initial pages; opa-wasm's own default is 5 */
export function loadStock({ wasm, data }: Pick<EvaluatorParts, "wasm" | "data">, initial = 5): StockPolicy {
  const { loadPolicySync } = require("@open-policy-agent/opa-wasm") as Stock;
  const policy = loadPolicySync(wasm, { initial }, plainBuiltins);
  policy.setData(JSON.parse(data));
  return policy;
}

/** Pages that hold data of so many bytes without growing: growing makes opa-wasm's loading quadratic. */
export function pagesFor(data: string): number {
  return 64 + Math.ceil((Buffer.byteLength(data) * 14) / 65_536);
}

/** opa-wasm as it comes. */
export function stock(parts: EvaluatorParts, policy = loadStock(parts, pagesFor(parts.data))): Evaluator {
  const { name, entrypoint } = parts;
  const inputs = parts.inputs.map((text) => JSON.parse(text) as unknown);
  const evaluate = (input: unknown): unknown => policy.evaluate(input, entrypoint)[0]?.result;
  return {
    name,
    run: (times) => timed(times, inputs, evaluate),
    answer: (input) => sortedText(evaluate(JSON.parse(input))),
  };
}

function timed<T>(times: number, inputs: readonly T[], evaluate: (input: T) => unknown): number {
  const start = cpuMicros();
  for (let i = 0; i < times; i++) evaluate(inputs[i % inputs.length] as T);
  return cpuMicros() - start;
}

/** Writes JSON with sorted keys; arrays keep their order. */
export function sortedText(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
