import type { Fields, Problems } from "../../sidecar/contract.js";
import type { HandingConfig } from "../tasks/read-handing.js";
import { readHanding } from "../tasks/read-handing.js";
import { readUpstream } from "../upstreams/read-upstream.js";
import { readUrl } from "../upstreams/read-url.js";
import type { UpstreamConfig } from "../upstreams/upstream.js";
import type { Version } from "./methods.js";

/** How an agent is spoken to. */
export type Binding = "jsonrpc" | "http+json";

export interface AgentConfig {
  readonly upstream: UpstreamConfig;
  /** Where its card lies: asked for without saying who asks, since all callers share it. */
  readonly card: UpstreamConfig;
  readonly binding: Binding;
  readonly version: Version;
  /** Skills that are offered, `*` for anything. */
  readonly skills: readonly string[];
  /** URIs of extensions that may be used. */
  readonly extensions: readonly string[];
  /** Public keys (JWK) that the agent's own card must be signed with; absent: it isn't checked. */
  readonly cardKeys?: readonly string[];
  /** What the agent calls the gateway's tenant; absent: nothing. */
  readonly tenant?: string;
  /** What it gets of its callers' tasks; absent: nothing. */
  readonly tasks?: HandingConfig;
  /** Most parts of a message, and items of any other list. */
  readonly mostItems: number;
  /** The largest answer, and event of a stream, bytes. */
  readonly maxAnswer: number;
}

const skillForm = /^[\w.:/*-]{1,128}$/;

/** Reads the fields of an agent, then refuses any that are left. */
export function readAgent(fields: Fields, problems: Problems): AgentConfig {
  const binding = fields.oneOf("binding", ["jsonrpc", "http+json"] as const) ?? "jsonrpc";
  const version = fields.oneOf("version", ["1.0", "0.3"] as const) ?? "1.0";
  if (binding === "http+json" && version === "0.3")
    problems.add(fields.at("binding"), "agents of 0.3 are spoken to by jsonrpc");
  if (fields.has("protocol")) problems.add(fields.at("protocol"), "is for models; give binding and version");
  const skills = fields.strings("skills") ?? ["*"];
  if (!skills.every((one) => skillForm.test(one)))
    problems.add(fields.at("skills"), "must be ids of skills, with * for anything");
  const extensions = fields.strings("extensions") ?? [];
  if (!extensions.every((one) => /^[\x21-\x2b\x2d-\x7e]{1,256}$/.test(one)))
    problems.add(fields.at("extensions"), "must be URIs");
  const cardKeys = fields.strings("card_keys");
  if (cardKeys?.every(isPublicKey) === false)
    problems.add(fields.at("card_keys"), "must be public keys, each the JSON of a JWK");
  const tenant = fields.string("tenant");
  const mostItems = fields.integer("max_items", 1, 10_000) ?? 256;
  const maxAnswer = fields.integer("max_answer_bytes", 1_024, 2 ** 30) ?? 16 * 2 ** 20;
  const tasks = fields.has("tasks") ? readHanding(fields.nested("tasks"), problems) : undefined;
  const given = fields.string("card_url");
  const upstream = readUpstream(fields, problems, { tokens: true });
  const cardUrl =
    given === undefined
      ? new URL("/.well-known/agent-card.json", upstream.url)
      : readUrl(given, fields.at("card_url"), problems);
  const card = { ...upstream };
  delete (card as { assertion?: unknown }).assertion;
  // nobody's token is exchanged for what all callers share
  if (card.credentials?.kind === "token_exchange") delete (card as { credentials?: unknown }).credentials;
  return {
    upstream,
    card: { ...card, url: cardUrl },
    binding,
    version,
    skills,
    extensions,
    ...(cardKeys === undefined ? {} : { cardKeys }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(tasks === undefined ? {} : { tasks }),
    mostItems,
    maxAnswer,
  };
}

function isPublicKey(text: string): boolean {
  try {
    const key = JSON.parse(text) as { kty?: unknown; kid?: unknown; d?: unknown } | null;
    return typeof key?.kty === "string" && typeof key.kid === "string" && key.d === undefined;
  } catch {
    return false;
  }
}

/** Tells whether a skill is one of those that are offered. */
export function isOffered(skill: string, globs: readonly string[]): boolean {
  return globs.some((glob) => matches(skill, glob));
}

/** Matches `*` by cutting, in time linear in the text for each star. */
function matches(text: string, glob: string): boolean {
  const pieces = glob.split("*");
  const [first = "", ...others] = pieces;
  const last = others.pop();
  if (last === undefined) return text === glob;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of others) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
