/** A sidecar that takes pushes of the bundle `app`; tells how long its event loop stood still. */
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { configOf, keys, writeKeys } from "../../test/push/world.js";
import { startSidecar } from "../../sidecar/main.js";

const [, , dir = ""] = process.argv;
await writeKeys(dir);
const bundles = { app: { push: { unsigned: true }, size_limit_bytes: 134_217_728 } };
const sidecar = await startSidecar({
  ...{ bundles: [], addresses: ["127.0.0.1:0"], diagnosticAddresses: [] },
  cacheDir: join(dir, "cache"),
  config: configOf(dir, { config: { bundles } }) as never,
  ...{ sets: [], watch: false, log: { level: "error", format: "json" }, version: "bench" },
});
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on("message", (asked) => {
  if (asked === "pause") {
    process.send?.({ pauseMs: delay.max / 1e6 });
    delay.reset();
  } else void sidecar.close().then(() => process.exit(0));
});
process.send?.({ url: sidecar.addresses[0], key: keys.pusher });
