import { JsonNumber } from "../../../contract.js";
import type { RegoValue } from "../../engine/value.js";
import { objectOf, RegoObject, typeName } from "../../engine/value.js";
import { BuiltinFault } from "../builtin.js";
import { HttpFault } from "./http-fault.js";
import type { Headers } from "./http-headers.js";
import { headersToSend } from "./http-headers.js";
import type { TlsOptions } from "./http-tls.js";
import { readTls } from "./http-tls.js";
import { parseDuration } from "./http-duration.js";
import { goJson, keyText } from "../../engine/go-json.js";
import { goQuote } from "../quote.js";
import { termText, writeValue } from "../text.js";

/** A request as a policy wrote it, checked but for its host. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** What `Host` and `tls_server_name` say: names that must be listed, too. */
  readonly names: readonly string[];
  readonly body: Buffer;
  readonly redirect: boolean;
  /** For each attempt; undefined for OPA's default. */
  readonly timeoutMs: number | undefined;
  readonly retries: number;
  readonly tls: TlsOptions | undefined;
  readonly decode: { readonly json: boolean; readonly yaml: boolean };
  /** Answers are kept for other decisions: as their headers say (0), or for so many seconds. */
  readonly keepFor: number | undefined;
}

const texts: ReadonlySet<string> = new Set([
  ...["method", "url", "raw_body", "tls_ca_cert", "tls_ca_cert_file", "tls_ca_cert_env_variable"],
  ...["tls_client_cert", "tls_client_cert_file", "tls_client_cert_env_variable", "tls_client_key"],
  ...["tls_client_key_file", "tls_client_key_env_variable", "tls_server_name"],
]);
const known: ReadonlySet<string> = new Set([
  ...texts,
  ...["body", "enable_redirect", "force_json_decode", "force_yaml_decode", "headers", "tls_use_system_certs"],
  ...["tls_insecure_skip_verify", "timeout", "cache", "force_cache", "force_cache_duration_seconds"],
  ...["raise_error", "caching_mode", "max_retry_attempts", "cache_ignored_headers"],
]);

/**
 * Tells whether an error ends the built-in, and names the request for caches.
 * @throws BuiltinFault where the operand is no object or `raise_error` no boolean
 */
export function openRequest(operand: RegoValue | undefined): { request: RegoObject; raise: boolean } {
  if (!(operand instanceof RegoObject)) {
    const type = operand === undefined ? "undefined" : typeName(operand);
    throw new BuiltinFault("eval_type_error", `http.send: operand 1 must be object but got ${type}`);
  }
  const raise = operand.get("raise_error") ?? true;
  if (typeof raise !== "boolean") {
    throw new BuiltinFault("eval_builtin_error", "http.send: invalid value for raise_error field");
  }
  return { request: operand, raise };
}

/** Writes what two requests must have in common to share an answer: all but `cache_ignored_headers`. */
export function keyOf(request: RegoObject): string {
  const ignored = request.get("cache_ignored_headers");
  const headers = request.get("headers");
  const entries = new Map(request.entries.map(([key, value]) => [writeValue(key), [key, value] as const]));
  if (ignored !== undefined && headers !== undefined) {
    if (!isList(ignored) || ignored.some((name) => typeof name !== "string")) {
      throw new HttpFault("internal", "cache_ignored_headers must be an array of strings", false);
    }
    if (!(headers instanceof RegoObject)) throw new HttpFault("internal", "invalid type for headers key");
    entries.set('"headers"', [
      "headers",
      objectOf(headers.entries.filter(([name]) => !ignored.includes(name))),
    ]);
  }
  entries.set('"cache_ignored_headers"', ["cache_ignored_headers", null]);
  return writeValue(objectOf(entries.values()));
}

/**
 * Reads a request.
 * @throws HttpFault in OPA's words. Source: OPA, topdown/http.go, createHTTPRequest and its neighbours
 */
export function readRequest(request: RegoObject): HttpRequest {
  refuseOtherKeys(request);
  const { forced, kept } = readCaching(request);
  const decode = { json: flag(request, "force_json_decode"), yaml: flag(request, "force_yaml_decode") };

  const text = new Map<string, string>();
  for (const [key, value] of request.entries) {
    if (!texts.has(String(key))) continue;
    if (typeof value !== "string") throw new HttpFault("internal", `${termText(key)} must be a string`);
    // OPA takes quotes away at both ends
    text.set(String(key), value.replace(/^"+/, "").replace(/"+$/, ""));
  }
  const body = request.get("body");
  const raw = text.get("raw_body") ?? (body === undefined ? "" : goJson(body));
  const given = readHeaders(request.get("headers"));
  const host = given.findLast(([name]) => name.toLowerCase() === "host")?.[1];
  const serverName = text.get("tls_server_name");
  const method = (text.get("method") ?? "").toUpperCase() || "GET";
  if (!/^[!#$%&'*+.^_`|~0-9A-Z-]+$/.test(method) || method === "CONNECT") {
    throw new HttpFault("internal", `net/http: invalid method ${goQuote(method)}`);
  }
  return {
    method,
    url: text.get("url") ?? "",
    headers: headersToSend(given),
    names: [host, serverName].filter((name) => name !== undefined && name !== "") as string[],
    body: Buffer.from(raw),
    redirect: parseBool(request, "enable_redirect"),
    timeoutMs: readTimeout(request.get("timeout")),
    retries: readRetries(request.get("max_retry_attempts")),
    tls: readTls({
      text: new Map([...text].filter(([name]) => name.startsWith("tls_"))),
      insecure: parseBool(request, "tls_insecure_skip_verify"),
      systemCertificates: parseBool(request, "tls_use_system_certs"),
      host,
    }),
    decode,
    keepFor: forced ?? (kept ? 0 : undefined),
  };
}

function refuseOtherKeys(request: RegoObject): void {
  const keys = request.entries.map(([key]) => key);
  const unknown = keys.filter((key) => typeof key !== "string" || !known.has(key)).map(termText);
  if (unknown.length > 0) {
    throw new HttpFault("type", `operand 1 invalid request parameters(s): {${unknown.join(", ")}}`);
  }
  const missing = ["method", "url"].filter((key) => !keys.includes(key)).map(termText);
  if (missing.length > 0) {
    throw new HttpFault("type", `operand 1 missing required request parameters(s): {${missing.join(", ")}}`);
  }
}

function readCaching(request: RegoObject): { forced: number | undefined; kept: boolean } {
  const cache = flag(request, "cache");
  const force = flag(request, "force_cache");
  const mode = request.get("caching_mode") ?? "serialized";
  const usual = mode === "serialized" || mode === "deserialized";
  if (!force) return { forced: undefined, kept: cache && usual };
  const seconds = request.get("force_cache_duration_seconds");
  if (seconds === undefined) {
    throw new HttpFault(
      "internal",
      "'force_cache' set but 'force_cache_duration_seconds' parameter is missing",
    );
  }
  const text = termText(seconds);
  const value = /^[-+]?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(value) < 2 ** 31)) {
    throw new HttpFault("internal", `strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  }
  // for zero seconds and fewer, OPA goes by the headers
  return { forced: usual ? Math.max(value, 0) : undefined, kept: false };
}

function readHeaders(value: RegoValue | undefined): readonly (readonly [string, string])[] {
  if (value === undefined) return [];
  if (!(value instanceof RegoObject)) throw new HttpFault("internal", "invalid type for headers key");
  return value.entries.map(([name, text]) => {
    if (typeof text !== "string") {
      throw new HttpFault("internal", `invalid type for headers value ${goQuote(termText(text))}`);
    }
    return [keyText(name), text] as const;
  });
}

/** Milliseconds, rounded up; undefined where OPA's default holds, 0 where there is no limit but ours. */
function readTimeout(value: RegoValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  const type = typeName(value);
  if (type === "number") {
    const text = termText(value);
    if (!/^-?\d{1,18}$/.test(text)) {
      throw new HttpFault("internal", `invalid timeout number value ${text}, must be int64`);
    }
    return Math.max(0, Math.ceil(Number(text) / 1e6));
  }
  if (typeof value !== "string") {
    throw new HttpFault("type", `operand 1 'timeout' must be one of {string, number} but got ${type}`);
  }
  const nanoseconds = parseDuration(value);
  if (nanoseconds === undefined) {
    const quoted = goQuote(value);
    throw new HttpFault("internal", `invalid timeout value ${quoted}: time: invalid duration ${quoted}`);
  }
  return Math.max(0, Math.ceil(nanoseconds / 1e6));
}

function readRetries(value: RegoValue | undefined): number {
  if (value === undefined) return 0;
  const text = termText(value);
  const isNumber = typeof value === "number" || value instanceof JsonNumber;
  if (!isNumber || !/^\d{1,15}$/.test(text)) {
    throw new HttpFault("internal", `invalid value ${text} for field "max_retry_attempts"`, false);
  }
  return Number(text);
}

function flag(request: RegoObject, name: string): boolean {
  const value = request.get(name) ?? false;
  if (typeof value !== "boolean") throw new HttpFault("internal", `invalid value for "${name}" field`);
  return value;
}

/** Reads what Go's `strconv.ParseBool` takes of a term: true, false, 1, 0. */
function parseBool(request: RegoObject, name: string): boolean {
  const value = request.get(name) ?? false;
  if (typeof value === "boolean") return value;
  if (value === 1 || value === 0) return value === 1;
  throw new HttpFault("internal", `strconv.ParseBool: parsing ${goQuote(termText(value))}: invalid syntax`);
}

function isList(value: RegoValue): value is readonly RegoValue[] {
  return Array.isArray(value);
}
