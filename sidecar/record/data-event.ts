/** Writes the event of a query at OPA's data API, as {@link createEventWriter} does, by putting texts together. */
import type { Decision, ErrorCode, Json } from "../contract.js";
import { isObject, isoTime, Scanned, stringifyJson } from "../contract.js";
import type { Digest } from "./fact.js";
import { cut, factOf } from "./fact.js";
import type { StepMicros } from "./metrics.js";

/** A query at OPA's data API. Bytes are JSON text, whose buffer must not be reused before the flush. */
export interface DataRecord {
  readonly type: "data";
  readonly at: number;
  readonly decisionId: string;
  /** Without `/v1/data/`; "" for the root. */
  readonly path: string;
  readonly bundles: Decision["bundles"];
  readonly input?: Json | Uint8Array | Scanned | undefined;
  /** Left out where the path is undefined, as in OPA. */
  readonly result?: Json | Uint8Array | undefined;
  readonly rules?: readonly string[] | undefined;
  readonly cache?: Decision["cache"] | undefined;
  readonly requestedBy?: string | undefined;
  readonly requestId?: string | undefined;
  readonly micros: StepMicros;
  readonly error?: ErrorCode | undefined;
}

type Mode = "digest" | "full";

/** Makes the function that writes a record's fields, from behind the opening brace on; what is frozen is put in words once. */
export function createDataText(digest: Digest, mode: Mode): (record: DataRecord) => string {
  const factsOf = (result: Json | Uint8Array): string => stringifyJson(resultOf(digest, result, mode));
  // whole results would take too much memory
  const results = mode === "full" ? factsOf : remembering(factsOf);
  const texts = remembering<Json>(stringifyJson);
  let lastPath = "";
  let lastPathText = '""';
  const pathText = (path: string): string => {
    if (path !== lastPath) [lastPath, lastPathText] = [path, stringifyJson(cut(path, 512))];
    return lastPathText;
  };
  const inputText = (input: Json | Uint8Array | Scanned): string => {
    if (!(input instanceof Scanned)) return stringifyJson(factOf(digest, input, mode));
    // the digest is of the value's text, however it came
    if (mode === "full" || !input.isPlain) return stringifyJson(factOf(digest, input.value(), mode));
    const bytes = input.bytes();
    const type = bytes[0] === 0x7b ? "object" : bytes[0] === 0x5b ? "array" : undefined;
    if (type === undefined) return stringifyJson(factOf(digest, input.value()));
    return `{"type":"${type}","bytes":${bytes.length},"${digest.name}":"${digest.of(bytes)}"}`;
  };
  return (record) => {
    const { input, result, requestedBy, requestId, rules, cache, error } = record;
    let out = `"type":"decision","decision_id":${stringifyJson(record.decisionId)},"bundles":${texts(record.bundles)},"path":${pathText(record.path)}`;
    if (input !== undefined) out += `,"input":${inputText(input)}`;
    if (result !== undefined) out += `,"result":${results(result)}`;
    if (requestedBy !== undefined) out += `,"requested_by":${stringifyJson(requestedBy)}`;
    out += `,"timestamp":"${isoTime(record.at)}","metrics":${timersText(record.micros)}`;
    if (requestId !== undefined) out += `,"req_id":${stringifyJson(cut(requestId, 128))}`;
    out += ',"door":"opa"';
    if (rules !== undefined) out += `,"rules":${texts(rules as string[])}`;
    if (cache !== undefined) out += `,"cache":"${cache}"`;
    if (error !== undefined) out += `,"error":"${error}"`;
    return `${out}}`;
  };
}

/** Remembers what was made of objects that stay as they are. INVARIANT: who freezes one has frozen all that is in it. */
export function remembering<T>(make: (value: T) => string): (value: T) => string {
  const known = new WeakMap<object, string>();
  return (value) => {
    if (typeof value !== "object" || value === null || !Object.isFrozen(value)) return make(value);
    let text = known.get(value);
    if (text === undefined) known.set(value, (text = make(value)));
    return text;
  };
}

/** A boolean result is a decision and stays; of a document, its `allow` does. */
function resultOf(digest: Digest, result: Json | Uint8Array, mode: Mode): Json {
  if (typeof result === "boolean" || result === null) return result;
  const fact = factOf(digest, result, mode);
  if (mode === "full" || result instanceof Uint8Array || !isObject(result) || !isObject(fact)) return fact;
  return typeof result["allow"] === "boolean" ? { ...fact, allow: result["allow"] } : fact;
}

/** Our steps, under OPA's names where OPA has one (`timer_rego_query_eval_ns`, `timer_server_handler_ns`), in nanoseconds. */
const timerNames = [
  ["identify", "timer_countersign_identify_ns"],
  ["describe", "timer_countersign_describe_ns"],
  ["cache", "timer_countersign_cache_ns"],
  ["evaluate", "timer_rego_query_eval_ns"],
  ["state", "timer_countersign_state_ns"],
  ["record", "timer_countersign_record_ns"],
  ["total", "timer_server_handler_ns"],
] as const satisfies readonly (readonly [keyof StepMicros, string])[];

export function timersText(micros: StepMicros): string {
  let out = "";
  for (const [step, name] of timerNames) {
    const spent = micros[step];
    if (spent === undefined || !Number.isFinite(spent)) continue;
    out += `${out === "" ? "{" : ","}"${name}":${Math.round(spent * 1000)}`;
  }
  return out === "" ? "{}" : `${out}}`;
}
