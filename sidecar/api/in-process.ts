import { isAscii } from "node:buffer";
import type { ActiveEntrypoint, BundleSet } from "../bundles/active.js";
import type { CacheLevel, ErrorCode, Handle, Json, Scan } from "../contract.js";
import {
  createScanner,
  errorTable,
  handleOf,
  isObject,
  JsonRefused,
  parseJson,
  Scanned,
  stringifyJson,
} from "../contract.js";
import type { Asker } from "../decide/asker.js";
import type { CacheLookups, Evaluate, Evaluated, EvaluateMicros } from "../decide/evaluate.js";
import type { DataDecided } from "./data.js";
import { gather } from "./data.js";
import { planFor, select } from "./document.js";

/** What a path came to. */
export type Answer = {
  readonly decisionId: string;
  /** True where the result is `true`, or an object whose `allow` is; a failure never allows. */
  readonly allow: boolean;
} & (
  | {
      readonly kind: "decided";
      /** Absent where the path is undefined. It may answer others, too: it is frozen where it was kept. */
      readonly result?: Json;
      /** Ids of the annotated rules that held. */
      readonly rules: readonly string[];
      readonly cache: CacheLevel;
    }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string }
);

/** For whom is asked: results are shared only among who has the same. */
export type AskOptions = Partial<Pick<Asker, "tenant" | "subject" | "task">>;

export interface InProcess {
  /** Asks for a path, `a/b/c`; the input is what `JSON.parse` gives, and must not change meanwhile. */
  decide(path: string, input?: unknown, options?: AskOptions): Answer | Promise<Answer>;
  /** The same, of JSON text, from which no more is built than is read. */
  decideBytes(path: string, input: Uint8Array, options?: AskOptions): Answer | Promise<Answer>;
}

export interface InProcessParts {
  readonly bundles: () => BundleSet;
  readonly evaluate: Evaluate;
  /** `decision.strict_builtin_errors` */
  readonly strict: boolean;
  readonly recordAt: (path: string) => (decided: DataDecided) => void | Promise<void>;
  /** The epoch of who is known by these handles. */
  readonly epoch?: (handles: readonly Handle[]) => number;
  /** Whether records are written after the answer is given, when what they are of may be another. */
  readonly recordsLater?: boolean;
  readonly newId: () => string;
  readonly micros: () => number;
}

/** What one path comes to. */
interface Plan {
  readonly path: string;
  readonly segments: readonly string[];
  readonly record: (decided: DataDecided) => void | Promise<void>;
  /** The one question that it is; else more has to be put together. */
  readonly one: One | undefined;
}

interface One {
  readonly bundle: BundleSet["bundles"][number];
  readonly entrypoint: string;
  readonly rest: readonly string[];
  readonly bundles: DataDecided["bundles"];
  readonly scan: Scan;
  readonly reads: readonly (readonly string[])[];
}

const mostPlans = 1_024;
const anybody: Asker = Object.freeze({ tenant: "", epoch: 0 });
const noRules: readonly string[] = Object.freeze([]);

/**
 * Answers in the process that asks, as the data door does: the same cache, records and failures. Synchronous unless Redis, the
 * network or a strict decision log is waited for, or a path takes more than one entrypoint. Neither throws nor rejects.
 */
export function createInProcess(parts: InProcessParts): InProcess {
  const keeps = parts.recordsLater === true;
  const plans = new Map<string, Plan>();
  const scanners = new WeakMap<ActiveEntrypoint, Scan>();
  let set: BundleSet | undefined;

  const oneOf = (segments: readonly string[]): One | undefined => {
    if (set === undefined) return undefined;
    const { evaluations, base } = planFor(set, segments);
    const [only] = evaluations;
    if (only === undefined || evaluations.length > 1 || base.length > 0 || only.at.length > 0)
      return undefined;
    const { bundle, entrypoint, select: rest } = only;
    const active = bundle.entrypoints.get(entrypoint);
    if (active === undefined) return undefined;
    // what isn't kept needs no reading
    const reads = active.key === undefined ? [["\0"]] : active.facts.input;
    const scan = scanners.get(active) ?? createScanner(reads, { bare: true });
    scanners.set(active, scan);
    const bundles = Object.freeze({ [bundle.name]: Object.freeze({ revision: bundle.revision }) });
    return { bundle, entrypoint, rest, bundles, scan, reads };
  };
  const planOf = (text: string): Plan => {
    const current = parts.bundles();
    if (current !== set) {
      plans.clear();
      set = current;
    }
    let plan = plans.get(text);
    if (plan !== undefined) return plan;
    const segments = text.split("/").filter((segment) => segment !== "");
    const path = segments.join("/");
    plan = { path, segments, record: parts.recordAt(path), one: oneOf(segments) };
    if (plans.size >= mostPlans) plans.clear();
    plans.set(text, plan);
    return plan;
  };

  const askerOf = (options: AskOptions | undefined): Asker => {
    const epoch = parts.epoch?.(handlesOf(options)) ?? 0;
    return options === undefined && epoch === 0 ? anybody : { ...anybody, ...options, epoch };
  };

  const finish = (plan: Plan, asking: Asking, found: Came): Answer | Promise<Answer> => {
    const decisionId = parts.newId();
    const { cache, evaluate } = found.micros;
    const total = parts.micros() - asking.started;
    const { result, rules, failed } = found;
    const micros =
      evaluate === undefined
        ? { cache: cache ?? 0, total }
        : cache === undefined
          ? { evaluate, total }
          : { cache, evaluate, total };
    const allow =
      failed === undefined &&
      (result === true || (isObject(result) && Object.hasOwn(result, "allow") && result["allow"] === true));
    const answer: Answer =
      failed !== undefined
        ? { decisionId, allow, kind: "failed", code: failed, message: found.message ?? errorTable[failed][1] }
        : result === undefined
          ? { decisionId, allow, kind: "decided", rules, cache: found.cache }
          : { decisionId, allow, kind: "decided", result, rules, cache: found.cache };
    const unrecorded = (): Answer => ({
      ...{ decisionId, allow: false, kind: "failed", code: "record_failed" },
      message: errorTable.record_failed[1],
    });
    try {
      const recording = plan.record({
        door: "data",
        decisionId,
        path: plan.path,
        input: keeps ? keptInput(asking.input) : asking.input,
        result: keeps ? keptResult(result) : result,
        rules,
        cache: found.cache,
        bundles: found.bundles,
        requestedBy: "own",
        bytes: asking.bytes,
        lookups: found.lookups,
        error: failed,
        micros,
      });
      return recording instanceof Promise ? recording.then(() => answer, unrecorded) : answer;
    } catch {
      return unrecorded();
    }
  };
  const finishOne = (
    plan: Plan,
    one: One,
    asking: Asking,
    evaluated: Evaluated,
  ): Answer | Promise<Answer> => {
    const isFailed = evaluated.kind === "failed";
    return finish(plan, asking, {
      result: isFailed
        ? undefined
        : one.rest.length === 0
          ? evaluated.result
          : select(evaluated.result, one.rest),
      rules: isFailed ? noRules : evaluated.rules,
      cache: isFailed ? "none" : evaluated.cache,
      lookups: evaluated.lookups,
      micros: evaluated.micros,
      bundles: one.bundles,
      failed: isFailed ? evaluated.code : undefined,
      message: isFailed ? evaluated.fault?.message : undefined,
    });
  };
  const refuse = (plan: Plan, asking: Asking, code: ErrorCode): Answer | Promise<Answer> =>
    finish(
      plan,
      { ...asking, input: undefined },
      { result: undefined, rules: [], cache: "none", micros: {}, bundles: {}, failed: code },
    );

  const ask = (plan: Plan, asking: Asking, options: AskOptions | undefined): Answer | Promise<Answer> => {
    const asker = askerOf(options);
    const { one } = plan;
    try {
      if (one === undefined || asking.input === undefined) {
        const { segments } = plan;
        const value = asking.input instanceof Scanned ? asking.input.value() : asking.input;
        const wide = { ...parts, written: () => undefined, fileName: (file: string) => file };
        return gather(wide, { segments, options: new URLSearchParams(), input: value }, asker)
          .then((found) => finish(plan, asking, { ...found, message: found.fault?.message }))
          .catch(() => refuse(plan, asking, "internal_error"));
      }
      const evaluated = parts.evaluate(one.bundle, one.entrypoint, asking.input, asker);
      if (!(evaluated instanceof Promise)) return finishOne(plan, one, asking, evaluated);
      return evaluated
        .then((late) => finishOne(plan, one, asking, late))
        .catch(() => refuse(plan, asking, "internal_error"));
    } catch {
      // what isn't JSON after all: NaN, a cycle
      return refuse(plan, asking, "invalid_json");
    }
  };

  return {
    decide(path, input, options) {
      const started = parts.micros();
      const plan = planOf(path);
      let value = input as Json | undefined;
      try {
        // read as its own members alone, in the key as in the evaluation
        if (value !== undefined && !(plan.one !== undefined && areOwn(plan.one.reads, value))) {
          value = parseJson(stringifyJson(value));
        }
      } catch {
        return refuse(plan, { started, input: undefined, bytes: 0 }, "invalid_json");
      }
      return ask(plan, { started, input: value, bytes: 1_024 }, options);
    },
    decideBytes(path, input, options) {
      const started = parts.micros();
      const plan = planOf(path);
      const bytes = keeps
        ? Buffer.from(input)
        : Buffer.isBuffer(input)
          ? input
          : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
      let read: Json | Scanned | undefined = plan.one?.scan(bytes);
      try {
        read ??= parseJson(bytes);
      } catch (error) {
        const code = error instanceof JsonRefused ? error.code : "invalid_json";
        return refuse(plan, { started, input: undefined, bytes: bytes.length }, code);
      }
      return ask(plan, { started, input: read, bytes: bytes.length }, options);
    },
  };
}

/** What an evaluation came to, or several together. */
interface Came {
  readonly result: Json | undefined;
  readonly rules: readonly string[];
  readonly cache: CacheLevel;
  readonly lookups?: CacheLookups | undefined;
  readonly micros: EvaluateMicros;
  readonly bundles: DataDecided["bundles"];
  readonly failed?: ErrorCode | undefined;
  readonly message?: string | undefined;
}

interface Asking {
  readonly started: number;
  readonly input: Json | Scanned | undefined;
  readonly bytes: number;
}

/**
 * Tells whether all that lies at the paths is objects' own: an inherited member is read by its name, and isn't written. What is
 * frozen, but not all through, is read again, too: keys rely on it that what is frozen stays as it is.
 */
function areOwn(paths: readonly (readonly string[])[], input: Json): boolean {
  for (const path of paths) {
    let at: Json | undefined = input;
    for (const name of path) {
      if (typeof at !== "object" || at === null || Array.isArray(at)) break;
      if (at !== input && Object.isFrozen(at) && !isFrozenThrough(at)) return false;
      if (!Object.hasOwn(at, name)) {
        if (name in at) return false;
        break;
      }
      at = (at as Record<string, Json>)[name];
    }
  }
  return true;
}

/** What was found to be frozen all through: it stays so. */
const frozen = new WeakSet<object>();

function isFrozenThrough(value: unknown): boolean {
  if (typeof value !== "object" || value === null || frozen.has(value)) return true;
  if (!Object.isFrozen(value) || !Object.values(value).every(isFrozenThrough)) return false;
  frozen.add(value);
  return true;
}

const nobody: readonly Handle[] = Object.freeze([]);

/** Says what bumps reach who asks by: those of everything reach all. */
function handlesOf(options: AskOptions | undefined): readonly Handle[] {
  if (options === undefined) return nobody;
  const { tenant, subject, task } = options;
  const handles: Handle[] = [];
  if (tenant !== undefined) handles.push(handleOf("tenant", tenant));
  if (subject !== undefined) handles.push(handleOf("subject", subject));
  if (task !== undefined) handles.push(handleOf("task", task));
  return handles;
}

/** Puts an input in words while it is what was asked. */
function keptInput(input: Json | Scanned | undefined): Json | Scanned | undefined {
  if (typeof input !== "object" || input === null || input instanceof Scanned) return input;
  const bytes = Buffer.from(stringifyJson(input));
  return new Scanned(bytes, 0, bytes.length, null, isAscii(bytes), false);
}

/** Copies a result that its caller may change. */
function keptResult(result: Json | undefined): Json | undefined {
  if (typeof result !== "object" || result === null || isFrozenThrough(result)) return result;
  return parseJson(stringifyJson(result), { depth: 10_000 });
}
