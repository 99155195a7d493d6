/**
 * Measures the longest pause of the event loop while a bundle with 10 MB of data comes into force: no request is answered in it.
 * `node dist/bench/activation.js [MB]`
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createToolchain } from "../sidecar/rego/toolchain.js";
import { bring, bundleOf, configOf } from "../test/bundles/bring.js";

const megabytes = Number(process.argv[2] ?? 10);
const rounds = 5;

function dataOf(round: number): string {
  const users: Record<string, unknown> = {};
  let size = 0;
  for (let i = 0; size < megabytes * 1e6; i++) {
    const user = { id: `user-${i}`, groups: [`g${i % 97}`, `g${i % 89}`], level: i % 7, round, active: true };
    size += JSON.stringify(user).length + 14;
    users[`user-${i}`] = user;
  }
  return JSON.stringify({ users });
}

const toolchain = createToolchain({});
const brought = bring({ toolchain, bundles: [configOf("app", { sizeLimitBytes: 2 ** 30 })] });
const rego = "package app\n\nallow if data.app.users[input.user].active\n";
for (let round = 0; round <= rounds; round++) {
  const bytes = bundleOf({ rego, files: { "app/data.json": dataOf(round) } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const from = performance.now();
  const activation = await brought.store.arrive({ name: "app", origin: "push", content: { bytes } });
  const took = performance.now() - from;
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  const row = {
    round: round === 0 ? "first (starts the compiler)" : round,
    result: activation.kind,
    took_ms: Math.round(took),
    longest_pause_ms: Math.round(delay.max / 1e6),
    rss_mb: Math.round(process.memoryUsage.rss() / 2 ** 20),
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}
await brought.close();
await toolchain.close();
