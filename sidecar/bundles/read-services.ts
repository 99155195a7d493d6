/** Reads `services`: who is asked for bundles, and told of decisions and status. */
import { rootCertificates } from "node:tls";
import type { Fields, Json, Problems } from "../contract.js";
import { Fields as FieldsOf, isObject } from "../contract.js";
import type { Credentials, ServiceConfig } from "./config.js";
import { plaintextFault } from "../net/service/config.js";
import { readCredentials } from "./read-credentials.js";
import type { ReadRules } from "../net/read-file.js";
import { noFiles, readFile } from "../net/read-file.js";

/** Reads `services`: a map by name, or OPA's list of objects with a `name`. */
export function readServices(
  value: Json | undefined,
  problems: Problems,
  rules: ReadRules,
): Map<string, ServiceConfig> {
  const services = new Map<string, ServiceConfig>();
  for (const [given, fields] of entriesOf(value, problems)) {
    const own = fields.string("name");
    const name = given ?? own ?? "";
    if (name === "") problems.add(fields.at("name"), "is required in a list of services");
    if (services.has(name)) problems.add(fields.at("name"), "is taken");
    services.set(name, readService(name, fields, problems, rules));
  }
  return services;
}

function entriesOf(value: Json | undefined, problems: Problems): [string | undefined, Fields][] {
  if (value === undefined) return [];
  if (Array.isArray(value))
    return value.map((item, i) => [undefined, new FieldsOf(item, `services[${i}]`, problems)]);
  if (isObject(value)) return new FieldsOf({ services: value }, "", problems).entries("services");
  problems.add("services", "must be an object by name, or a list");
  return [];
}

function readService(name: string, fields: Fields, problems: Problems, rules: ReadRules): ServiceConfig {
  const url = fields.required("url").replace(/\/+$/, "");
  const wrong = faultOfUrl(url);
  if (url !== "" && wrong !== undefined) problems.add(fields.at("url"), wrong);
  const headers = fields.texts("headers") ?? {};
  for (const [header, text] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
      problems.add(fields.at("headers"), "must be names and values of HTTP headers");
  }
  if (fields.boolean("allow_insecure_tls") === true) {
    problems.add(
      fields.at("allow_insecure_tls"),
      "isn't supported: a service must prove who it is; give tls.ca_cert",
    );
  }
  const type = fields.string("type") ?? "";
  if (type !== "" && type !== "oci") problems.add(fields.at("type"), "must be oci, or left out");
  const credentials = readCredentials(fields, problems, rules);
  if (type === "oci") checkRegistry(url, credentials, fields, problems);
  const ca = readCa(fields, problems, rules);
  const allowPlaintext = fields.boolean("allow_plaintext") ?? false;
  const seconds = fields.integer("response_header_timeout_seconds", 1, 3_600) ?? 10;
  fields.end();
  const service: ServiceConfig = {
    name,
    url,
    type: type === "oci" ? "oci" : "http",
    headers,
    credentials,
    ...(ca === undefined ? {} : { ca }),
    responseHeaderTimeoutMs: seconds * 1_000,
    allowPlaintext,
  };
  const clear = wrong === undefined ? plaintextFault(service) : undefined;
  if (clear !== undefined) problems.add(fields.at("url"), clear);
  return service;
}

function checkRegistry(url: string, { kind }: Credentials, fields: Fields, problems: Problems): void {
  if (URL.canParse(url) && new URL(url).pathname !== "/")
    problems.add(fields.at("url"), "must be a registry's origin, without a path: give that in resource");
  if (kind === "s3_signing")
    problems.add(fields.at("credentials"), "isn't supported for oci: s3_signing; give bearer of a token");
}

function readCa(fields: Fields, problems: Problems, { readText, files }: ReadRules): string | undefined {
  const tls = fields.nested("tls");
  const path = tls.string("ca_cert");
  const system = tls.boolean("system_ca_required") ?? false;
  tls.end();
  if (path === undefined) return undefined;
  if (!files) return problems.add(tls.at("ca_cert"), noFiles);
  const pem = readFile(path, tls.at("ca_cert"), problems, readText);
  if (pem !== undefined && !pem.includes("-----BEGIN CERTIFICATE-----"))
    return problems.add(tls.at("ca_cert"), "must be a file of certificates in PEM");
  return system && pem !== undefined ? [pem, ...rootCertificates].join("\n") : pem;
}

function faultOfUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:\/\//.test(text)) return "must be an http or https URL";
  if (url.username !== "" || url.password !== "") return "must hold no user or password; give credentials";
  return url.search !== "" || url.hash !== "" ? "must have no query and no fragment" : undefined;
}
