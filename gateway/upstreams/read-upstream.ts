import type { Fields, Problems } from "../../sidecar/contract.js";
import { readUpstreamTls } from "../../sidecar/contract.js";
import { readUpstreamAssertion } from "../forward/assertion.js";
import { readKey } from "../read-key.js";
import { readUrl } from "./read-url.js";
import type { UpstreamConfig } from "./upstream.js";

/** Reads the fields of an upstream, then refuses any that are left. */
export function readUpstream(fields: Fields, problems: Problems): UpstreamConfig {
  const url = readUrl(fields.required("url"), fields.at("url"), problems);
  const apiKey = fields.has("api_key") ? readKey(fields.nested("api_key"), problems) : undefined;
  const assertion = fields.has("assertion")
    ? readUpstreamAssertion(fields.nested("assertion"), problems)
    : undefined;
  const tls = fields.has("tls") ? readUpstreamTls(fields.nested("tls"), problems) : undefined;
  if (tls !== undefined && url.protocol !== "https:")
    problems.add(fields.at("url"), "must be https with tls");
  const timeouts = fields.nested("timeouts");
  const upstream: UpstreamConfig = {
    url,
    protocol: fields.oneOf("protocol", ["openai", "anthropic", "gemini"]) ?? "openai",
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(assertion === undefined ? {} : { assertion }),
    ...(tls === undefined ? {} : { tls }),
    connectTimeoutMs: timeouts.integer("connect_ms", 1, 600_000) ?? 5_000,
    headersTimeoutMs: timeouts.integer("first_byte_ms", 1, 3_600_000) ?? 120_000,
    bodyTimeoutMs: timeouts.integer("between_bytes_ms", 1, 3_600_000) ?? 60_000,
  };
  timeouts.end();
  fields.end();
  return upstream;
}
