/** Says in events what was fenced. Source: OpenID CAEP 1.0, RISC 1.0, SSF 1.0. */
import { createHash } from "node:crypto";
import type { FenceKind, FenceMatch, JsonObject } from "../../contract.js";
import type { Fence } from "../../state/fences/fences.js";
import { eventUri } from "../events.js";
import type { ReceiverConfig, SentEvent } from "../read-receivers.js";

/** A SET before it is signed. */
export interface Message {
  /** Its short name. */
  readonly event: string;
  /** INVARIANT: the same for the same change of the same fence, whichever member of the fleet tells of it. */
  readonly jti: string;
  readonly claims: JsonObject;
}

export interface DescribeParts {
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export type FenceTurn = "added" | "lifted";

/** What can be said of by an event about a subject; a fence that names more than these is narrower than any event. */
const sayable: ReadonlySet<FenceKind> = new Set<FenceKind>([
  ...(["tenant", "subject", "chain", "workload", "session", "token", "device"] as const),
]);

/** Tells whether a receiver is to know of a fence. INVARIANT: no receiver is told of another tenant's. */
export function isTold({ match, by }: Fence, { tenants, relay }: ReceiverConfig): boolean {
  const kinds = Object.keys(match) as FenceKind[];
  if (!kinds.every((kind) => sayable.has(kind)) || !kinds.some((kind) => kind !== "tenant")) return false;
  const signal = /^signal:(.*)$/.exec(by)?.[1];
  // INVARIANT: what came in by a signal goes out only where that is configured: no signal runs in a circle
  if (signal !== undefined && !relay.includes(signal)) return false;
  return tenants[0] === "*" || (match.tenant !== undefined && tenants.includes(match.tenant));
}

/** Gives what is to be said of a change to a receiver. */
export function describeFence(
  fence: Fence,
  turn: FenceTurn,
  receiver: ReceiverConfig,
  parts: DescribeParts,
): Message[] {
  return receiver.events.flatMap((name) => {
    const said = eventOf(name, turn, fence);
    if (said === undefined) return [];
    const at = Math.floor((turn === "lifted" ? parts.now() : fence.at) / 1000);
    const body: JsonObject = {
      ...said.fields,
      event_timestamp: at,
      initiating_entity: initiator(fence.by),
      ...(receiver.reasons ? { reason_admin: { en: fence.reason } } : {}),
    };
    const id = [receiver.name, fence.id, turn, said.event];
    return [
      messageOf(
        { receiver, id, event: said.event, body, subject: subjectOf(fence.match, receiver) },
        parts,
        fence.id,
      ),
    ];
  });
}

interface Said {
  readonly receiver: ReceiverConfig;
  /** What makes it the same when it is made again. */
  readonly id: readonly string[];
  readonly event: string;
  readonly body: JsonObject;
  readonly subject: JsonObject;
}

/** Makes a message; `txn` names what it is about. */
export function messageOf(
  { receiver, id, event, body, subject }: Said,
  { issuer, now }: DescribeParts,
  txn?: string,
): Message {
  const jti = createHash("sha256").update(JSON.stringify(id)).digest("base64url");
  const uri =
    event === "verification"
      ? "https://schemas.openid.net/secevent/ssf/event-type/verification"
      : eventUri(event);
  const claims: JsonObject = {
    ...{ iss: issuer, jti, iat: Math.floor(now() / 1000), aud: receiver.audience },
    ...(txn === undefined ? {} : { txn }),
    sub_id: subject,
    events: { [uri]: body },
  };
  return { event, jti, claims };
}

function eventOf(
  name: SentEvent,
  turn: FenceTurn,
  { match, issued_before }: Pick<Fence, "match" | "issued_before">,
): { readonly event: string; readonly fields: JsonObject } | undefined {
  const isUser = match.subject !== undefined || match.chain !== undefined || match.workload !== undefined;
  // what was granted before is over; the account, and whose it is, are as they were
  if (issued_before !== undefined && name !== "session-revoked") return undefined;
  switch (name) {
    case "session-revoked":
      return turn === "added" ? { event: name, fields: {} } : undefined;
    case "risk-level-change": {
      const principal = isUser ? "USER" : match.device === undefined ? "SESSION" : "DEVICE";
      return turn === "added"
        ? { event: name, fields: { principal, current_level: "HIGH", risk_reason: "FENCED" } }
        : {
            event: name,
            fields: { principal, current_level: "LOW", previous_level: "HIGH", risk_reason: "FENCE_LIFTED" },
          };
    }
    case "account-disabled":
      // of a session, the account is as it was
      if (!isUser || match.session !== undefined || match.token !== undefined) return undefined;
      return { event: turn === "added" ? "account-disabled" : "account-enabled", fields: {} };
  }
}

function subjectOf(match: FenceMatch, { subject }: ReceiverConfig): JsonObject {
  const user = match.subject ?? match.chain ?? match.workload;
  const { session, token, device, tenant } = match;
  const opaque = (id: string): JsonObject => ({ format: "opaque", id });
  return {
    format: "complex",
    ...(user === undefined ? {} : { user: userOf(user, subject) }),
    ...(session === undefined ? {} : { session: opaque(session) }),
    ...(token === undefined ? {} : { token: opaque(token) }),
    ...(device === undefined ? {} : { device: opaque(device) }),
    ...(tenant === undefined ? {} : { tenant: opaque(tenant) }),
  };
}

function userOf(id: string, { format, issuer }: ReceiverConfig["subject"]): JsonObject {
  switch (format) {
    case "opaque":
      return { format, id };
    case "email":
      return { format, email: id };
    case "iss_sub":
      return { format, iss: issuer ?? "", sub: id };
  }
}

function initiator(by: string): string {
  if (/^(?:rule|policy):/.test(by)) return "policy";
  return by.startsWith("signal:") ? "system" : "admin";
}
