import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startGateway } from "../gateway/main.js";
import { startSidecar } from "../sidecar/main.js";
import { followConfig } from "./follow-config.js";
import { createGatewayDoors } from "./gateway-doors.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";
import { readConfigFile } from "./read-config.js";
import { untilStopped } from "./serve.js";
import { sidecarFlagHelp, sidecarFlags, sidecarOptions } from "./sidecar.js";

const shipped = fileURLToPath(new URL("../../policies", import.meta.url));

export const runCommand: Command = {
  summary: "sidecar and gateway in one process",
  help: `countersign run: sidecar and gateway in one process

Usage: countersign run --demo
       countersign run -b PATH --gateway-config FILE [flags]

Flags:
      --demo                 demo identities and upstreams, the shipped policies, loopback only
      --gateway-config FILE  the gateway's configuration; its sidecar.socket is where the sidecar listens;
                         read again at SIGHUP, and with --watch when it changes
${sidecarFlagHelp}

Examples:
  countersign run --demo
  countersign run --demo --watch -b ./my-policies
  countersign run -b policies -c sidecar.yaml --gateway-config gateway.yaml
`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { ...sidecarFlags, demo: { type: "boolean" }, "gateway-config": { type: "string" } },
    });
    if (values.demo === true) return runDemo(values, io);
    const file = values["gateway-config"];
    if (values.bundle === undefined || file === undefined) {
      throw new UsageError("give -b PATH and --gateway-config FILE, or --demo");
    }
    const sidecar = await startSidecar(sidecarOptions(values, "localhost:8181"));
    const gateway = await startGateway({
      config: readConfigFile(file),
      log: sidecar.log,
      metrics: sidecar.metrics,
      ownSidecar: sidecar.own,
      doors: createGatewayDoors(sidecar.log),
    }).catch(async (error: unknown) => {
      await sidecar.close();
      throw error;
    });
    io.err(`gateway listens on ${gateway.address}\n`);
    if (gateway.forwardProxy !== undefined) io.err(`forward proxy listens on ${gateway.forwardProxy}\n`);
    for (const address of sidecar.addresses) io.err(`sidecar listens on ${address}\n`);
    const following = followConfig({ file, gateway, watch: values.watch ?? false, signals: process });
    return untilStopped(io, async () => {
      following.close();
      await gateway.close();
      await sidecar.close();
    });
  },
};

type Flags = Parameters<typeof sidecarOptions>[0];

async function runDemo(flags: Flags, io: Io): Promise<number> {
  // loaded here only: the image carries no demo
  const { startDemo } = await import("../demo/run.js");
  const { sets = [], ...options } = sidecarOptions({ bundle: [shipped], ...flags }, "localhost:8181");
  const demo = await startDemo({
    sidecar: {
      ...options,
      sets,
      diagnosticAddresses: flags["diagnostic-addr"] ?? ["localhost:8282"],
      log: {
        level: flags["log-level"] === undefined ? "warn" : options.log.level,
        format: options.log.format,
      },
    },
    gatewayAddress: "127.0.0.1:8080",
    direct: true,
    cacheDir: flags["cache-dir"] ?? join(fileURLToPath(new URL("../../.cache", import.meta.url)), "bundles"),
  });
  io.out(demo.banner);
  return untilStopped(io, demo.close);
}
