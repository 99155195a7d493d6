import { parseArgs } from "node:util";
import { startGateway } from "../gateway/main.js";
import type { Metrics } from "../sidecar/record/metrics.js";
import { serveDiagnostics } from "./diagnostics.js";
import { followConfig } from "./follow-config.js";
import { createGatewayDoors } from "./gateway-doors.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";
import { processLog } from "./process-log.js";
import { readConfigFile } from "./read-config.js";
import { untilStopped } from "./serve.js";

export const gatewayCommand: Command = {
  summary: "the policy enforcement point",
  help: `countersign gateway: asks the sidecar before it forwards anything

Usage: countersign gateway -c FILE [flags]

Flags:
  -c, --config-file FILE     YAML or JSON (docs/gateway.md); read again at SIGHUP
  -w, --watch                read the configuration again when its file changes
      --diagnostic-addr ADDR where /metrics and /health are served; repeatable
  -l, --log-level LEVEL      error, warn, info, debug (default info)
      --log-format FORMAT    json, json-pretty or text (default json)

Examples:
  countersign gateway -c gateway.yaml --watch
  curl localhost:8080/v1/models -H "Authorization: Bearer $TOKEN"
`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        "config-file": { type: "string", short: "c" },
        watch: { type: "boolean", short: "w" },
        "diagnostic-addr": { type: "string", multiple: true },
        "log-level": { type: "string", short: "l" },
        "log-format": { type: "string" },
      },
    });
    const file = values["config-file"];
    if (file === undefined) throw new UsageError("give a configuration with -c FILE");
    const log = processLog(values["log-level"], values["log-format"]);
    const addresses = values["diagnostic-addr"] ?? [];
    const metrics = addresses.length === 0 ? undefined : await loadMetrics();
    const gateway = await startGateway({
      config: readConfigFile(file),
      log,
      ...(metrics === undefined ? {} : { metrics }),
      doors: createGatewayDoors(log),
    });
    const diagnostics = metrics && (await serveDiagnostics(addresses, metrics));
    io.err(`gateway listens on ${gateway.address}\n`);
    if (gateway.forwardProxy !== undefined) io.err(`forward proxy listens on ${gateway.forwardProxy}\n`);
    for (const address of diagnostics?.addresses ?? []) io.err(`metrics at ${address}/metrics\n`);
    const following = followConfig({ file, gateway, watch: values.watch ?? false, signals: process });
    return untilStopped(io, async () => {
      following.close();
      await diagnostics?.close();
      await gateway.close();
    });
  },
};

/** Nothing of it is loaded where nobody asks. */
async function loadMetrics(): Promise<Metrics> {
  const { createMetrics } = await import("../sidecar/record/metrics.js");
  return createMetrics({ process: true });
}
