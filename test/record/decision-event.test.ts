/** The texts of decisions in the log are what the native writer gives for the same fields. */
import { expect, test } from "@jest/globals";
import type { Call, CallContext, Decision, Identity, Json, JsonObject } from "../../sidecar/contract.js";
import { JsonNumber, parseJson } from "../../sidecar/contract.js";
import { mintIdentity } from "../../sidecar/identify/mint.js";
import { contentFacts } from "../../sidecar/record/content-facts.js";
import type { DecisionRecord } from "../../sidecar/record/decision-event.js";
import { createDecisionText } from "../../sidecar/record/decision-event.js";
import { cleanPath, createDigest, cut, factsOf, idOf, promptFacts } from "../../sidecar/record/fact.js";
import { obligationFacts } from "../../sidecar/record/filter-facts.js";
import { retrievalCall } from "../../sidecar/record/retrieval-call.js";
import { toolFacts } from "../../sidecar/record/tool-facts.js";

const digest = createDigest();

/** The fields of an event, one by one. */
function fieldsOf(record: DecisionRecord): unknown {
  const { decision, identity, call, context, micros } = record;
  const plain = (text: string): string => idOf(digest, text);
  const nanos = (spent: number | undefined): number | undefined =>
    spent === undefined || !Number.isFinite(spent) ? undefined : Math.round(spent * 1000);
  const named = (name: string): string | undefined => {
    const value = call?.resource.properties[name];
    return typeof value === "string" ? cut(value, 128) : undefined;
  };
  const phase = call?.action.properties["phase"];
  return {
    type: "decision",
    decision_id: decision.decision_id,
    bundles: decision.bundles,
    path: record.entrypoint,
    input: (call ?? context) && {
      action: call && { name: call.action.name, properties: factsOf(digest, call.action.properties) },
      resource: call && { properties: factsOf(digest, call.resource.properties) },
      request: context && {
        method: cut(context.request.method, 16),
        path: cleanPath(context.request.path),
      },
    },
    result: { allow: decision.allow, labels: decision.labels.map(plain), ttl: decision.ttl },
    requested_by: record.requestedBy,
    timestamp: new Date(record.at).toISOString(),
    metrics: {
      timer_countersign_identify_ns: nanos(micros.identify),
      timer_countersign_describe_ns: nanos(micros.describe),
      timer_countersign_cache_ns: nanos(micros.cache),
      timer_rego_query_eval_ns: nanos(micros.evaluate),
      timer_countersign_state_ns: nanos(micros.state),
      timer_countersign_record_ns: nanos(micros.record),
      timer_server_handler_ns: nanos(micros.total),
    },
    req_id: context && cut(context.request.id, 128),
    door: record.door,
    ...(identity === undefined
      ? { subject: decision.subject && pick(decision.subject, ["type", "id", "tenant"]) }
      : {
          subject: pick(identity, ["type", "id", "tenant", "issuer", "method", "assurance"]),
          chain: identity.chain.map((hop) => pick(hop, ["type", "id", "issuer"])),
          credentials: identity.credentials.map(({ method, id, issuer }) => ({
            ...{ method, id: cut(id, 256), issuer },
          })),
          workload: identity.workload,
          device: identity.device && pick(identity.device, ["id", "managed", "compliant"]),
        }),
    asserted: record.asserted && { ...record.asserted, audience: cut(record.asserted.audience, 256) },
    call: call && {
      kind: call.kind,
      action: call.action.name,
      phase: phase === "request" || phase === "response" ? phase : undefined,
      resource: {
        type: cut(call.resource.type, 128),
        id: cut(call.resource.id, 256),
        provider: named("provider"),
        region: named("region"),
        environment:
          context?.environment === undefined ? named("environment") : cut(context.environment, 128),
      },
    },
    tool: call && toolFacts(call),
    retrieval: call && retrievalCall(call),
    prompt: context?.prompt && promptFacts(digest, context.prompt),
    content: context?.content && contentFacts(context.content),
    source_ip: context?.source && cut(context.source.ip, 64),
    network: record.network,
    task: decision.task,
    rules: decision.rules.map(plain),
    reasons: decision.reasons.map(({ code, rule, led_here: led }) => ({
      code: plain(code),
      rule: rule === undefined ? undefined : plain(rule),
      led_here: led?.map(({ label, decision_id: id }) => ({ label: plain(label), decision_id: id })),
    })),
    limits: decision.limits?.map((one) => pick(one, ["name", "unit", "limit", "remaining"])),
    fence: record.fence,
    cache: decision.cache,
    obligations: decision.obligations.map((one) => ({
      ...{ id: plain(one.id), type: plain(one.type), properties: obligationFacts(digest, one) },
    })),
    expires_at: decision.expires_at,
    error: record.error,
  };
}

function pick(value: object, names: readonly string[]): unknown {
  return Object.fromEntries(names.map((name) => [name, (value as Record<string, unknown>)[name]]));
}

/** Numbers that come again, for cases that are many and the same each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const texts = [
  ...["", "plain", 'quo"te\\', "line\nbreak\u2028", "ümläut", "\ud800", "x".repeat(400), "__proto__"],
  ...["constructor", "a b", "…", "1", "tenant:acme"],
];

function makeRecord(pick: (below: number) => number): DecisionRecord {
  const text = (): string => texts[pick(texts.length)] ?? "";
  const maybe = <T>(make: () => T): T | undefined => (pick(2) === 0 ? make() : undefined);
  const some = <T>(make: () => T): T[] => Array.from({ length: pick(4) }, make);
  const value = (depth: number): Json => {
    const kinds: (() => Json)[] = [
      ...[text, () => pick(1e6), () => true, () => null, () => new JsonNumber("1.0")],
      ...(depth > 2 ? [] : [() => some(() => value(depth + 1)), () => object(depth + 1)]),
    ];
    return kinds[pick(kinds.length)]?.() ?? null;
  };
  const object = (depth: number): JsonObject => {
    const out = parseJson("{}") as JsonObject;
    const names = [...texts, "arguments", "parameters", "phase", "provider", "region", "environment", "k"];
    for (let n = pick(6); n > 0; n--) out[names[pick(names.length)] ?? ""] = value(depth);
    if (pick(20) === 0) for (let n = 0; n < 70; n++) out[`m${n}`] = n;
    return out;
  };
  const ice = <T>(one: T): T => (pick(2) === 0 ? Object.freeze(one) : one);
  const call: Call = {
    kind: "tool",
    action: { name: "tool.call", properties: { ...object(0), phase: pick(2) === 0 ? "request" : text() } },
    resource: { type: text(), id: text(), properties: object(0) },
  };
  const context: CallContext = {
    request: { id: text(), method: text(), path: `/a${text()}?q=1` },
    ...(pick(2) === 0 ? { source: { ip: text() } } : {}),
    ...(pick(2) === 0 ? { environment: text() } : {}),
    ...(pick(2) === 0 ? { prompt: object(0) } : {}),
    ...(pick(2) === 0 ? { content: object(0) } : {}),
  };
  const decision: Decision = {
    ...{ decision_id: text(), allow: pick(2) === 0, ttl: pick(3) / 2, cache: "l1", expires_at: text() },
    reasons: ice(
      some(() => ({
        ...{ code: text(), message: text() },
        ...(pick(2) === 0 ? { rule: text() } : {}),
        ...(pick(2) === 0
          ? { led_here: some(() => ({ label: text(), decision_id: text(), at: "", task: "" })) }
          : {}),
      })),
    ),
    obligations: ice(some(() => ({ id: text(), type: text(), properties: object(0) }))),
    ...{ labels: ice(some(text)), rules: ice(some(text)), bundles: ice({ [text()]: { revision: text() } }) },
    ...(pick(2) === 0 ? { subject: { type: text(), id: text(), tenant: text(), chain: "c" } } : {}),
    ...(pick(2) === 0 ? { task: { id: text(), lineage: some(text), proven: true } } : {}),
    ...(pick(2) === 0
      ? { limits: some(() => ({ name: text(), unit: "requests" as const, limit: 3, remaining: pick(3) })) }
      : {}),
  };
  const who = { type: "agent", id: text(), issuer: text() } as const;
  const identity = maybe((): Identity =>
    mintIdentity({
      ...{ ...who, tenant: text(), groups: [], roles: [], chain: [who], claims: {}, method: "jwt" },
      ...{ assurance: "bearer", credentials: [{ method: "jwt", id: text(), issuer: text() }], expiresAt: 1 },
      ...(pick(2) === 0 ? { device: { id: text(), managed: true } } : {}),
      ...(pick(2) === 0 ? { workload: { id: text(), trust_domain: text(), attested: false } } : {}),
    } as never),
  );
  const record: Record<string, unknown> = {
    ...{ type: "decision", at: Date.UTC(2026, 10, 22) + pick(1e9), door: "decisions", entrypoint: text() },
    ...{ decision, identity, call: maybe(() => call), context: maybe(() => context) },
    ...{ network: maybe(text), requestedBy: maybe(text), fence: maybe(text) },
    asserted: maybe(() => ({ id: text(), audience: text(), kid: text() })),
    error: maybe(() => "fenced"),
    micros: { identify: pick(1e6) / 7, describe: maybe(() => NaN), cache: -0.0001, total: maybe(() => 1.5) },
  };
  for (const name of Object.keys(record)) if (record[name] === undefined) delete record[name];
  return record as unknown as DecisionRecord;
}

test("a text is what the native writer gives, also when the same outcome comes again", () => {
  const write = createDecisionText(digest);
  const next = random(20_261_122);
  for (let n = 0; n < 600; n++) {
    const record = makeRecord(next);
    const expected = JSON.stringify(fieldsOf(record));
    expect(write(record)).toBe(expected);
    expect(write(record)).toBe(expected);
  }
});
