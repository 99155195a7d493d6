/** Countersign in the process that asks: no hop, no socket (docs/library.md). */
import { randomUUID } from "node:crypto";
import type { Answer, AskOptions, InProcess } from "./api/in-process.js";
import { createInProcess } from "./api/in-process.js";
import { watchClock } from "./decide/clock.js";
import { parseSidecarConfig } from "./config.js";
import type { Json } from "./contract.js";
import { isObject, parseJson, stringifyJson } from "./contract.js";
import type { Log, LogLevel } from "./record/log.js";
import { createProcessLog } from "./record/log.js";
import { createMetrics } from "./record/metrics.js";
import { createRecorder } from "./record/record.js";
import { openDecisionLog } from "./wire/decision-log.js";
import { wireEpochs } from "./wire/epochs.js";
import { openPolicies } from "./wire/policies.js";

export type { Answer, AskOptions };

export interface CountersignOptions {
  /** Paths of bundles: directories or `.tar.gz`, Rego or compiled. `name=path` names one. */
  readonly bundles: readonly string[];
  /** Of the sidecar's configuration `decision`, `cache`, `decision_logs`, `audit` and `labels`; nothing is logged unless a file is given. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Where compiled bundles are kept, so that the next start needs no compiler. */
  readonly cacheDir?: string;
  /** Loads bundles again when they change. */
  readonly watch?: boolean;
  /** Of what is told on standard error; `warn` unless given. */
  readonly logLevel?: LogLevel;
}

export interface Countersign extends InProcess {
  /** Metrics as Prometheus reads them. */
  metrics(): Promise<string>;
  /** Writes what the decision log still holds, and lets all go. */
  close(): Promise<void>;
}

const settings = ["decision", "cache", "decision_logs", "audit", "labels"];

/**
 * Opens bundles for decisions in this process.
 * @throws ConfigRefused with every problem; Error where no bundle could be activated
 */
export async function openCountersign(options: CountersignOptions): Promise<Countersign> {
  const config = parseSidecarConfig(configOf(options.config));
  const clock = watchClock();
  const { now } = clock;
  const micros = (): number => performance.now() * 1000;
  const log: Log = createProcessLog({
    ...{ level: options.logLevel ?? "warn", format: "json" },
    write: (text) => process.stderr.write(text),
  });
  const metrics = createMetrics();
  const epochs = wireEpochs({ config, metrics, log, now });
  const policy = openPolicies({
    ...{ config, sources: options.bundles, cacheDir: options.cacheDir, metrics, log, clock, micros, epochs },
    news: { changed: () => undefined },
  });
  const bundles = policy.bundles.current;
  const decisionLog = await openDecisionLog({ config, version: "library", metrics, log, bundles, now });
  const close = async (): Promise<void> => {
    policy.bundles.close();
    await epochs.close();
    await decisionLog?.close();
    await policy.close();
  };
  try {
    await policy.start();
    if (options.watch === true) policy.bundles.watch();
  } catch (error) {
    await close();
    throw error;
  }
  const recorder = createRecorder({
    ...{ metrics, log, now, locate: () => ({ network: "" }) },
    ...(decisionLog === undefined ? {} : { decisionLog }),
  });
  const own = createInProcess({
    bundles: policy.bundles.current,
    evaluate: policy.evaluate,
    strict: config.decision.strictBuiltinErrors,
    recordAt: recorder.dataAt,
    epoch: epochs.of,
    recordsLater: decisionLog !== undefined,
    newId: randomUUID,
    micros,
  });
  return { ...own, metrics: metrics.text, close };
}

/** Gives the configuration that was asked for. @throws Error where it names what has no meaning here */
function configOf(given: CountersignOptions["config"] = {}): Json {
  const config = parseJson(stringifyJson(given as Json));
  if (!isObject(config)) throw new Error("config must be an object");
  const other = Object.keys(config).filter((name) => !settings.includes(name));
  if (other.length > 0)
    throw new Error(`config: ${other.join(", ")}: in a library, only ${settings.join(", ")} count`);
  const logs = config["decision_logs"];
  const isTold = isObject(logs) && (logs["console"] !== undefined || logs["file"] !== undefined);
  return isTold ? config : { ...config, decision_logs: { ...(isObject(logs) ? logs : {}), console: false } };
}
