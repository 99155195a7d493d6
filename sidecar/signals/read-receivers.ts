import type { Fields, Problems } from "../contract.js";
import type { FetchConfig } from "../net/place.js";
import { readFetch, readPlace } from "./read-place.js";

/** What is told, by its short name. */
export const sentEvents = ["session-revoked", "risk-level-change", "account-disabled"] as const;
export type SentEvent = (typeof sentEvents)[number];

/** Someone who is told what was fenced. */
export interface ReceiverConfig {
  readonly name: string;
  readonly audience: string;
  readonly url: string;
  readonly tokenFile: string;
  readonly fetch: FetchConfig;
  readonly events: readonly SentEvent[];
  /** Whose subjects it may be told of; `*`: anybody's. */
  readonly tenants: readonly string[];
  /** How a subject is named to it. */
  readonly subject: { readonly format: "opaque" | "email" | "iss_sub"; readonly issuer?: string };
  /** The transmitters whose signals are passed on to it; what others signalled isn't. */
  readonly relay: readonly string[];
  /** Whether the reason that an operator or rule gave is told, too. */
  readonly reasons: boolean;
  /** The token by which it may read its stream and ask for a verification. */
  readonly managementTokenFile?: string;
}

/** Reads `transmit`. */
export function readReceivers(items: readonly Fields[], problems: Problems): ReceiverConfig[] {
  const names = new Set<string>();
  return items.map((fields) => {
    const name = fields.required("name");
    if (!/^[a-z0-9][a-z0-9_.-]{0,62}$/i.test(name)) {
      problems.add(fields.at("name"), "must be letters, digits, _ . and -, at most 63");
    } else if (names.has(name)) problems.add(fields.at("name"), "is taken");
    names.add(name);
    const fetch = readFetch(fields, problems);
    const events = fields.strings("events") ?? ["session-revoked"];
    events.forEach((one, i) => {
      if (!sentEvents.some((known) => known === one)) {
        problems.add(fields.at(`events[${i}]`), `must be one of ${sentEvents.join(", ")}`);
      }
    });
    const tenants = fields.strings("tenants") ?? [];
    if (tenants.length === 0)
      problems.add(fields.at("tenants"), "must list the tenants whose fences it is told of");
    const relay = fields.strings("relay") ?? [];
    if (relay.includes(name)) problems.add(fields.at("relay"), "must not name itself: that is a loop");
    const management = fields.string("management_token_file");
    const receiver: ReceiverConfig = {
      name,
      audience: fields.required("audience"),
      url: readPlace(fields, "url", fetch, problems),
      tokenFile: fields.required("token_file"),
      fetch,
      events: sentEvents.filter((one) => events.includes(one)),
      tenants,
      subject: readSubject(fields.nested("subject"), problems),
      relay,
      reasons: fields.boolean("reasons") ?? false,
      ...(management === undefined ? {} : { managementTokenFile: management }),
    };
    fields.end();
    return receiver;
  });
}

function readSubject(fields: Fields, problems: Problems): ReceiverConfig["subject"] {
  const format = fields.oneOf("format", ["opaque", "email", "iss_sub"]) ?? "opaque";
  const issuer = fields.string("issuer");
  if ((format === "iss_sub") !== (issuer !== undefined)) {
    problems.add(fields.at("issuer"), "stands with the format iss_sub, and there only");
  }
  fields.end();
  return { format, ...(issuer === undefined ? {} : { issuer }) };
}
