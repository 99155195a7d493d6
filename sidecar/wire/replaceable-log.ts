/** Opens the decision log; a discovered configuration may put another in its place. */
import { randomUUID } from "node:crypto";
import type { BundlesConfig } from "../bundles/config.js";
import type { DecisionLogsConfig } from "../record/upload-config.js";
import type { DecisionLogParts, OpenedLog } from "./decision-log.js";
import { openDecisionLog } from "./decision-log.js";

export interface ReplaceableLog {
  /** Absent: nothing is logged, and nothing ever will be. */
  readonly decisionLog?: OpenedLog;
  /** What each of its lines says of this sidecar. */
  readonly labels: Readonly<Record<string, string>>;
  /** Takes another configuration, where it is another. @throws Error where it can't be opened; the one before stays */
  configure(logs: DecisionLogsConfig, bundles: BundlesConfig): Promise<void>;
}

/** @throws Error as {@link openDecisionLog} */
export async function openReplaceableLog(parts: DecisionLogParts): Promise<ReplaceableLog> {
  const { config, version, log } = parts;
  const labels = { id: randomUUID(), version, ...config.labels };
  const open = (logs: DecisionLogsConfig, bundles: BundlesConfig): Promise<OpenedLog | undefined> =>
    openDecisionLog({ ...parts, config: { ...config, labels, decisionLogs: logs, bundles } });
  let shown = shownOf(config.decisionLogs, config.bundles);
  let current = await open(config.decisionLogs, config.bundles);
  if (config.discovery === undefined) {
    const fixed = current === undefined ? {} : { decisionLog: current };
    return { ...fixed, labels, configure: () => Promise.resolve() };
  }
  let closing: Promise<void> = Promise.resolve();
  return {
    labels,
    decisionLog: {
      record: (record, bytes) => current?.record(record, bytes),
      flush: async () => current?.flush(),
      async close() {
        await Promise.all([closing, current?.close()]);
      },
      status: () => current?.status?.(),
    },
    async configure(logs, bundles) {
      const next = shownOf(logs, bundles);
      if (next === shown) return;
      const opened = await open(logs, bundles);
      const before = current;
      current = opened;
      shown = next;
      log.info("decision log configured", { service: logs.upload?.service, console: logs.console });
      // what waits there is written while the next one takes over
      closing = Promise.all([closing, before?.close()]).then(
        () => undefined,
        (error: unknown) => {
          log.error("the decision log that was replaced could not be closed", { error });
        },
      );
    },
  };
}

/** All that makes one decision log another. */
function shownOf(logs: DecisionLogsConfig, { services }: BundlesConfig): string {
  return JSON.stringify([logs, logs.upload === undefined ? undefined : services.get(logs.upload.service)]);
}
