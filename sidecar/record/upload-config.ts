/** What the configuration says of the decision log, in OPA's words. Source: OPA, "Configuration", decision_logs. */

/** `decision_logs.reporting` */
export interface ReportingConfig {
  /** What the limit of the buffer counts. */
  readonly bufferType: "size" | "event";
  /** Most bytes that wait in memory (`size`). OPA's default is no limit; here there is always one. */
  readonly bufferSizeLimitBytes: number;
  /** Most decisions that wait in memory (`event`). */
  readonly bufferSizeLimitEvents: number;
  /** Most bytes of one upload, compressed. */
  readonly uploadSizeLimitBytes: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Decisions past it are dropped and counted. */
  readonly maxDecisionsPerSecond?: number;
  /** `immediate`: as soon as a chunk is full, at the latest after the delay. */
  readonly trigger: "periodic" | "immediate";
}

/** `decision_logs.spill`: where decisions wait that neither the sink nor the memory takes. */
export interface SpillConfig {
  readonly directory: string;
  /** Most bytes on the disk; past it the oldest are dropped and counted. */
  readonly maxBytes: number;
}

/** Where the decision log is sent. */
export interface UploadConfig {
  /** One of `services`. */
  readonly service: string;
  /** Path at the service, without a slash at its ends: `logs`, `logs/<partition_name>`, or `resource`. */
  readonly resource: string;
  readonly reporting: ReportingConfig;
  readonly spill?: SpillConfig;
}

/** `decision_logs` */
export interface DecisionLogsConfig {
  readonly console: boolean;
  readonly file?: string;
  readonly input: "digest" | "full";
  /** Data paths without a slash at their ends: `system/log/mask`, `system/log/drop` unless configured. */
  readonly maskDecision: string;
  readonly dropDecision: string;
  /** No such section is configured: these are defaults. */
  readonly unconfigured?: true;
  /** Absent: it isn't sent anywhere. */
  readonly upload?: UploadConfig;
}
