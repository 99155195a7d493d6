/**
 * Turns what happened into a line of the decision log: OPA's event fields, and ours (docs/decision-log.md).
 *
 * INVARIANT: content never gets in. What a caller or a policy can fill freely (arguments, parameters, obligation
 * properties, results) is recorded as type, size and digest; tokens and claims are not recorded at all.
 */
import { isObject, stringifyJson } from "../contract.js";
import type { Call, CallContext, Decision, ErrorCode, Identity, Json, JsonObject } from "../contract.js";
import { cleanPath, cut, factOf, factsOf, promptFacts } from "./fact.js";
import type { Digest } from "./fact.js";
import type { Door, StepMicros } from "./metrics.js";
import { outcomeFields } from "./outcome.js";
import type { OutcomeRecord } from "./outcome.js";

/** A decision about a {@link Call}. Everything is kept by reference until the flush and must not change. */
export interface DecisionRecord {
  readonly type: "decision";
  /** Epoch milliseconds. */
  readonly at: number;
  readonly door: Door;
  readonly entrypoint: string;
  readonly decision: Decision;
  readonly identity?: Identity;
  readonly call?: Call;
  readonly context?: CallContext;
  /** Name of the network that the source address is in, as `describe` found it. */
  readonly network?: string;
  /** Address of the enforcement point, or "unix". */
  readonly requestedBy?: string;
  readonly micros: StepMicros;
  readonly error?: ErrorCode;
}

/** A query at OPA's data API. Bytes are JSON text, whose buffer must not be reused before the flush. */
export interface DataRecord {
  readonly type: "data";
  readonly at: number;
  readonly decisionId: string;
  /** Without `/v1/data/`; "" for the root. */
  readonly path: string;
  readonly bundles: Decision["bundles"];
  readonly input?: Json | Uint8Array;
  /** Left out where the path is undefined, as in OPA. */
  readonly result?: Json | Uint8Array;
  readonly rules?: readonly string[];
  readonly cache?: Decision["cache"];
  readonly requestedBy?: string;
  readonly requestId?: string;
  readonly micros: StepMicros;
  readonly error?: ErrorCode;
}

export type LogRecord = DecisionRecord | DataRecord | OutcomeRecord;

export interface EventParts {
  /** `id` and `version` of this sidecar, and the operator's own. */
  readonly labels: Readonly<Record<string, string>> & { readonly id: string; readonly version: string };
  readonly digest: Digest;
  /** `full` writes inputs and results of OPA's data API verbatim; calls are never written verbatim. */
  readonly input: "digest" | "full";
}

type Fields = Record<string, Json | undefined>;

/** Makes the function that writes a record as one JSON text without a line break. Never throws. */
export function createEventWriter(parts: EventParts): (record: LogRecord) => string {
  return (record) => {
    let fields: Fields;
    try {
      fields = fieldsOf(parts, record);
      return stringifyJson({ labels: parts.labels, ...fields } as JsonObject);
    } catch {
      // hostile depth or a bug: what identifies the decision is kept
      const { id, allow } = essence(record);
      return JSON.stringify({
        labels: parts.labels,
        type: record.type === "data" ? "decision" : record.type,
        decision_id: id,
        timestamp: new Date(record.at).toISOString(),
        ...(allow === undefined ? {} : { result: { allow } }),
        error: "internal_error",
        unrecorded: true,
      });
    }
  };
}

function essence(record: LogRecord): { id: string; allow?: boolean } {
  switch (record.type) {
    case "decision":
      return { id: record.decision.decision_id, allow: record.decision.allow };
    case "data":
      return { id: record.decisionId };
    case "outcome":
      return { id: record.outcome.decision_id };
  }
}

function fieldsOf(parts: EventParts, record: LogRecord): Fields {
  switch (record.type) {
    case "decision":
      return decisionFields(parts, record);
    case "data":
      return dataFields(parts, record);
    case "outcome":
      return outcomeFields(record);
  }
}

function decisionFields({ digest }: EventParts, record: DecisionRecord): Fields {
  const { decision, identity, call, context } = record;
  return {
    type: "decision",
    decision_id: decision.decision_id,
    bundles: decision.bundles as unknown as JsonObject,
    path: record.entrypoint,
    input: maskedInput(digest, call, context),
    result: { allow: decision.allow, labels: [...decision.labels], ttl: decision.ttl },
    requested_by: record.requestedBy,
    timestamp: new Date(record.at).toISOString(),
    metrics: timers(record.micros),
    req_id: context === undefined ? undefined : cut(context.request.id, 128),
    door: record.door,
    subject: subjectOf(decision, identity),
    chain: identity?.chain as unknown as Json[] | undefined,
    call: call === undefined ? undefined : callFacts(call, context),
    prompt: context?.prompt === undefined ? undefined : promptFacts(digest, context.prompt),
    source_ip: context?.source === undefined ? undefined : cut(context.source.ip, 64),
    network: record.network,
    device: identity?.device,
    task: context?.task === undefined ? undefined : { id: cut(context.task.id, 128) },
    rules: [...decision.rules],
    // messages are left out: a policy may have written input into them; the rule's METADATA has the text
    reasons: decision.reasons.map(({ code, rule }) => withoutUndefined({ code: cut(code, 128), rule })),
    cache: decision.cache,
    obligations: decision.obligations.map(({ id, type, properties }) => ({
      id: cut(id, 128),
      type: cut(type, 128),
      properties: factsOf(digest, properties),
    })),
    expires_at: decision.expires_at,
    error: record.error,
  };
}

function dataFields({ digest, input: mode }: EventParts, record: DataRecord): Fields {
  return {
    type: "decision",
    decision_id: record.decisionId,
    bundles: record.bundles as unknown as JsonObject,
    path: cut(record.path, 512),
    input: record.input === undefined ? undefined : factOf(digest, record.input, mode),
    result: record.result === undefined ? undefined : resultOf(digest, record.result, mode),
    requested_by: record.requestedBy,
    timestamp: new Date(record.at).toISOString(),
    metrics: timers(record.micros),
    req_id: record.requestId === undefined ? undefined : cut(record.requestId, 128),
    door: "opa",
    rules: record.rules === undefined ? undefined : [...record.rules],
    cache: record.cache,
    error: record.error,
  };
}

/** A boolean result is a decision and stays; of a document, its `allow` does. */
function resultOf(digest: Digest, result: Json | Uint8Array, mode: EventParts["input"]): Json {
  if (typeof result === "boolean" || result === null) return result;
  const fact = factOf(digest, result, mode);
  if (mode === "full" || result instanceof Uint8Array || !isObject(result) || !isObject(fact)) return fact;
  return typeof result["allow"] === "boolean" ? { ...fact, allow: result["allow"] } : fact;
}

function maskedInput(
  digest: Digest,
  call: Call | undefined,
  context: CallContext | undefined,
): Json | undefined {
  const input: Fields = {};
  if (call !== undefined) {
    input["action"] = { name: call.action.name, properties: factsOf(digest, call.action.properties) };
    input["resource"] = { properties: factsOf(digest, call.resource.properties) };
  }
  if (context !== undefined) {
    const { method, path } = context.request;
    input["request"] = { method: cut(method, 16), path: cleanPath(path) };
  }
  return Object.keys(input).length === 0 ? undefined : (input as JsonObject);
}

function subjectOf(decision: Decision, identity: Identity | undefined): Json | undefined {
  if (identity === undefined) return decision.subject === undefined ? undefined : { ...decision.subject };
  const { type, id, tenant, issuer, method, assurance } = identity;
  return { type, id, tenant, issuer, method, assurance };
}

function callFacts(call: Call, context: CallContext | undefined): JsonObject {
  const { type, id, properties } = call.resource;
  const named = (name: string): string | undefined => {
    const value = properties[name];
    return typeof value === "string" ? cut(value, 128) : undefined;
  };
  return {
    kind: call.kind,
    action: call.action.name,
    resource: withoutUndefined({
      type: cut(type, 128),
      id: cut(id, 256),
      provider: named("provider"),
      region: named("region"),
      environment: context?.environment === undefined ? named("environment") : cut(context.environment, 128),
    }),
  };
}

/** Our steps under OPA's names where OPA has one (`timer_rego_query_eval_ns`, `timer_server_handler_ns`). */
function timers({ identify, describe, cache, evaluate, record, total }: StepMicros): JsonObject {
  const ns = (micros: number | undefined): number | undefined =>
    micros === undefined || !Number.isFinite(micros) ? undefined : Math.round(micros * 1000);
  return withoutUndefined({
    timer_countersign_identify_ns: ns(identify),
    timer_countersign_describe_ns: ns(describe),
    timer_countersign_cache_ns: ns(cache),
    timer_rego_query_eval_ns: ns(evaluate),
    timer_countersign_record_ns: ns(record),
    timer_server_handler_ns: ns(total),
  });
}

/** Passes on an object whose undefined members `stringifyJson` leaves out. */
function withoutUndefined(fields: Fields): JsonObject {
  return fields as JsonObject;
}
