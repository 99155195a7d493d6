/** What a sidecar tells of itself. Source: OPA, "Status": shapes and names are OPA's. */
import type { BundleStatus } from "../bundles/status.js";
import type { Json, JsonObject } from "../contract.js";

/** How one part of the sidecar is. */
export interface PluginStatus {
  readonly state: "OK" | "NOT_READY" | "WARN" | "ERROR";
  readonly message?: string;
}

export interface DocumentParts {
  /** With `id` and `version`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly bundles: () => readonly BundleStatus[];
  readonly discovery?: () => BundleStatus;
  /** Of the upload: `code`, `message`, `http_code`, `metrics`. */
  readonly decisionLogs?: () => JsonObject | undefined;
}

/** Most of a bundle's errors that are told; a policy with a mistake at its head can have thousands. */
const mostErrors = 20;

/**
 * Gives the document of `/v1/status`, which services get, too.
 * @param own how telling of it goes, where it is told
 */
export function documentOf(parts: DocumentParts, own?: PluginStatus): JsonObject {
  const bundles = parts.bundles().map(shortened);
  const discovery = parts.discovery === undefined ? undefined : shortened(parts.discovery());
  const decisionLogs = parts.decisionLogs?.();
  const plugins: Record<string, PluginStatus> = {
    bundle: stateOf(bundles),
    ...(discovery === undefined ? {} : { discovery: stateOf([discovery]) }),
    ...(decisionLogs === undefined ? {} : { decision_logs: stateOfLogs(decisionLogs) }),
    ...(own === undefined ? {} : { status: own }),
  };
  return {
    labels: { ...parts.labels },
    bundles: Object.fromEntries(bundles.map((bundle) => [bundle.name, jsonOf(bundle)])),
    ...(discovery === undefined ? {} : { discovery: jsonOf(discovery) }),
    ...(decisionLogs === undefined ? {} : { decision_logs: decisionLogs }),
    plugins: jsonOf(plugins),
  };
}

/** Not ready until all are in force; a warning while the newest of one isn't. */
function stateOf(bundles: readonly BundleStatus[]): PluginStatus {
  const waiting = bundles.filter(({ active_revision }) => active_revision === undefined);
  if (waiting.length > 0) return { state: "NOT_READY", message: `not activated: ${namesOf(waiting)}` };
  const refused = bundles.filter(({ code }) => code !== undefined);
  if (refused.length === 0) return { state: "OK" };
  return { state: "WARN", message: `the newest isn't in force: ${namesOf(refused)}` };
}

function stateOfLogs({ code, message }: JsonObject): PluginStatus {
  if (code === undefined) return { state: "OK" };
  return { state: "WARN", ...(typeof message === "string" ? { message } : {}) };
}

function namesOf(bundles: readonly BundleStatus[]): string {
  return bundles.map(({ name, code }) => (code === undefined ? name : `${name} (${code})`)).join(", ");
}

function shortened(bundle: BundleStatus): BundleStatus {
  const { errors } = bundle;
  return errors === undefined || errors.length <= mostErrors
    ? bundle
    : { ...bundle, errors: errors.slice(0, mostErrors) };
}

/** What holds nothing but JSON, said so to the compiler. */
const jsonOf = (value: object): Json => value as Json;
