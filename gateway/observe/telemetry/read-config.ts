import type { Fields, Problems } from "../../../sidecar/contract.js";
import { JsonNumber } from "../../../sidecar/contract.js";

export interface TelemetryConfig {
  /** Of a collector that takes OTLP over HTTP; absent: what the environment says. */
  readonly endpoint?: string;
  readonly serviceName: string;
  /** The share of the traces that begin here that is sent, in [0, 1]. */
  readonly sample: number;
  /** Whether a client's `traceparent` is continued. */
  readonly trustTraceparent: boolean;
  /** Whether upstreams are told a `traceparent` of ours. */
  readonly propagate: boolean;
  readonly metricsEveryMs: number;
}

/** What counts where the environment alone names a collector. */
export const defaultTelemetry: TelemetryConfig = {
  ...{ serviceName: "countersign-gateway", sample: 1, trustTraceparent: false, propagate: false },
  metricsEveryMs: 60_000,
};

/** Reads `telemetry`. */
export function readTelemetryConfig(fields: Fields, problems: Problems): TelemetryConfig {
  const endpoint = fields.string("endpoint");
  const sample = fields.raw("sample");
  const share = sample instanceof JsonNumber ? Number(sample.text) : (sample ?? 1);
  if (typeof share !== "number" || !(share >= 0 && share <= 1))
    problems.add(fields.at("sample"), "must be a number from 0 to 1");
  if (endpoint !== undefined && !/^https?:\/\/[^\s?#@]+$/.test(endpoint))
    problems.add(fields.at("endpoint"), "must be http or https, without credentials, query or fragment");
  const config: TelemetryConfig = {
    ...(endpoint === undefined ? {} : { endpoint: endpoint.replace(/\/+$/, "") }),
    serviceName: fields.string("service_name") ?? defaultTelemetry.serviceName,
    sample: typeof share === "number" ? share : defaultTelemetry.sample,
    trustTraceparent: fields.boolean("trust_traceparent") ?? defaultTelemetry.trustTraceparent,
    propagate: fields.boolean("propagate") ?? defaultTelemetry.propagate,
    metricsEveryMs: fields.integer("metrics_every_ms", 50, 3_600_000) ?? defaultTelemetry.metricsEveryMs,
  };
  fields.end();
  return config;
}
