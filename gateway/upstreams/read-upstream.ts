import type { Fields, Problems } from "../../sidecar/contract.js";
import { readUpstreamTls } from "../../sidecar/contract.js";
import { readUpstreamAssertion } from "../forward/assertion.js";
import { readSecretConfig } from "../secrets/read-config.js";
import type { Preset } from "./presets.js";
import { presetNames, presets } from "./presets.js";
import { readAzure } from "./read-azure.js";
import { readBedrock } from "./read-bedrock.js";
import { readHeaders } from "./read-headers.js";
import { readOAuth } from "./read-oauth.js";
import { readUrl } from "./read-url.js";
import type { FixedHeader, KeyHeader, KeyScheme, UpstreamConfig } from "./upstream.js";
import { keySchemes } from "./upstream.js";

type Kind = Pick<UpstreamConfig, "url"> &
  Partial<Pick<UpstreamConfig, "protocol" | "wire" | "keyIn" | "keyScheme" | "credentials" | "headers">>;

export interface MoreOfUpstream {
  /** Reads what else it has under `timeouts`. */
  readonly timeouts?: (timeouts: Fields) => void;
  /** Whether it may have `credentials`: tokens of an authorization server. */
  readonly tokens?: true;
  /** Where its `api_key` goes; a bearer's token unless given. */
  readonly keyIn?: KeyHeader;
  /** What `api_key_scheme` is unless it says so; absent: it can't say. */
  readonly keyScheme?: KeyScheme;
  /** What its url may begin with; of the web unless given. */
  readonly schemes?: readonly string[];
}

/** Reads the fields of an upstream that is no provider of models, then refuses any that are left. */
export function readUpstream(fields: Fields, problems: Problems, more: MoreOfUpstream = {}): UpstreamConfig {
  const url = readUrl(fields.required("url"), fields.at("url"), problems, more.schemes);
  const credentials =
    more.tokens && fields.has("credentials") ? readOAuth(fields.nested("credentials"), problems) : undefined;
  if (credentials !== undefined && fields.has("api_key"))
    problems.add(fields.at("credentials"), "give api_key or credentials, not both");
  return read(
    fields,
    {
      url,
      ...(credentials === undefined ? {} : { credentials }),
      ...(more.keyIn === undefined ? {} : { keyIn: more.keyIn }),
      ...(more.keyScheme === undefined
        ? {}
        : { keyScheme: fields.oneOf("api_key_scheme", keySchemes) ?? more.keyScheme }),
    },
    problems,
    more.timeouts,
  );
}

/** Reads the fields of a provider of models: `kind` says what else it may have. */
export function readModelUpstream(fields: Fields, problems: Problems): UpstreamConfig {
  const kind = fields.oneOf("kind", ["azure", "bedrock", ...presetNames]);
  if (kind === "bedrock") {
    const headers = readHeaders(fields, [], problems);
    return read(fields, { ...readBedrock(fields, problems), headers }, problems);
  }
  if (kind === undefined || kind === "azure") {
    const url = readUrl(fields.required("url"), fields.at("url"), problems);
    const headers = readHeaders(fields, [], problems);
    return read(fields, { url, headers, ...(kind && readAzure(fields, url, problems)) }, problems);
  }
  const preset: Preset = presets[kind];
  const base = preset.url === undefined ? fields.required("url") : (fields.string("url") ?? preset.url);
  const url = readUrl(base, fields.at("url"), problems);
  const headers = readHeaders(fields, preset.headers, problems);
  const protocol = fields.oneOf("protocol", ["openai", ...(preset.speaks ?? [])]) ?? "openai";
  const all = [...headers, ...readRelayKey(fields, preset, problems)];
  const tells = preset.tellsUsage === true ? { tellsUsage: true as const } : {};
  return read(fields, { url, protocol, keyIn: "authorization", headers: all, ...tells }, problems);
}

/** Reads `relay_key`: a relay's own, beside the provider's. */
function readRelayKey(fields: Fields, { relayKey }: Preset, problems: Problems): FixedHeader[] {
  if (relayKey === undefined || !fields.has("relay_key")) return [];
  const secret = readSecretConfig(fields.nested("relay_key"), problems);
  return secret === undefined ? [] : [{ name: relayKey.header, secret, scheme: relayKey.scheme }];
}

function read(
  fields: Fields,
  kind: Kind,
  problems: Problems,
  more?: (timeouts: Fields) => void,
): UpstreamConfig {
  const apiKey = fields.has("api_key") ? readSecretConfig(fields.nested("api_key"), problems) : undefined;
  const assertion = fields.has("assertion")
    ? readUpstreamAssertion(fields.nested("assertion"), problems)
    : undefined;
  const tls = fields.has("tls") ? readUpstreamTls(fields.nested("tls"), problems) : undefined;
  if (tls !== undefined && kind.url.protocol === "http:")
    problems.add(fields.at("url"), "must be https with tls");
  if (assertion !== undefined && kind.headers?.some(({ name }) => name === assertion.header) === true)
    problems.add(fields.at("assertion.header"), "is among the headers");
  const timeouts = fields.nested("timeouts");
  // what a kind speaks isn't chosen
  const protocol = kind.protocol ?? fields.oneOf("protocol", ["openai", "anthropic", "gemini"]) ?? "openai";
  const { headers = [], ...rest } = kind;
  const upstream: UpstreamConfig = {
    ...rest,
    protocol,
    ...(headers.length === 0 ? {} : { headers }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(assertion === undefined ? {} : { assertion }),
    ...(tls === undefined ? {} : { tls }),
    connectTimeoutMs: timeouts.integer("connect_ms", 1, 600_000) ?? 5_000,
    headersTimeoutMs: timeouts.integer("first_byte_ms", 1, 3_600_000) ?? 120_000,
    bodyTimeoutMs: timeouts.integer("between_bytes_ms", 1, 3_600_000) ?? 60_000,
  };
  more?.(timeouts);
  timeouts.end();
  fields.end();
  return upstream;
}
