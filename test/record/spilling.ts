/** What the tests of the upload and of the spill share. */
import { gunzipSync } from "node:zlib";
import type { ReportingConfig } from "../../sidecar/record/upload-config.js";

/** An event of about the size that real ones have, and that compresses about as they do. */
export function lineOf(n: number): string {
  const noise = Math.imul(n + 1, 2_654_435_761) >>> 0;
  const id = `${noise.toString(16)}-${n.toString(16)}`;
  return JSON.stringify({
    labels: { id: "sidecar", version: "0.1.0" },
    ...{ type: "decision", decision_id: id, n, path: "countersign/decision" },
    input: {
      resource: { arguments: { path: { type: "string", bytes: n % 97, sha256: `${noise}${noise}${n}` } } },
    },
    result: { allow: n % 7 !== 0, labels: [], ttl: 30 },
    metrics: { timer_rego_query_eval_ns: noise % 90_000, timer_server_handler_ns: noise % 170_000 },
    bundles: { main: { revision: "r7" } },
  });
}

/** The numbers of an upload's events. */
export function numbersOf(body: Buffer): number[] {
  return (JSON.parse(gunzipSync(body).toString()) as { n: number }[]).map(({ n }) => n);
}

export const configOf = (changes: Partial<ReportingConfig> = {}): ReportingConfig => ({
  bufferType: "size",
  bufferSizeLimitBytes: 2 ** 25,
  bufferSizeLimitEvents: 10_000,
  uploadSizeLimitBytes: 32_768,
  minDelayMs: 60_000,
  maxDelayMs: 120_000,
  trigger: "periodic",
  ...changes,
});

export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
};
