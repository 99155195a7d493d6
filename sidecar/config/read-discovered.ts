/** Reads what a discovery bundle says, and lays it beside what the sidecar's own configuration says. */
import type { BundlesConfig, KeyConfig } from "../bundles/config.js";
import { readBundles } from "../bundles/read-config.js";
import { readKeys } from "../bundles/read-keys.js";
import { readServices } from "../bundles/read-services.js";
import type { SidecarConfig } from "../config.js";
import type { Json } from "../contract.js";
import { Fields, Problems } from "../contract.js";
import { noFiles } from "../net/read-file.js";
import { createService } from "../net/service/service.js";
import { readDecisionLogs } from "../record/read-config.js";
import type { DecisionLogsConfig } from "../record/upload-config.js";
import type { StatusConfig } from "../status/config.js";
import { readStatus } from "../status/config.js";
import { ConfigRefused } from "./config-refused.js";

/** All that counts now: what was discovered, and what the sidecar's own configuration says. */
export interface Discovered {
  readonly bundles: BundlesConfig;
  readonly decisionLogs: DecisionLogsConfig;
  readonly status?: StatusConfig;
  /** Places of what was discovered and doesn't count, since the sidecar's own configuration says something else. */
  readonly overridden: readonly string[];
}

export interface DiscoveredParts {
  readonly value: Json;
  readonly own: Pick<SidecarConfig, "audit" | "bundles" | "decisionLogs" | "status" | "discovery">;
  /** Names of bundles that come from elsewhere. */
  readonly taken: ReadonlySet<string>;
}

const ownOnly = "it is for the sidecar's own configuration";
const fixed = [
  ...[
    "api",
    "assertion",
    "audit",
    "cache",
    "decision",
    "discovery",
    "fences",
    "identity",
    "labels",
    "limits",
  ],
  ...["networks", "operator", "pep", "persistence_directory", "server", "signals", "state", "tasks"],
  ...["time_zone", "default_decision", "default_authorization_decision", "caching", "distributed_tracing"],
  ...["metrics_export", "nd_builtin_cache", "plugins", "storage"],
];

/**
 * Reads a discovered configuration. As with OPA, what the sidecar's own says of a name counts, whole; its keys and the
 * service of discovery itself can't be others. It names no files of this machine.
 * @throws ConfigRefused with every problem by its place
 */
export function readDiscovered({ value, own, taken }: DiscoveredParts): Discovered {
  const problems = new Problems();
  const top = new Fields(value, "", problems);
  top.refuse(Object.fromEntries(fixed.map((name) => [name, ownOnly])));
  const rules = {
    files: false,
    readText(): string {
      throw new Error(noFiles);
    },
  };
  const overridden: string[] = [];
  const beside = <T>(section: string, mine: ReadonlyMap<string, T>, found: ReadonlyMap<string, T>) => {
    for (const [name, one] of found) {
      const same = mine.get(name);
      if (same !== undefined && JSON.stringify(same) !== JSON.stringify(one))
        overridden.push(`${section}.${name}`);
    }
    return new Map([...found, ...mine]);
  };

  const services = beside(
    "services",
    own.bundles.services,
    readServices(top.raw("services"), problems, rules),
  );
  const from = own.discovery?.bundle.from;
  if (from?.kind === "service" && overridden.includes(`services.${from.service}`))
    problems.add(`services.${from.service}`, "is where this comes from, and can't be another");
  for (const [name, service] of services) {
    if (own.bundles.services.has(name) || problems.list.length > 0) continue;
    try {
      createService(service).close();
    } catch (error) {
      problems.add("services", error instanceof Error ? error.message : `${name} can't be asked`);
    }
  }
  const found = readKeys(top, problems, rules);
  const keys = beside("keys", own.bundles.keys, found);
  refuseKeys(found, own.bundles, problems);

  const read = readBundles(top, problems, { services, keys, files: false });
  const mine = new Map(own.bundles.bundles.map((bundle) => [bundle.name, bundle]));
  for (const { name } of read) {
    if (taken.has(name) && !mine.has(name))
      problems.add(`bundles.${name}`, "is the name of a bundle of the sidecar's own");
  }
  const bundles = beside("bundles", mine, new Map(read.map((bundle) => [bundle.name, bundle])));

  const strict = own.audit.mode === "strict";
  const referred = { services, files: false, given: top.has("decision_logs"), strict };
  const logs = readDecisionLogs(top.nested("decision_logs"), problems, referred);
  const status = top.has("status") ? readStatus(top.nested("status"), problems, services) : undefined;
  if (referred.given && own.decisionLogs.unconfigured !== true) overridden.push("decision_logs");
  if (status !== undefined && own.status !== undefined) overridden.push("status");
  const told = own.status ?? status;
  top.end();
  if (problems.list.length > 0) throw new ConfigRefused(problems.list);
  const { persistenceDirectory } = own.bundles;
  return {
    bundles: {
      ...{ services, keys, bundles: [...bundles.values()] },
      ...(persistenceDirectory === undefined ? {} : { persistenceDirectory }),
    },
    decisionLogs: referred.given && own.decisionLogs.unconfigured === true ? logs : own.decisionLogs,
    ...(told === undefined ? {} : { status: told }),
    overridden,
  };
}

/**
 * INVARIANT: what the sidecar's own configuration wants signed is verified by its own keys. A signature names its key itself
 * where `signing.keyid` doesn't.
 */
function refuseKeys(found: ReadonlyMap<string, KeyConfig>, own: BundlesConfig, problems: Problems): void {
  for (const [id, key] of found) {
    const mine = own.keys.get(id);
    if (mine !== undefined && JSON.stringify(mine) !== JSON.stringify(key))
      problems.add(`keys.${id}`, "is one of the sidecar's own, and can't be another");
  }
  const open = own.bundles.find(({ signing }) => signing !== undefined && signing.keyid === undefined);
  if (open !== undefined && [...found.keys()].some((id) => !own.keys.has(id)))
    problems.add(
      "keys",
      `could verify the bundle ${open.name}: give it a signing.keyid in the sidecar's own configuration`,
    );
}
