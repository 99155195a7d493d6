/** The metrics that a collector gets. Source: semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md. */
import type { Histogram } from "@opentelemetry/api";

/** The boundaries of the conventions. */
const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const firsts = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5],
  ...[0.75, 1, 2.5, 5, 7.5, 10],
];
const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];

export const genAiMetrics = {
  "gen_ai.client.token.usage": ["{token}", tokens],
  "gen_ai.client.operation.duration": ["s", seconds],
  "gen_ai.client.operation.time_to_first_chunk": ["s", seconds],
  "gen_ai.server.request.duration": ["s", seconds],
  "gen_ai.server.time_to_first_token": ["s", firsts],
  "gen_ai.server.time_per_output_token": [
    "s",
    [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  ],
} as const satisfies Record<string, readonly [string, readonly number[]]>;
export type Histograms = Readonly<Record<keyof typeof genAiMetrics, Histogram>>;
