import { parseArgs } from "node:util";
import type { SidecarOptions } from "../sidecar/main.js";
import { startSidecar } from "../sidecar/main.js";
import type { Command } from "./main.js";
import { UsageError, version } from "./main.js";
import { logOptions } from "./process-log.js";
import { readConfigFile } from "./read-config.js";
import { untilStopped } from "./serve.js";
import { readWorkers, runWorkers } from "./workers.js";

export const sidecarFlags = {
  bundle: { type: "string", short: "b", multiple: true },
  addr: { type: "string", short: "a", multiple: true },
  "diagnostic-addr": { type: "string", multiple: true },
  "config-file": { type: "string", short: "c" },
  set: { type: "string", multiple: true },
  watch: { type: "boolean", short: "w" },
  "tls-cert-file": { type: "string" },
  "tls-private-key-file": { type: "string" },
  "tls-ca-cert-file": { type: "string" },
  authentication: { type: "string" },
  "redis-url": { type: "string" },
  "cache-dir": { type: "string" },
  "log-level": { type: "string", short: "l" },
  "log-format": { type: "string" },
} as const;

export const sidecarFlagHelp = `  -b, --bundle PATH          policy bundle: a directory or .tar.gz, Rego or compiled WASM; repeatable
  -a, --addr ADDRESS         host:port or unix:///path; repeatable (default localhost:8181)
      --diagnostic-addr ADDR where /metrics and /health are served as well; repeatable
      --tls-cert-file FILE   certificate chain in PEM: addresses without a scheme, and https://, have TLS
      --tls-private-key-file FILE
                             its key in PEM
      --tls-ca-cert-file FILE
                             CAs in PEM that client certificates must come from
      --authentication MODE  tls: a client certificate is required; off (default)
  -c, --config-file FILE     YAML or JSON (docs/configuration.md)
      --set KEY=VALUE        override one configuration value; repeatable
  -w, --watch                load bundles again when they change
      --redis-url URL        cache decisions in Redis too (needs --set cache.secret=…)
      --cache-dir DIR        keep compiled bundles here, so that the next start needs no compiler
  -l, --log-level LEVEL      error, warn, info, debug (default info)
      --log-format FORMAT    json, json-pretty or text (default json)`;

type Flags = ReturnType<typeof parseArgs<{ options: typeof sidecarFlags }>>["values"];

/** Turns flags into options for the sidecar. @throws UsageError */
export function sidecarOptions(flags: Flags, defaultAddress: string): SidecarOptions {
  const redis = flags["redis-url"];
  return {
    bundles: flags.bundle ?? [],
    addresses: flags.addr ?? [defaultAddress],
    diagnosticAddresses: flags["diagnostic-addr"] ?? [],
    config: readConfigFile(flags["config-file"]),
    sets: [
      ...(redis === undefined ? [] : [`cache.redis_url=${redis}`]),
      ...tlsSets(flags),
      ...(flags.set ?? []),
    ],
    watch: flags.watch ?? false,
    ...(flags["cache-dir"] === undefined ? {} : { cacheDir: flags["cache-dir"] }),
    log: logOptions(flags["log-level"], flags["log-format"]),
    version: version(),
  };
}

/** Says whether the configuration brings bundles. */
function namesBundles({ config, sets }: Pick<SidecarOptions, "config" | "sets">): boolean {
  const sections = ["bundles", "discovery"];
  const isSection = typeof config === "object" && config !== null && sections.some((name) => name in config);
  return isSection || sets.some((pair) => sections.some((name) => new RegExp(`^${name}[.=]`).test(pair)));
}

/** OPA's flags for TLS, as the settings that they stand for. @throws UsageError */
function tlsSets(flags: Flags): string[] {
  const { authentication } = flags;
  if (authentication !== undefined && authentication !== "tls" && authentication !== "off") {
    throw new UsageError("--authentication is tls or off");
  }
  const certificates = authentication === "tls" ? "required" : undefined;
  const settings: [string, string | undefined][] = [
    ["cert_file", flags["tls-cert-file"]],
    ["key_file", flags["tls-private-key-file"]],
    ["ca_file", flags["tls-ca-cert-file"]],
    // OPA takes the CAs without asking for certificates; here a file of CAs means that they are looked at
    [
      "client_certificates",
      certificates ?? (flags["tls-ca-cert-file"] === undefined ? undefined : "optional"),
    ],
  ];
  return settings.flatMap(([name, value]) =>
    value === undefined ? [] : [`server.tls.${name}=${JSON.stringify(value)}`],
  );
}

const workersFlag = { workers: { type: "string" } } as const;

export const sidecarCommand: Command = {
  summary: "the policy decision point",
  help: `countersign sidecar: the policy decision point

Usage: countersign sidecar [-b PATH] [flags]

Flags:
${sidecarFlagHelp}
      --workers N            so many processes share the addresses (needs a section state with a Redis; default 1)

Examples:
  countersign sidecar -b policies --watch
  countersign sidecar -b bundle.tar.gz -a unix:///run/countersign/pdp.sock -a localhost:8181
  countersign sidecar -b policies --redis-url redis://localhost:6379 --set cache.secret="$CACHE_SECRET"
  countersign sidecar -c sidecar.yaml      (its section bundles says where they come from)
  countersign sidecar -b policies --workers 4 --cache-dir /var/cache/countersign -c sidecar.yaml
  curl localhost:8181/v1/data/countersign/decision -d '{"input": {}}'
`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { ...sidecarFlags, ...workersFlag },
      allowPositionals: false,
    });
    const options = sidecarOptions(values, "localhost:8181");
    if (values.bundle === undefined && !namesBundles(options))
      throw new UsageError(
        "give a bundle with -b PATH, or sections bundles or discovery in the configuration",
      );
    const workers = readWorkers(values.workers);
    if (workers > 1) return runWorkers(workers, options, io);
    const sidecar = await startSidecar(options);
    for (const address of sidecar.addresses) io.err(`sidecar listens on ${address}\n`);
    return untilStopped(io, sidecar.close);
  },
};
