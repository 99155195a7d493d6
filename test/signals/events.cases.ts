/** What each event does, and whom each form of subject names. */
import type { Members } from "../identify/world.js";
import { issuer, uris } from "./world.js";

const { caep, risc } = uris;
const ann = { format: "iss_sub", iss: issuer, sub: "ann" };
const session = { format: "opaque", id: "s-1" };
const device = { format: "opaque", id: "d-1" };
const userAt = { format: "complex", user: ann, session };

export interface EventCase {
  readonly name: string;
  readonly uri: string;
  readonly body?: Members;
  readonly subject: unknown;
  readonly fences: readonly string[];
  /** Seconds that the fences last; absent: until they are lifted. */
  readonly seconds?: number;
  readonly bumped?: readonly string[];
  readonly result: string;
  /** Only what was issued until the event is cut. */
  readonly past?: boolean;
}

const chain = ["chain:ann tenant:acme"];
const bumps = ["chain:ann@acme", "subject:ann@acme"];

export const eventCases: readonly EventCase[] = [
  ...[
    {
      name: "session-revoked of a session",
      subject: session,
      fences: ["session:s-1 tenant:acme"],
      seconds: 86_400,
    },
    {
      name: "session-revoked of a user's session",
      subject: userAt,
      fences: ["session:s-1 tenant:acme"],
      seconds: 86_400,
    },
    {
      ...{ name: "session-revoked of a user", subject: ann, fences: chain, seconds: 86_400, bumped: bumps },
      past: true,
    },
  ].map((one) => ({ uri: `${caep}session-revoked`, result: "fenced", ...one })),
  {
    name: "token-claims-change of a token",
    uri: `${caep}token-claims-change`,
    body: { claims: { role: "reader" } },
    subject: { format: "jwt_id", iss: issuer, jti: "j-1" },
    fences: ["tenant:acme token:j-1"],
    seconds: 86_400,
    result: "fenced",
  },
  {
    name: "token-claims-change of a user",
    uri: `${caep}token-claims-change`,
    body: { claims: { role: "reader" } },
    subject: ann,
    fences: [],
    bumped: bumps,
    result: "bumped",
  },
  ...[
    { change: "revoke", fences: chain, seconds: 86_400, past: true, result: "fenced" },
    { change: "create", fences: [], result: "bumped" },
    { change: "update", fences: chain, seconds: 86_400, past: true, result: "fenced" },
    { change: "delete", fences: chain, seconds: 86_400, past: true, result: "fenced" },
  ].map(({ change, ...one }) => ({
    name: `credential-change: ${change}`,
    uri: `${caep}credential-change`,
    body: { credential_type: "password", change_type: change },
    ...{ subject: ann, bumped: bumps, ...one },
  })),
  {
    name: "assurance-level-change: decrease in a session",
    uri: `${caep}assurance-level-change`,
    body: { namespace: "NIST-AAL", current_level: "nist-aal1", change_direction: "decrease" },
    subject: userAt,
    fences: ["session:s-1 tenant:acme"],
    seconds: 86_400,
    result: "fenced",
  },
  {
    name: "assurance-level-change: increase",
    uri: `${caep}assurance-level-change`,
    body: { namespace: "NIST-AAL", current_level: "nist-aal2", change_direction: "increase" },
    subject: userAt,
    fences: [],
    result: "bumped",
  },
  {
    name: "device-compliance-change: not compliant",
    uri: `${caep}device-compliance-change`,
    body: { current_status: "not-compliant", previous_status: "compliant" },
    subject: { format: "complex", device, tenant: { format: "opaque", id: "acme" } },
    fences: ["device:d-1 tenant:acme"],
    result: "fenced",
  },
  ...[
    { level: "HIGH", fences: chain, result: "fenced" },
    { level: "high", fences: chain, result: "fenced" },
    { level: "MEDIUM", fences: [], result: "bumped" },
    { level: "LOW", fences: [], result: "lifted" },
  ].map(({ level, ...one }) => ({
    name: `risk-level-change: ${level}`,
    uri: `${caep}risk-level-change`,
    body: { principal: "USER", current_level: level },
    subject: ann,
    ...one,
  })),
  ...["session-established", "session-presented"].map((name) => ({
    ...{ name, uri: caep + name, subject: { format: "email", email: "ann@acme.example" } },
    ...{ fences: [], bumped: [], result: "ignored" },
  })),
  ...["account-disabled", "account-purged"].map((name) => ({
    ...{ name, uri: risc + name, body: { reason: "hijacking" }, subject: ann, fences: chain, bumped: bumps },
    result: "fenced",
  })),
  { name: "account-enabled", uri: `${risc}account-enabled`, subject: ann, fences: [], result: "lifted" },
  ...[
    { name: "account-credential-change-required", seconds: 86_400, past: true },
    { name: "credential-compromise", seconds: 3_600 },
    { name: "identifier-recycled", seconds: 86_400, past: true },
    { name: "sessions-revoked", seconds: 86_400, past: true },
  ].map(({ name, ...one }) => ({
    ...{ name, ...one },
    uri: risc + name,
    subject: ann,
    fences: chain,
    result: "fenced",
  })),
  {
    name: "identifier-changed",
    uri: `${risc}identifier-changed`,
    subject: ann,
    fences: [],
    bumped: bumps,
    result: "bumped",
  },
  ...[
    ...["opt-in", "opt-out-initiated", "opt-out-cancelled", "opt-out-effective"],
    ...["recovery-activated", "recovery-information-changed"],
  ].map((name) => ({ name, uri: risc + name, subject: ann, fences: [], bumped: [], result: "ignored" })),
  {
    name: "an event that isn't known",
    uri: "https://schemas.example/event-type/launch",
    subject: { format: "rocket", url: "http://169.254.169.254/" },
    fences: [],
    bumped: [],
    result: "unknown",
  },
];

export interface SubjectCase {
  readonly name: string;
  /** Of the transmitter. */
  readonly config?: Members;
  readonly subject?: unknown;
  /** Where older transmitters put it. */
  readonly inEvent?: unknown;
  readonly fences?: readonly string[];
  readonly err?: string;
}

const formats = (...names: string[]) => ({ subject: { formats: names } });
const user = (name: string) => [`chain:${name} tenant:acme`];

/** Each as the subject of `sessions-revoked` (RISC), which fences a session, a token, or all of a user. */
export const subjectCases: readonly SubjectCase[] = [
  { name: "iss_sub", subject: ann, fences: user("ann") },
  { name: "iss_sub of another issuer", subject: { ...ann, iss: "https://other.test" }, err: "access_denied" },
  {
    name: "iss_sub of another issuer that it speaks for",
    config: { subject: { issuers: ["https://other.test"] } },
    subject: { ...ann, iss: "https://other.test" },
    fences: user("ann"),
  },
  { name: "iss_sub without iss", subject: { format: "iss_sub", sub: "ann" }, err: "invalid_request" },
  {
    name: "email, in its own and the common spelling",
    config: formats("email"),
    subject: { format: "email", email: "Ann@acme.example" },
    fences: [...user("Ann@acme.example"), ...user("ann@acme.example")],
  },
  {
    name: "email that isn't mapped",
    subject: { format: "email", email: "ann@acme.example" },
    err: "invalid_request",
  },
  {
    name: "account",
    config: formats("account"),
    subject: { format: "account", uri: "acct:ann@acme.example" },
    fences: user("ann@acme.example"),
  },
  {
    name: "phone number",
    config: formats("phone_number"),
    subject: { format: "phone_number", phone_number: "+12065550100" },
    fences: user("+12065550100"),
  },
  {
    name: "did",
    config: formats("did"),
    subject: { format: "did", url: "did:example:123" },
    fences: user("did:example:123"),
  },
  {
    name: "uri",
    config: formats("uri"),
    subject: { format: "uri", uri: "urn:uuid:1" },
    fences: user("urn:uuid:1"),
  },
  { name: "opaque: a session", subject: session, fences: ["session:s-1 tenant:acme"] },
  {
    name: "opaque: a subject",
    config: { subject: { opaque: "subject" } },
    subject: { format: "opaque", id: "ann" },
    fences: user("ann"),
  },
  {
    name: "opaque: a token",
    config: { subject: { opaque: "token" } },
    subject: { format: "opaque", id: "j-1" },
    fences: ["tenant:acme token:j-1"],
  },
  {
    name: "aliases: each that is mapped",
    config: formats("iss_sub", "email"),
    subject: {
      format: "aliases",
      identifiers: [
        ann,
        { format: "email", email: "ann@acme.example" },
        { format: "phone_number", phone_number: "+1" },
      ],
    },
    fences: [...user("ann"), ...user("ann@acme.example")],
  },
  {
    name: "aliases in aliases",
    subject: { format: "aliases", identifiers: [{ format: "aliases", identifiers: [ann] }] },
    err: "invalid_request",
  },
  {
    name: "aliases of which one is foreign",
    subject: { format: "aliases", identifiers: [ann, { ...ann, iss: "https://other.test" }] },
    err: "access_denied",
  },
  { name: "no alias", subject: { format: "aliases", identifiers: [] }, err: "invalid_request" },
  {
    name: "complex: user and tenant by its name there",
    config: { tenants: ["acme", "globex"], tenant_names: { "00o-2": "globex" } },
    subject: { format: "complex", user: ann, tenant: { format: "opaque", id: "00o-2" } },
    fences: ["chain:ann tenant:globex"],
  },
  {
    name: "without a tenant: in each that it speaks for",
    config: { tenants: ["acme", "globex"] },
    subject: ann,
    fences: ["chain:ann tenant:acme", "chain:ann tenant:globex"],
  },
  { name: "any tenant", config: { tenants: ["*"] }, subject: ann, fences: ["chain:ann"] },
  {
    name: "complex: another's tenant",
    subject: { format: "complex", user: ann, tenant: { format: "opaque", id: "globex" } },
    err: "access_denied",
  },
  {
    name: "complex: a tenant named like a built-in",
    subject: { format: "complex", user: ann, tenant: { format: "opaque", id: "constructor" } },
    err: "access_denied",
  },
  {
    name: "complex: a tenant alone",
    subject: { format: "complex", tenant: { format: "opaque", id: "acme" } },
    err: "invalid_request",
  },
  {
    name: "complex: only a group",
    subject: { format: "complex", group: { format: "opaque", id: "g" } },
    err: "invalid_request",
  },
  {
    name: "complex: user and application",
    subject: { format: "complex", user: ann, application: { format: "opaque", id: "a" } },
    fences: user("ann"),
  },
  {
    name: "in the event, as drafts had it",
    inEvent: { user: ann, tenant: { format: "opaque", id: "acme" } },
    fences: user("ann"),
  },
  {
    name: "in the event, as Google has it",
    inEvent: { subject_type: "iss-sub", iss: issuer, sub: "ann" },
    fences: user("ann"),
  },
  {
    name: "in the event, as claims of an ID token",
    inEvent: { subject_type: "id_token_claims", iss: issuer, sub: "ann", email: "a@b" },
    fences: user("ann"),
  },
  { name: "nobody", err: "invalid_request" },
  { name: "text", subject: "ann", err: "invalid_request" },
  { name: "a list", subject: [ann], err: "invalid_request" },
  { name: "an unknown format", subject: { format: "rocket", id: "ann" }, err: "invalid_request" },
  { name: "an empty id", subject: { ...ann, sub: "" }, err: "invalid_request" },
  { name: "control characters", subject: { ...ann, sub: "ann\n" }, err: "invalid_request" },
  { name: "a huge id", subject: { ...ann, sub: "a".repeat(600) }, err: "invalid_request" },
  { name: "a number", subject: { ...ann, sub: 7 }, err: "invalid_request" },
];
