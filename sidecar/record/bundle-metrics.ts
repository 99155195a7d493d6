/** Counts for Prometheus what becomes of bundles. */
import type { Registry } from "prom-client";
import { Counter, Gauge } from "prom-client";
import type { LabelSet } from "./label.js";
import { learnedLabels } from "./label.js";
import { metricTable } from "./metric-table.js";

export interface BundleMetrics {
  /** Records an activation. `at` is epoch milliseconds. */
  activated(bundle: { readonly name: string; readonly revision: string; readonly at: number }): void;
  /** `code`: one of a closed table. */
  rejected(name: string, code: string): void;
  /** Counts what a service answered that was asked for it. */
  asked(name: string, result: string): void;
  /** Counts what came of a push or a rollback. */
  pushed(action: string, result: string): void;
  /** Says until when what is in force holds, epoch milliseconds; undefined: for ever. */
  expires(name: string, at: number | undefined): void;
}

type Named =
  | "countersign_bundle_info"
  | "countersign_bundle_activated_timestamp_seconds"
  | "countersign_bundle_activations_total"
  | "countersign_bundle_rejected_total"
  | "countersign_bundle_requests_total"
  | "countersign_bundle_pushes_total"
  | "countersign_bundle_expires_timestamp_seconds";

export function createBundleMetrics(registry: Registry): BundleMetrics {
  const facts = (
    name: Named,
  ): { name: string; help: string; labelNames: string[]; registers: Registry[] } => ({
    ...{ name, help: metricTable[name].help, registers: [registry] },
    labelNames: [...metricTable[name].labels],
  });
  const gauge = (name: Named): Gauge => new Gauge({ ...facts(name), aggregator: "max" });
  const info = gauge("countersign_bundle_info");
  const activatedAt = gauge("countersign_bundle_activated_timestamp_seconds");
  const expiresAt = gauge("countersign_bundle_expires_timestamp_seconds");
  const activations = new Counter(facts("countersign_bundle_activations_total"));
  const rejections = new Counter(facts("countersign_bundle_rejected_total"));
  const requests = new Counter(facts("countersign_bundle_requests_total"));
  const pushes = new Counter(facts("countersign_bundle_pushes_total"));
  const bundleLabel: LabelSet = learnedLabels(64);
  const codeLabel: LabelSet = learnedLabels(128);
  const revisions = new Map<string, string>();
  return {
    activated({ name, revision, at }) {
      const bundle = bundleLabel.of(name);
      // INVARIANT: one series per bundle; the revision that it replaces is removed
      const before = revisions.get(bundle);
      if (before !== undefined) info.remove({ bundle, revision: before });
      revisions.set(bundle, revision.slice(0, 128));
      info.set({ bundle, revision: revision.slice(0, 128) }, 1);
      activatedAt.set({ bundle }, at / 1000);
      activations.inc({ bundle, result: "rejected" }, 0);
      activations.inc({ bundle, result: "activated" });
    },
    rejected(name, code) {
      const bundle = bundleLabel.of(name);
      activations.inc({ bundle, result: "activated" }, 0);
      activations.inc({ bundle, result: "rejected" });
      rejections.inc({ bundle, code: codeLabel.of(code) });
    },
    asked(name, result) {
      requests.inc({ bundle: bundleLabel.of(name), result: codeLabel.of(result) });
    },
    pushed(action, result) {
      pushes.inc({ action, result });
    },
    expires(name, at) {
      const bundle = bundleLabel.of(name);
      if (at === undefined) expiresAt.remove({ bundle });
      else expiresAt.set({ bundle }, at / 1000);
    },
  };
}
