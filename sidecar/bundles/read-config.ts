/** Reads `bundles`, in OPA's words (docs/configuration.md). */
import type { Fields, Problems } from "../contract.js";
import type {
  BundleConfig,
  KeyConfig,
  PollingConfig,
  ServiceConfig,
  SigningConfig,
  VerifyConfig,
} from "./config.js";
import { noFiles } from "../net/read-file.js";
import { parseReference } from "./sources/reference.js";
import { checkDelays, readResource, readService } from "../net/read-service.js";
import { limits } from "../rego/limits.js";
import { readGlob } from "./signature/glob.js";

/** What a bundle's place and signature refer to. */
export interface Referred {
  readonly services: ReadonlyMap<string, ServiceConfig>;
  readonly keys: ReadonlyMap<string, KeyConfig>;
  /** Whether files of this machine may be named. */
  readonly files: boolean;
}

/** Bytes of a bundle's archive, packed or not; OPA's is 1 GiB, more than is unpacked here. */
export const sizeLimitBytes = limits.archiveBytes;
const longestDelay = 31_536_000;

/** Reads `bundles`, and refuses OPA's older `bundle`. */
export function readBundles(top: Fields, problems: Problems, referred: Referred): BundleConfig[] {
  top.refuse({ bundle: "OPA has replaced it: write bundles: {<name>: {service, resource, …}}" });
  return top.entries("bundles").map(([name, fields]) => {
    if (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(name))
      problems.add(
        `${top.at("bundles")}.${name}`,
        "a bundle's name has letters, digits, _ . and -, at most 128",
      );
    const bundle: BundleConfig = {
      name,
      from: readFrom(name, fields, problems, referred),
      polling: readPolling(fields, problems),
      trigger: fields.oneOf("trigger", ["periodic", "manual"]) ?? "periodic",
      persist: fields.boolean("persist") ?? false,
      ...readSigning(fields, problems, referred.keys),
      sizeLimitBytes: fields.integer("size_limit_bytes", 1, sizeLimitBytes) ?? sizeLimitBytes,
      verify: readVerify(fields.nested("verify"), problems, referred.files),
    };
    fields.end();
    checkRegistry(bundle, referred.services, fields, problems);
    if (bundle.from.kind === "push" && !bundle.from.unsigned && bundle.signing === undefined)
      problems.add(
        fields.at("push"),
        "needs signing, so that it is known who pushed; or push: {unsigned: true}",
      );
    return bundle;
  });
}

function readFrom(
  name: string,
  fields: Fields,
  problems: Problems,
  { services, files }: Referred,
): BundleConfig["from"] {
  const resource = fields.string("resource");
  const pushed = readPush(fields);
  if (pushed !== undefined) {
    for (const other of ["service", "resource"] as const) {
      if (fields.has(other))
        problems.add(fields.at(other), "is given, and so is push: a bundle has one source");
      fields.raw(other);
    }
    return pushed;
  }
  if (resource?.startsWith("file://") === true) {
    if (!files) problems.add(fields.at("resource"), noFiles);
    if (fields.string("service") !== undefined)
      problems.add(fields.at("service"), "is given, and resource is a file");
    return { kind: "path", path: pathOf(resource, fields.at("resource"), problems) };
  }
  return {
    kind: "service",
    service: readService(fields, problems, services),
    resource: readResource(resource ?? `bundles/${name}`, fields.at("resource"), problems),
  };
}

/** A registry is named by what lies there, and can't wait for news. */
export function checkRegistry(
  { from, polling }: Pick<BundleConfig, "from" | "polling">,
  services: ReadonlyMap<string, ServiceConfig>,
  fields: Fields,
  problems: Problems,
): void {
  const service = from.kind === "service" ? services.get(from.service) : undefined;
  if (from.kind !== "service" || service?.type !== "oci" || !URL.canParse(service.url)) return;
  const reference = parseReference(from.resource, service.url);
  if (typeof reference === "string") problems.add(fields.at("resource"), reference);
  if (polling.longPollingTimeoutMs !== undefined)
    problems.add(
      fields.at("polling.long_polling_timeout_seconds"),
      "isn't supported by registries: leave it out",
    );
}

function readPush(fields: Fields): Extract<BundleConfig["from"], { kind: "push" }> | undefined {
  const value = fields.raw("push");
  if (value === undefined || value === false) return undefined;
  if (value === true) return { kind: "push", unsigned: false };
  const own = fields.nested("push");
  const unsigned = own.boolean("unsigned") ?? false;
  own.end();
  return { kind: "push", unsigned };
}

function pathOf(resource: string, place: string, problems: Problems): string {
  const path = URL.canParse(resource) ? new URL(resource) : undefined;
  if (path === undefined || path.host !== "") {
    problems.add(place, "must be file:///path");
    return "";
  }
  try {
    return decodeURIComponent(path.pathname);
  } catch {
    problems.add(place, "must be file:///path");
    return "";
  }
}

/** Reads `polling`. OPA takes both delays or none. */
export function readPolling(fields: Fields, problems: Problems): PollingConfig {
  const own = fields.nested("polling");
  const least = own.integer("min_delay_seconds", 1, longestDelay);
  const most = own.integer("max_delay_seconds", 1, longestDelay);
  const long = own.integer("long_polling_timeout_seconds", 1, 3_600);
  own.refuse({ superseded_etag_ttl_seconds: "only the ETag of what is in force is sent" });
  own.end();
  checkDelays(own, least, most, problems);
  return {
    minDelayMs: (least ?? 60) * 1_000,
    maxDelayMs: (most ?? 120) * 1_000,
    ...(long === undefined ? {} : { longPollingTimeoutMs: long * 1_000 }),
  };
}

/** Reads `signing`; a key's own scope counts where none is given. */
export function readSigning(
  fields: Fields,
  problems: Problems,
  keys: ReadonlyMap<string, KeyConfig>,
): { signing?: SigningConfig } {
  if (!fields.has("signing")) return {};
  const own = fields.nested("signing");
  const keyid = own.string("keyid");
  const scope = own.string("scope") ?? (keyid === undefined ? undefined : keys.get(keyid)?.scope);
  const excludeFiles = own.strings("exclude_files") ?? [];
  for (const [i, pattern] of excludeFiles.entries()) {
    if (readGlob(pattern) === undefined)
      problems.add(
        own.at(`exclude_files[${i}]`),
        "must be a pattern of * ? [a-z], where \\ takes a sign as it is",
      );
  }
  own.refuse({ allow_unsigned_delta_bundles: "deltas are signed here as every bundle is" });
  own.end();
  if (keyid !== undefined && !keys.has(keyid)) problems.add(own.at("keyid"), "is none of keys");
  else if (keys.size === 0) problems.add(fields.at("signing"), "needs keys to verify by");
  return {
    signing: {
      ...(keyid === undefined ? {} : { keyid }),
      ...(scope === undefined || scope === "" ? {} : { scope }),
      excludeFiles,
    },
  };
}

function readVerify(fields: Fields, problems: Problems, files: boolean): VerifyConfig {
  const canary = fields.string("canary");
  if (canary !== undefined && !files) problems.add(fields.at("canary"), noFiles);
  const override = fields.has("override") ? readOverride(fields.nested("override"), problems) : undefined;
  const verify: VerifyConfig = {
    tests: fields.boolean("tests") ?? false,
    ...(canary === undefined ? {} : { canary }),
    version: fields.boolean("version") ?? false,
    expires: fields.boolean("expires") ?? false,
    ...(override === undefined ? {} : { override }),
  };
  fields.end();
  return verify;
}

function readOverride(fields: Fields, problems: Problems): VerifyConfig["override"] {
  const version = fields.integer("version", 0, Number.MAX_SAFE_INTEGER);
  const reason = fields.required("reason");
  fields.end();
  if (version === undefined && !fields.has("version")) problems.add(fields.at("version"), "is required");
  if (reason.trim() === "" || reason.length > 500)
    problems.add(fields.at("reason"), "must say why, in at most 500 characters");
  return { version: version ?? 0, reason };
}
