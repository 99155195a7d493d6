/** Tells a collector of requests by OpenTelemetry's own SDK. Loaded only where a collector is configured. */
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import type { ViewOptions } from "@opentelemetry/sdk-metrics";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Histograms } from "./metrics.js";
import { genAiMetrics } from "./metrics.js";
import type { TraceParts } from "./otlp-trace.js";
import { OtlpTrace } from "./otlp-trace.js";
import type { Telemetry } from "./trace.js";

export interface OtlpParts extends TraceParts {
  /** Without a slash at its end. */
  readonly endpoint: string;
}

/** How long a collector may take, and how long a gateway that stops waits for it, milliseconds. */
const [timeoutMillis, patienceMs] = [5_000, 2_000];
/** Creates the connection to a collector. What can't be sent is dropped; no request waits. */
export function createOtlp(parts: OtlpParts): Telemetry {
  const { config, endpoint } = parts;
  const resource = resourceFromAttributes({ "service.name": config.serviceName });
  const tracers = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.sample) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis }),
      }),
    ],
  });
  const views = Object.entries(genAiMetrics).map(([instrumentName, [, boundaries]]): ViewOptions => {
    const options = { boundaries: [...boundaries], recordMinMax: true };
    return { instrumentName, aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options } };
  });
  const meters = new MeterProvider({
    ...{ resource, views },
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics`, timeoutMillis }),
        exportIntervalMillis: config.metricsEveryMs,
        exportTimeoutMillis: Math.min(config.metricsEveryMs, 10_000),
      }),
    ],
  });
  const meter = meters.getMeter("countersign");
  const histograms = Object.fromEntries(
    Object.entries(genAiMetrics).map(([name, [unit]]) => [name, meter.createHistogram(name, { unit })]),
  ) as Histograms;
  const tracer = tracers.getTracer("countersign");
  return {
    begin: (request) => new OtlpTrace(parts, histograms, tracer, request),
    async close() {
      const patience = new Promise<void>((resolve) => setTimeout(resolve, patienceMs).unref());
      await Promise.race([Promise.allSettled([tracers.shutdown(), meters.shutdown()]), patience]);
    },
  };
}
