/**
 * Lists the events that are known, and what each does unless the configuration says otherwise.
 * Source: OpenID CAEP 1.0 section 3, OpenID RISC 1.0 section 2, OpenID SSF 1.0 sections 8.1.4 and 8.1.5.
 */
import type { FenceKind } from "../contract.js";

/** What a subject can be fenced by. */
export const targetKinds = [
  "session",
  "token",
  "subject",
  "chain",
  "device",
  "tenant",
] as const satisfies readonly FenceKind[];
export type TargetKind = (typeof targetKinds)[number];

/** What one event does, where its `when` holds. */
export interface Rule {
  /** Fields of the event and the values that they may have, compared without regard to case; all must hold. */
  readonly when?: Readonly<Record<string, readonly string[]>>;
  /** The first of these that the event's subject names is fenced. */
  readonly fence?: readonly TargetKind[];
  /** Of the fence; `until_lifted`: it doesn't end by itself. Absent: {@link secondsOf} its kind. */
  readonly seconds?: number | "until_lifted";
  /** Of a user, device or tenant, only what was issued until the event is fenced: whoever signs in anew is let in. */
  readonly issued_before?: boolean;
  /** What is remembered of the subject counts no more: it is looked at anew. */
  readonly epoch?: boolean;
  /** Fences that this transmitter's events of these names set on this subject, for what happened before, are lifted. */
  readonly lift?: readonly string[];
}

/**
 * Rules in order, of which the first counts whose `when` holds and that can fence what the subject names, where it fences.
 * None at all: the event is taken and does nothing.
 */
export type Rules = readonly Rule[];

/** How long a fence lasts by default: as long as what was granted before it can live. */
export function secondsOf(kind: TargetKind, issuedBefore = false): number {
  return issuedBefore || isGrant(kind) ? 86_400 : 3_600;
}

/** Tells of what is granted once and never again; that is fenced whenever it was issued. */
export function isGrant(kind: TargetKind): boolean {
  return kind === "session" || kind === "token";
}

const caep = "https://schemas.openid.net/secevent/caep/event-type/";
const risc = "https://schemas.openid.net/secevent/risc/event-type/";
const ssf = "https://schemas.openid.net/secevent/ssf/event-type/";

/** Whoever holds the session, the token, or anything of the user. */
const cut = ["session", "token", "chain"] as const;
const stop: Rule = { fence: cut, epoch: true };
/** What was granted until then; a new sign-in counts. */
const past: Rule = { ...stop, issued_before: true };
const stay: Rule = { fence: ["chain"], seconds: "until_lifted", epoch: true };
const anew: Rule = { epoch: true };

/** Short names of CAEP's and RISC's events. */
export const defaultRules: Readonly<Record<string, Rules>> = {
  "session-revoked": [past],
  "token-claims-change": [{ fence: ["token"], epoch: true }, anew],
  "credential-change": [{ when: { change_type: ["revoke", "update", "delete"] }, ...past }, anew],
  "assurance-level-change": [
    { when: { change_direction: ["decrease"] }, fence: ["session", "token"], epoch: true },
    anew,
  ],
  "device-compliance-change": [
    {
      when: { current_status: ["not-compliant"] },
      fence: ["device", "session", "chain"],
      seconds: "until_lifted",
      epoch: true,
    },
    { when: { current_status: ["compliant"] }, lift: ["device-compliance-change"], epoch: true },
  ],
  "risk-level-change": [
    {
      when: { current_level: ["high"] },
      fence: ["session", "token", "chain", "device"],
      seconds: "until_lifted",
      epoch: true,
    },
    { when: { current_level: ["low"] }, lift: ["risk-level-change"], epoch: true },
    anew,
  ],
  "session-established": [],
  "session-presented": [],
  "account-disabled": [stay],
  "account-enabled": [{ lift: ["account-disabled"], epoch: true }],
  "account-purged": [stay],
  "account-credential-change-required": [past],
  "credential-compromise": [stop],
  "identifier-changed": [anew],
  "identifier-recycled": [past],
  "sessions-revoked": [past],
  "opt-in": [],
  "opt-out-initiated": [],
  "opt-out-cancelled": [],
  "opt-out-effective": [],
  "recovery-activated": [],
  "recovery-information-changed": [],
};

const caepNames: ReadonlySet<string> = new Set([
  ...["session-revoked", "token-claims-change", "credential-change", "assurance-level-change"],
  ...["device-compliance-change", "session-established", "session-presented", "risk-level-change"],
]);

/** About the stream itself. */
export const streamEvents = { verification: `${ssf}verification`, updated: `${ssf}stream-updated` } as const;

/** Gives the URI of an event by its short name; another URI is itself. */
export function eventUri(name: string): string {
  if (!Object.hasOwn(defaultRules, name)) return name;
  return (caepNames.has(name) ? caep : risc) + name;
}

const names = new Map(Object.keys(defaultRules).map((name) => [eventUri(name), name]));
names.set(streamEvents.verification, "verification");
names.set(streamEvents.updated, "stream-updated");
// drafts of CAEP and the framework had another name for the framework's events
names.set("https://schemas.openid.net/secevent/sse/event-type/verification", "verification");
names.set("https://schemas.openid.net/secevent/risc/event-type/verification", "verification");

/** Gives the short name of an event's URI; undefined where it isn't known. */
export function eventName(uri: string): string | undefined {
  return names.get(uri);
}

export const eventNames: readonly string[] = [...Object.keys(defaultRules), "verification", "stream-updated"];
