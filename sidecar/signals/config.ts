/** Reads the `signals` section of the configuration (docs/signals.md). */
import type { Fields, Json, Problems } from "../contract.js";
import type { FetchConfig } from "../net/place.js";
import type { Rules } from "./events.js";
import { eventUri } from "./events.js";
import { readFetch, readPlace } from "./read-place.js";
import { readRules } from "./read-rules.js";
import { readReceivers, type ReceiverConfig } from "./read-receivers.js";

/** Formats of subject identifiers that can stand for our subject ids (RFC 9493). */
export const idFormats = ["iss_sub", "email", "account", "opaque", "phone_number", "did", "uri"] as const;
export type IdFormat = (typeof idFormats)[number];

/** Where a transmitter's keys come from; `discovery`: named by the metadata at this URL. */
export type KeySource =
  | {
      readonly jwks:
        { readonly url: string } | { readonly file: string } | { readonly keys: readonly Json[] };
    }
  | { readonly discovery: string };

export interface TransmitterConfig {
  readonly name: string;
  /** The exact `iss` of its SETs. */
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly keys: KeySource;
  readonly fetch: FetchConfig;
  readonly algorithms: readonly string[];
  /** The tenants that it may speak for; any only by the literal `["*"]`. */
  readonly tenants: readonly string[];
  /** What a tenant is called here, by what its events call it. */
  readonly tenantNames: Readonly<Record<string, string>>;
  readonly subject: {
    /** The formats of identifiers whose value is a subject's id here. */
    readonly formats: readonly IdFormat[];
    /** The issuers of subjects that it may speak about. */
    readonly issuers: readonly string[];
    /** What a plain opaque identifier names. */
    readonly opaque: "session" | "token" | "subject";
  };
  /** Effects by the event's URI. */
  readonly events: ReadonlyMap<string, Rules>;
  /** What becomes of an event whose subject can't be found here. */
  readonly unmapped: "refuse" | "ignore";
  /** Oldest `iat` that is taken, seconds. */
  readonly maxAge: number;
  readonly push?: { readonly tokenFile: string };
  readonly poll?: PollConfig;
  readonly verification?: VerificationConfig;
}

export interface PollConfig {
  readonly url: string;
  readonly tokenFile: string;
  /** Seconds between two polls that give nothing. */
  readonly interval: number;
  /** Whether the transmitter may hold a poll until it has something. */
  readonly long: boolean;
  readonly maxEvents: number;
}

export interface VerificationConfig {
  readonly url: string;
  readonly streamId: string;
  readonly tokenFile: string;
  /** Seconds. */
  readonly interval: number;
}

export interface SignalsConfig {
  readonly transmitters: readonly TransmitterConfig[];
  /** `iss` of what is transmitted; where receivers find the metadata. */
  readonly issuer?: string;
  readonly transmit: readonly ReceiverConfig[];
}

const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];
const allAlgorithms: readonly string[] = [...algorithms, "EdDSA", "Ed25519"];
/** Parts of routes, which no transmitter may be called by. */
const reserved: readonly string[] = ["stream", "status", "verify"];

/** Reads the section; problems are added, and what is given then isn't used. */
export function readSignals(fields: Fields, problems: Problems): SignalsConfig {
  const names = new Set<string>();
  const issuer = fields.string("issuer");
  if (issuer !== undefined && !/^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/.test(issuer)) {
    problems.add(fields.at("issuer"), "must be https, without user, query and fragment");
  }
  const transmitters = fields.items("transmitters").map((item) => readTransmitter(item, problems, names));
  transmitters.forEach((one, i) => {
    const same = transmitters.slice(0, i).filter((other) => other.issuer === one.issuer);
    if (
      one.issuer !== "" &&
      same.some(({ audience }) => audience.some((aud) => one.audience.includes(aud)))
    ) {
      problems.add(fields.at(`transmitters[${i}].audience`), "is taken by another of the same issuer");
    }
  });
  const transmit = readReceivers(fields.items("transmit"), problems);
  if (transmit.length > 0 && issuer === undefined) {
    problems.add(fields.at("issuer"), "is required with transmit");
  }
  fields.end();
  return { transmitters, ...(issuer === undefined ? {} : { issuer: issuer.replace(/\/+$/, "") }), transmit };
}

function readTransmitter(fields: Fields, problems: Problems, names: Set<string>): TransmitterConfig {
  const name = fields.required("name");
  if (!/^[a-z0-9][a-z0-9_.-]{0,62}$/i.test(name) || reserved.includes(name)) {
    problems.add(
      fields.at("name"),
      `must be letters, digits, _ . and -, at most 63, and none of ${reserved.join(", ")}`,
    );
  } else if (names.has(name)) problems.add(fields.at("name"), "is taken");
  names.add(name);
  const issuer = fields.required("issuer");
  const audience = readAudience(fields, problems);
  const fetch = readFetch(fields, problems);
  const tenants = fields.strings("tenants") ?? [];
  if (tenants.length === 0) problems.add(fields.at("tenants"), "must list the tenants that it may speak for");
  if (tenants.includes("*") && tenants.length > 1) {
    problems.add(fields.at("tenants"), '"*" stands for any tenant, so it must stand alone');
  }
  if (tenants.length > 32) problems.add(fields.at("tenants"), "may be 32 at most");
  const wanted = fields.strings("algorithms") ?? ["RS256", "PS256", "ES256", "EdDSA"];
  wanted.forEach((one, i) => {
    if (!allAlgorithms.includes(one)) {
      problems.add(fields.at(`algorithms[${i}]`), `must be one of ${allAlgorithms.join(", ")}`);
    }
  });
  const push = fields.has("push") ? fields.nested("push") : undefined;
  const pushed = push === undefined ? undefined : { tokenFile: push.required("token_file") };
  push?.end();
  const poll = fields.has("poll") ? readPoll(fields.nested("poll"), fetch, problems) : undefined;
  if (pushed === undefined && poll === undefined) {
    problems.add(fields.at("push"), "give push, poll or both");
  }
  const verification = fields.has("verification")
    ? readVerification(fields.nested("verification"), fetch, problems)
    : undefined;
  const config: TransmitterConfig = {
    ...{ name, issuer, audience, fetch, tenants, algorithms: wanted },
    keys: readKeys(fields, fetch, problems),
    tenantNames: readTenantNames(fields, tenants, problems),
    subject: readSubject(fields.nested("subject"), issuer, problems),
    events: new Map(
      [...readRules(fields, problems)].map(([event, rules]) => [eventUri(event), rules] as const),
    ),
    unmapped: fields.oneOf("unmapped", ["refuse", "ignore"]) ?? "refuse",
    maxAge: fields.integer("max_age_seconds", 60, 2_592_000) ?? 86_400,
    ...(pushed === undefined ? {} : { push: pushed }),
    ...(poll === undefined ? {} : { poll }),
    ...(verification === undefined ? {} : { verification }),
  };
  fields.end();
  return config;
}

function readAudience(fields: Fields, problems: Problems): readonly string[] {
  const value = fields.raw("audience");
  const audience = typeof value === "string" ? [value] : (fields.strings("audience") ?? []);
  if (audience.length === 0 || audience.includes(""))
    problems.add(fields.at("audience"), "must name what its SETs are for");
  return audience;
}

function readKeys(fields: Fields, fetch: FetchConfig, problems: Problems): KeySource {
  if (fields.has("discovery")) {
    if (fields.has("jwks")) problems.add(fields.at("discovery"), "can't be together with jwks");
    return { discovery: readPlace(fields, "discovery", fetch, problems) };
  }
  const jwks = fields.nested("jwks");
  const given = ["url", "file", "keys"].filter((one) => jwks.has(one));
  if (given.length !== 1)
    problems.add(fields.at("jwks"), "must have one of url, file and keys; or give discovery");
  let source: KeySource = { jwks: { keys: [] } };
  if (jwks.has("url")) source = { jwks: { url: readPlace(jwks, "url", fetch, problems) } };
  else if (jwks.has("file")) source = { jwks: { file: jwks.required("file") } };
  else {
    const keys = jwks.raw("keys") ?? [];
    if (Array.isArray(keys)) source = { jwks: { keys } };
    else problems.add(jwks.at("keys"), "must be a list of JWKs");
  }
  jwks.end();
  return source;
}

function readTenantNames(
  fields: Fields,
  tenants: readonly string[],
  problems: Problems,
): Readonly<Record<string, string>> {
  const value = fields.raw("tenant_names");
  const names = Object.create(null) as Record<string, string>;
  for (const tenant of tenants) if (tenant !== "*") names[tenant] = tenant;
  if (value === undefined) return names;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    problems.add(fields.at("tenant_names"), "must be an object of tenants by what events call them");
    return names;
  }
  for (const [theirs, ours] of Object.entries(value)) {
    if (typeof ours === "string" && ours !== "" && (tenants.includes(ours) || tenants[0] === "*"))
      names[theirs] = ours;
    else problems.add(fields.at(`tenant_names.${theirs}`), "must be one of the transmitter's tenants");
  }
  return names;
}

function readSubject(fields: Fields, issuer: string, problems: Problems): TransmitterConfig["subject"] {
  const formats = fields.strings("formats") ?? ["iss_sub"];
  formats.forEach((one, i) => {
    if (!idFormats.some((known) => known === one)) {
      problems.add(fields.at(`formats[${i}]`), `must be one of ${idFormats.join(", ")}`);
    }
  });
  const subject = {
    formats: idFormats.filter((one) => formats.includes(one)),
    issuers: fields.strings("issuers") ?? [issuer],
    opaque: fields.oneOf("opaque", ["session", "token", "subject"]) ?? "session",
  };
  fields.end();
  return subject;
}

function readPoll(fields: Fields, fetch: FetchConfig, problems: Problems): PollConfig {
  const poll = {
    url: readPlace(fields, "url", fetch, problems),
    tokenFile: fields.required("token_file"),
    interval: fields.integer("interval", 1, 3_600) ?? 10,
    long: fields.boolean("long") ?? true,
    maxEvents: fields.integer("max_events", 1, 1_000) ?? 100,
  };
  fields.end();
  return poll;
}

function readVerification(fields: Fields, fetch: FetchConfig, problems: Problems): VerificationConfig {
  const verification = {
    url: readPlace(fields, "url", fetch, problems),
    streamId: fields.required("stream_id"),
    tokenFile: fields.required("token_file"),
    interval: fields.integer("interval", 10, 86_400) ?? 3_600,
  };
  fields.end();
  return verification;
}
