/**
 * Turns what happened into a line of the decision log: OPA's event fields, and ours (docs/decision-log.md).
 *
 * INVARIANT: content never gets in. What a caller or a policy can fill freely (arguments, parameters, obligation
 * properties, results) is recorded as type, size and digest; tokens and claims are not recorded at all.
 */
import { isObject, stringifyJson } from "../contract.js";
import type { Call, CallContext, Decision, ErrorCode, Identity, Json, JsonObject } from "../contract.js";
import { cleanPath, cut, factOf, factsOf, idOf, promptFacts } from "./fact.js";
import type { Digest } from "./fact.js";
import { contentFacts } from "./content-facts.js";
import type { Door, StepMicros } from "./metrics.js";
import { obligationFacts } from "./filter-facts.js";
import { outcomeFields } from "./outcome.js";
import type { OutcomeRecord } from "./outcome.js";
import { retrievalCall } from "./retrieval-call.js";
import { toolFacts } from "./tool-facts.js";

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
  /** The assertion that the upstream is to get: its `jti`, for whom, and by which key; never the assertion. */
  readonly asserted?: { readonly id: string; readonly audience: string; readonly kid: string };
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

type Fields = Record<string, unknown>;

/** Makes the function that writes a record as one JSON text without a line break. Never throws. */
export function createEventWriter(parts: EventParts): (record: LogRecord) => string {
  const labels = JSON.stringify(parts.labels);
  return (record) => {
    let text: string;
    try {
      text = textOf(parts, record);
    } catch {
      // hostile depth or a bug: what identifies the decision is kept
      const { id, allow } = essence(record);
      text = JSON.stringify({
        type: record.type === "data" ? "decision" : record.type,
        decision_id: id,
        timestamp: new Date(record.at).toISOString(),
        ...(allow === undefined ? {} : { result: { allow } }),
        error: "internal_error",
        incomplete: true,
      });
    }
    return `{"labels":${labels},${text.slice(1)}`;
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

function textOf(parts: EventParts, record: LogRecord): string {
  switch (record.type) {
    case "decision":
      return decisionText(parts, record);
    case "data":
      return stringifyJson(dataFields(parts, record) as JsonObject);
    case "outcome":
      return JSON.stringify(outcomeFields(record));
  }
}

function decisionText({ digest }: EventParts, record: DecisionRecord): string {
  const { decision, identity, call, context } = record;
  const plain = (text: string): string => idOf(digest, text);
  const decided: Fields = {
    type: "decision",
    decision_id: decision.decision_id,
    bundles: decision.bundles,
    path: record.entrypoint,
    input: maskedInput(digest, call, context),
    result: { allow: decision.allow, labels: decision.labels.map(plain), ttl: decision.ttl },
    requested_by: record.requestedBy,
    timestamp: new Date(record.at).toISOString(),
    metrics: timers(record.micros),
    req_id: context === undefined ? undefined : cut(context.request.id, 128),
    door: record.door,
  };
  const about: Fields = {
    asserted: record.asserted && {
      id: record.asserted.id,
      audience: cut(record.asserted.audience, 256),
      kid: record.asserted.kid,
    },
    call: call === undefined ? undefined : callFacts(call, context),
    tool: call === undefined ? undefined : toolFacts(call),
    retrieval: call === undefined ? undefined : retrievalCall(call),
    prompt: context?.prompt === undefined ? undefined : promptFacts(digest, context.prompt),
    content: context?.content === undefined ? undefined : contentFacts(context.content),
    source_ip: context?.source === undefined ? undefined : cut(context.source.ip, 64),
    network: record.network,
    task: context?.task === undefined ? undefined : { id: cut(context.task.id, 128) },
    rules: decision.rules.map(plain),
    // messages are left out: a policy may have written input into them; the rule's METADATA has the text
    reasons: decision.reasons.map(({ code, rule }) => ({
      code: plain(code),
      rule: rule === undefined ? undefined : plain(rule),
    })),
    cache: decision.cache,
    obligations: decision.obligations.map((one) => ({
      id: plain(one.id),
      type: plain(one.type),
      properties: obligationFacts(digest, one),
    })),
    expires_at: decision.expires_at,
    error: record.error,
  };
  const who = identity === undefined ? members({ subject: subjectOf(decision) }) : identityMembers(identity);
  // facts hold no lossless numbers, so that the native writer may be used (a third of the time)
  return `{${members(decided)}${who === "" ? "" : ","}${who},${members(about)}}`;
}

function members(fields: Fields): string {
  return JSON.stringify(fields).slice(1, -1);
}

/** A known token brings the same identity again. */
const identities = new WeakMap<Identity, string>();

function identityMembers(identity: Identity): string {
  const known = identities.get(identity);
  if (known !== undefined) return known;
  const { type, id, tenant, issuer, method, assurance, device } = identity;
  const text = members({
    subject: { type, id, tenant, issuer, method, assurance },
    chain: identity.chain.map((hop) => ({ type: hop.type, id: hop.id, issuer: hop.issuer })),
    credentials: identity.credentials.map((one) => ({
      method: one.method,
      id: cut(one.id, 256),
      issuer: one.issuer,
    })),
    workload: identity.workload,
    device: device && { id: device.id, managed: device.managed, compliant: device.compliant },
  });
  identities.set(identity, text);
  return text;
}

function dataFields({ digest, input: mode }: EventParts, record: DataRecord): Fields {
  return {
    type: "decision",
    decision_id: record.decisionId,
    bundles: record.bundles,
    path: cut(record.path, 512),
    input: record.input === undefined ? undefined : factOf(digest, record.input, mode),
    result: record.result === undefined ? undefined : resultOf(digest, record.result, mode),
    requested_by: record.requestedBy,
    timestamp: new Date(record.at).toISOString(),
    metrics: timers(record.micros),
    req_id: record.requestId === undefined ? undefined : cut(record.requestId, 128),
    door: "opa",
    rules: record.rules,
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

function maskedInput(digest: Digest, call: Call | undefined, context: CallContext | undefined): unknown {
  if (call === undefined && context === undefined) return undefined;
  return {
    action: call && { name: call.action.name, properties: factsOf(digest, call.action.properties) },
    resource: call && { properties: factsOf(digest, call.resource.properties) },
    request: context && { method: cut(context.request.method, 16), path: cleanPath(context.request.path) },
  };
}

function subjectOf({ subject }: Decision): unknown {
  return subject && { type: subject.type, id: subject.id, tenant: subject.tenant };
}

function callFacts({ kind, action, resource }: Call, context: CallContext | undefined): unknown {
  const named = (name: string): string | undefined => {
    const value = resource.properties[name];
    return typeof value === "string" ? cut(value, 128) : undefined;
  };
  const { phase } = action.properties;
  return {
    kind,
    action: action.name,
    phase: phase === "request" || phase === "response" ? phase : undefined,
    resource: {
      type: cut(resource.type, 128),
      id: cut(resource.id, 256),
      provider: named("provider"),
      region: named("region"),
      environment: context?.environment === undefined ? named("environment") : cut(context.environment, 128),
    },
  };
}

/** Our steps, under OPA's names where OPA has one (`timer_rego_query_eval_ns`, `timer_server_handler_ns`). */
function timers({ identify, describe, cache, evaluate, record, total }: StepMicros): unknown {
  return {
    timer_countersign_identify_ns: nanos(identify),
    timer_countersign_describe_ns: nanos(describe),
    timer_countersign_cache_ns: nanos(cache),
    timer_rego_query_eval_ns: nanos(evaluate),
    timer_countersign_record_ns: nanos(record),
    timer_server_handler_ns: nanos(total),
  };
}

function nanos(micros: number | undefined): number | undefined {
  return micros === undefined || !Number.isFinite(micros) ? undefined : Math.round(micros * 1000);
}
