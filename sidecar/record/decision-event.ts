/** Writes the event of a decision, as {@link createEventWriter} does, by putting texts together. */
import { isObject, isoTime } from "../contract.js";
import type { Call, CallContext, Decision, ErrorCode, Identity, JsonObject } from "../contract.js";
import { contentFacts } from "./content-facts.js";
import { remembering, timersText } from "./data-event.js";
import type { Digest } from "./fact.js";
import { cleanPath, cut, factOf, idOf, maxFacts, nameOf, promptFacts } from "./fact.js";
import { obligationFacts } from "./filter-facts.js";
import type { Door, StepMicros } from "./metrics.js";
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
  readonly identity?: Identity | undefined;
  readonly call?: Call;
  readonly context?: CallContext;
  /** Name of the network that the source address is in, as `describe` found it. */
  readonly network?: string;
  /** Address of the enforcement point, or "unix". */
  readonly requestedBy?: string;
  readonly micros: StepMicros;
  /** The assertion that the upstream is to get: its `jti`, for whom, and by which key; never the assertion. */
  readonly asserted?: { readonly id: string; readonly audience: string; readonly kid: string } | undefined;
  /** The id of the fence that cut it off. */
  readonly fence?: string | undefined;
  readonly error?: ErrorCode | undefined;
}

/**
 * Makes the function that writes a record's fields. What many records have in common is frozen, and put in words once: who
 * calls, and what a decision out of the cache came to.
 */
export function createDecisionText(digest: Digest): (record: DecisionRecord) => string {
  const plain = (text: string): string => idOf(digest, text);
  const bundles = remembering<Decision["bundles"]>((value) => JSON.stringify(value));
  const names = remembering<readonly string[]>((value) => JSON.stringify(value.map(plain)));
  // messages are left out: a policy may have written input into them; the rule's METADATA has the text
  const reasons = remembering<Decision["reasons"]>((value) =>
    JSON.stringify(
      value.map(({ code, rule, led_here: led }) => ({
        code: plain(code),
        rule: rule === undefined ? undefined : plain(rule),
        led_here: led?.map(({ label, decision_id }) => ({ label: plain(label), decision_id })),
      })),
    ),
  );
  const obligations = remembering<Decision["obligations"]>((value) =>
    JSON.stringify(
      value.map((one) => ({
        id: plain(one.id),
        type: plain(one.type),
        properties: obligationFacts(digest, one),
      })),
    ),
  );
  return (record) => {
    const { decision, identity, call, context, asserted } = record;
    let out = `{"type":"decision","decision_id":${JSON.stringify(decision.decision_id)},"bundles":${bundles(decision.bundles)},"path":${JSON.stringify(record.entrypoint)}`;
    if (call !== undefined || context !== undefined) out += `,"input":${inputText(digest, call, context)}`;
    out += `,"result":{"allow":${decision.allow},"labels":${names(decision.labels)},"ttl":${JSON.stringify(decision.ttl)}}`;
    if (record.requestedBy !== undefined) out += `,"requested_by":${JSON.stringify(record.requestedBy)}`;
    out += `,"timestamp":"${isoTime(record.at)}","metrics":${timersText(record.micros)}`;
    if (context !== undefined) out += `,"req_id":${JSON.stringify(cut(context.request.id, 128))}`;
    out += `,"door":"${record.door}"`;
    const who = identity === undefined ? subjectText(decision) : identityText(identity);
    if (who !== "") out += `,${who}`;
    if (asserted !== undefined) {
      const { id, audience, kid } = asserted;
      out += `,"asserted":${JSON.stringify({ id, audience: cut(audience, 256), kid })}`;
    }
    if (call !== undefined) {
      out += `,"call":${callText(call, context)}`;
      out += member("tool", toolFacts(call)) + member("retrieval", retrievalCall(call));
    }
    if (context?.prompt !== undefined) out += member("prompt", promptFacts(digest, context.prompt));
    if (context?.content !== undefined) out += member("content", contentFacts(context.content));
    if (context?.source !== undefined) out += `,"source_ip":${JSON.stringify(cut(context.source.ip, 64))}`;
    out += member("network", record.network);
    if (decision.task !== undefined) out += `,"task":${JSON.stringify(decision.task)}`;
    out += `,"rules":${names(decision.rules)},"reasons":${reasons(decision.reasons)}`;
    const limits = decision.limits?.map(({ name, unit, limit, remaining }) => ({
      name,
      unit,
      limit,
      remaining,
    }));
    out += `${member("limits", limits)}${member("fence", record.fence)},"cache":"${decision.cache}"`;
    out += `,"obligations":${obligations(decision.obligations)},"expires_at":${JSON.stringify(decision.expires_at)}`;
    return `${out}${member("error", record.error)}}`;
  };
}

/** Writes a member, or nothing where there is none. */
function member(name: string, value: unknown): string {
  return value === undefined ? "" : `,"${name}":${JSON.stringify(value)}`;
}

function inputText(digest: Digest, call: Call | undefined, context: CallContext | undefined): string {
  let out = "";
  if (call !== undefined) {
    const { action, resource } = call;
    out = `"action":{"name":${JSON.stringify(action.name)},"properties":${factsText(digest, action.properties, true)}}`;
    out += `,"resource":{"properties":${factsText(digest, resource.properties, true)}}`;
  }
  if (context !== undefined) {
    const { method, path } = context.request;
    out += `${out === "" ? "" : ","}"request":{"method":${JSON.stringify(cut(method, 16))},"path":${JSON.stringify(cleanPath(path))}}`;
  }
  return `{${out}}`;
}

/** Writes what {@link factsOf} gives. */
function factsText(digest: Digest, object: JsonObject, open: boolean): string {
  const names = Object.keys(object);
  let out = "";
  for (let n = 0; n < names.length && n < maxFacts; n++) {
    const name = names[n] ?? "";
    const value = object[name];
    if (value === undefined) continue;
    const nested = open && (name === "arguments" || name === "parameters") && isObject(value);
    const text = nested ? factsText(digest, value, false) : JSON.stringify(factOf(digest, value));
    out += `${out === "" ? "" : ","}"${nameOf(digest, name)}":${text}`;
  }
  if (names.length > maxFacts) out += `${out === "" ? "" : ","}"…":${names.length - maxFacts}`;
  return `{${out}}`;
}

/** A known token brings the same identity again. */
const identities = new WeakMap<Identity, string>();

function identityText(identity: Identity): string {
  const known = identities.get(identity);
  if (known !== undefined) return known;
  const { type, id, tenant, issuer, method, assurance, device } = identity;
  const text = JSON.stringify({
    subject: { type, id, tenant, issuer, method, assurance },
    chain: identity.chain.map((hop) => ({ type: hop.type, id: hop.id, issuer: hop.issuer })),
    credentials: identity.credentials.map((one) => ({
      method: one.method,
      id: cut(one.id, 256),
      issuer: one.issuer,
    })),
    workload: identity.workload,
    device: device && { id: device.id, managed: device.managed, compliant: device.compliant },
  }).slice(1, -1);
  identities.set(identity, text);
  return text;
}

function subjectText({ subject }: Decision): string {
  if (subject === undefined) return "";
  const { type, id, tenant } = subject;
  return `"subject":${JSON.stringify({ type, id, tenant })}`;
}

function callText({ kind, action, resource }: Call, context: CallContext | undefined): string {
  const { provider, region, environment } = resource.properties;
  const { phase } = action.properties;
  let out = `{"kind":${JSON.stringify(kind)},"action":${JSON.stringify(action.name)}`;
  if (phase === "request" || phase === "response") out += `,"phase":"${phase}"`;
  out += `,"resource":{"type":${JSON.stringify(cut(resource.type, 128))},"id":${JSON.stringify(cut(resource.id, 256))}`;
  if (typeof provider === "string") out += `,"provider":${JSON.stringify(cut(provider, 128))}`;
  if (typeof region === "string") out += `,"region":${JSON.stringify(cut(region, 128))}`;
  const at = context?.environment ?? environment;
  if (typeof at === "string") out += `,"environment":${JSON.stringify(cut(at, 128))}`;
  return `${out}}}`;
}
