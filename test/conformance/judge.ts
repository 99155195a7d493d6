/** Evaluates a compiled case in the engine and compares what it gives with what OPA's case wants. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../sidecar/contract.js";
import type { Answer } from "../../sidecar/decide/answer.js";
import type { ResolveBuiltin } from "../../sidecar/decide/builtins/host.js";
import { toJson } from "../../sidecar/decide/engine/read-value.js";
import type { RegoSet, RegoValue } from "../../sidecar/decide/engine/value.js";
import { compareValues, objectOf, setOf } from "../../sidecar/decide/engine/value.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { InputTerm, loadPolicy } from "../../sidecar/decide/policy.js";
import type { Built } from "./build.js";
import { entrypoint } from "./build.js";
import type { Case } from "./case.js";

/** What is to be told of a case. */
export interface Finding {
  readonly cause:
    | "build refused"
    | "not loaded"
    | "failed"
    | "no error"
    | "wrong error"
    /** No failure: an error of the right code, in other words than OPA's evaluator uses. */
    | "other words"
    | "wrong result";
  readonly reason: string;
}

/** As shipped: `decision.budget`, and 256 MiB. */
const limits = { budget: 1_000_000, maxPages: 4_096 };

/** Tells why a case fails, if it does. */
export async function judge(one: Case, built: Built, builtins: ResolveBuiltin): Promise<Finding | undefined> {
  if (built.kind === "rejected") {
    const [first] = built.errors;
    if (first !== undefined && first.code === one.wantErrorCode) return undefined;
    return { cause: "build refused", reason: `${first?.code}: ${first?.message}` };
  }
  let policy: Policy;
  try {
    policy = loadPolicy({ wasm: built.wasm, data: stringifyJson(one.data), builtins, ...limits });
  } catch (error) {
    return { cause: "not loaded", reason: String((error as Error).message) };
  }
  const input = one.inputText === undefined ? one.input : new InputTerm(one.inputText);
  const answer = policy.evaluate(entrypoint, input, { strictBuiltinErrors: one.strictError });
  return compare(one, answer.kind === "pending" ? await answer.settled : answer);
}

function compare(one: Case, answer: Answer): Finding | undefined {
  if (one.wantErrorCode !== undefined || one.wantError !== undefined) return compareError(one, answer);
  if (answer.kind === "failed") return { cause: "failed", reason: faultText(answer) };
  if (answer.kind === "undefined") return { cause: "failed", reason: "the entrypoint is undefined" };
  const wanted = setOf((one.wantResult ?? []).map(valueOf));
  const got = setOf((answer.value as JsonObject[]).map((binding) => valueOf(sorted(one, binding))));
  if (compareValues(wanted, got) === 0) return undefined;
  return { cause: "wrong result", reason: `want ${show(wanted)}, got ${show(got)}` };
}

function compareError(one: Case, answer: Answer): Finding | undefined {
  const wanted = [one.wantErrorCode, one.wantError].filter((text) => text !== undefined).join(": ");
  if (answer.kind !== "failed") {
    const got = answer.kind === "value" ? stringifyJson(answer.value) : "undefined";
    return { cause: "no error", reason: `want ${wanted}, got ${cut(got)}` };
  }
  const code = answer.fault?.code;
  const text = faultText(answer);
  if (one.wantErrorCode !== undefined && code !== one.wantErrorCode) {
    return { cause: "wrong error", reason: `want ${wanted}, got ${text}` };
  }
  if (one.wantError !== undefined && !text.includes(one.wantError)) {
    return {
      cause: code === undefined ? "wrong error" : "other words",
      reason: `want ${wanted}, got ${text}`,
    };
  }
  return undefined;
}

/** The error as OPA prints it, as far as it is known. */
function faultText(answer: Answer & { kind: "failed" }): string {
  if (answer.fault === undefined) return `${answer.code} (${answer.detail})`;
  const { code, message, file, row, col } = answer.fault;
  return `${file === undefined ? "" : `${file}:${row}:${col}: `}${code}: ${message}`;
}

function sorted(one: Case, binding: JsonObject): JsonObject {
  if (!one.sortBindings) return binding;
  const entries = Object.entries(binding).map(([name, value]): [string, Json] => [
    name,
    Array.isArray(value) ? [...value].sort((a, b) => compareValues(valueOf(a), valueOf(b))) : value,
  ]);
  return Object.fromEntries(entries);
}

function valueOf(json: Json): RegoValue {
  if (Array.isArray(json)) return json.map(valueOf);
  return isObject(json) ? objectOf(Object.entries(json).map(([key, value]) => [key, valueOf(value)])) : json;
}

function show(results: RegoSet): string {
  return cut(stringifyJson(toJson(results)));
}

function cut(text: string): string {
  return text.length <= 240 ? text : `${text.slice(0, 240)}…`;
}
