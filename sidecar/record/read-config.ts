/** Reads `decision_logs`, in OPA's words (docs/configuration.md). */
import type { ServiceConfig } from "../bundles/config.js";
import type { Fields, Problems } from "../contract.js";
import { noFiles } from "../net/read-file.js";
import { checkDelays, readResource, readService } from "../net/read-service.js";
import type { DecisionLogsConfig, ReportingConfig, SpillConfig, UploadConfig } from "./upload-config.js";

/** What a decision log refers to. */
export interface Referred {
  readonly services: ReadonlyMap<string, ServiceConfig>;
  /** Whether files of this machine may be named. */
  readonly files: boolean;
  /** Whether there is such a section. */
  readonly given: boolean;
  /** Whether a record counts only once it is kept (`audit.mode: strict`). */
  readonly strict: boolean;
}

/** OPA's bounds of an upload; below the least, no decision would fit. */
const [leastUpload, mostUpload] = [90, 2 ** 32] as const;
const longestDelay = 31_536_000;

/**
 * Reads `decision_logs`. As with OPA, the only service gets it where there is such a section; here only if that says nothing
 * of the console and names no file. The console gets it where nothing else is asked for.
 */
export function readDecisionLogs(fields: Fields, problems: Problems, referred: Referred): DecisionLogsConfig {
  const { services, files } = referred;
  const file = fields.string("file");
  if (file !== undefined && !files) problems.add(fields.at("file"), noFiles);
  const said = fields.boolean("console");
  const elsewhere = said !== undefined || file !== undefined || services.size === 0;
  const sent = fields.has("service") || (referred.given && !elsewhere);
  const service = sent ? readService(fields, problems, services) : undefined;
  fields.raw("service");
  const upload = readUpload(fields, problems, service, files);
  if (referred.strict && upload !== undefined && said !== true && file === undefined)
    refuseUnkept(upload, fields, problems);
  const config: DecisionLogsConfig = {
    console: said ?? (file === undefined && service === undefined),
    ...(file === undefined ? {} : { file }),
    input: fields.oneOf("input", ["digest", "full"]) ?? "digest",
    maskDecision: readPath(fields, "mask_decision", "system/log/mask", problems),
    dropDecision: readPath(fields, "drop_decision", "system/log/drop", problems),
    ...(referred.given ? {} : { unconfigured: true }),
    ...(upload === undefined ? {} : { upload }),
  };
  fields.refuse({
    plugin: "there are no plug-ins; give service, file or console",
    request_context: "headers of requests aren't logged",
  });
  if (fields.boolean("nd_builtin_cache") === true)
    problems.add(fields.at("nd_builtin_cache"), "isn't supported: results of built-ins aren't logged");
  fields.end();
  return config;
}

function readUpload(
  fields: Fields,
  problems: Problems,
  service: string | undefined,
  files: boolean,
): UploadConfig | undefined {
  const partition = fields.string("partition_name") ?? "";
  const own = fields.string("resource");
  if (partition !== "" && own !== undefined)
    problems.add(fields.at("resource"), "is given, and so is partition_name, which OPA puts first");
  const resource =
    partition === ""
      ? readResource(own ?? "logs", fields.at("resource"), problems)
      : readResource(`logs/${partition}`, fields.at("partition_name"), problems);
  const reporting = readReporting(fields.nested("reporting"), problems);
  const spill = fields.has("spill") ? readSpill(fields.nested("spill"), problems, files) : undefined;
  if (service === undefined) {
    for (const name of ["resource", "partition_name", "reporting", "spill"]) {
      if (fields.has(name)) problems.add(fields.at(name), "counts with a service only; give service");
    }
    return undefined;
  }
  return { service, resource, reporting, ...(spill === undefined ? {} : { spill }) };
}

/** In strict mode a record counts once it is kept: in memory it isn't, and what a rate drops never is. */
function refuseUnkept({ spill, reporting }: UploadConfig, fields: Fields, problems: Problems): void {
  if (spill === undefined)
    problems.add(fields.at("spill"), "is required with audit.mode strict and a service, or a file beside it");
  if (reporting.maxDecisionsPerSecond !== undefined)
    problems.add(fields.at("reporting.max_decisions_per_second"), "drops records; audit.mode is strict");
}

function readReporting(fields: Fields, problems: Problems): ReportingConfig {
  const bufferType = fields.oneOf("buffer_type", ["size", "event"]) ?? "size";
  const bytes = fields.integer("buffer_size_limit_bytes", 65_536, 2 ** 34);
  const events = fields.integer("buffer_size_limit_events", 1, 10_000_000);
  const upload = fields.integer("upload_size_limit_bytes", leastUpload, mostUpload);
  const least = fields.integer("min_delay_seconds", 1, longestDelay);
  const most = fields.integer("max_delay_seconds", 1, longestDelay);
  const rate = fields.raw("max_decisions_per_second");
  if (rate !== undefined && !(typeof rate === "number" && rate > 0))
    problems.add(fields.at("max_decisions_per_second"), "must be a number above 0");
  const trigger = fields.oneOf("trigger", ["periodic", "immediate", "manual"]) ?? "periodic";
  if (trigger === "manual")
    problems.add(
      fields.at("trigger"),
      "isn't supported: nothing here triggers it; give periodic or immediate",
    );
  fields.end();
  if (bufferType === "event" && bytes !== undefined)
    problems.add(fields.at("buffer_size_limit_bytes"), "is for buffer_type size");
  if (bufferType === "size" && events !== undefined)
    problems.add(fields.at("buffer_size_limit_events"), "is for buffer_type event");
  if (bytes !== undefined && rate !== undefined)
    problems.add(
      fields.at("max_decisions_per_second"),
      "is given, and so is buffer_size_limit_bytes: OPA takes one",
    );
  checkDelays(fields, least, most, problems);
  return {
    bufferType,
    bufferSizeLimitBytes: bytes ?? 32 * 2 ** 20,
    bufferSizeLimitEvents: events ?? 10_000,
    uploadSizeLimitBytes: upload ?? 32_768,
    minDelayMs: (least ?? 300) * 1_000,
    maxDelayMs: (most ?? 600) * 1_000,
    ...(typeof rate === "number" ? { maxDecisionsPerSecond: rate } : {}),
    trigger: trigger === "immediate" ? "immediate" : "periodic",
  };
}

function readSpill(fields: Fields, problems: Problems, files: boolean): SpillConfig {
  const directory = fields.required("directory");
  if (!files) problems.add(fields.at("directory"), noFiles);
  const maxBytes = fields.integer("max_bytes", 2 ** 20, 2 ** 44) ?? 2 ** 30;
  fields.end();
  return { directory, maxBytes };
}

function readPath(fields: Fields, name: string, fallback: string, problems: Problems): string {
  const path = (fields.string(name) ?? fallback).replace(/^\/+|\/+$/g, "");
  if (path === "") problems.add(fields.at(name), "must be a path below data, e.g. system/log/mask");
  return path;
}
