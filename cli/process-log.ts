import type { Log, LogFormat, LogLevel } from "../sidecar/record/log.js";
import { createProcessLog, logFormats, logLevels } from "../sidecar/record/log.js";
import { UsageError } from "./main.js";

/** Reads `--log-level` and `--log-format`. @throws UsageError */
export function logOptions(level = "info", format = "json"): { level: LogLevel; format: LogFormat } {
  const knownLevel = logLevels.find((known) => known === level);
  const knownFormat = logFormats.find((known) => known === format);
  if (knownLevel === undefined) throw new UsageError(`--log-level: one of ${logLevels.join(", ")}`);
  if (knownFormat === undefined) throw new UsageError(`--log-format: one of ${logFormats.join(", ")}`);
  return { level: knownLevel, format: knownFormat };
}

/** The process log on stderr. @throws UsageError */
export function processLog(level?: string, format?: string): Log {
  return createProcessLog({ ...logOptions(level, format), write: (text) => process.stderr.write(text) });
}
