/** Keeps two hundred sessions at work for minutes, and watches the memory of the process (`make bench-tools`). */
import { parseArgs } from "node:util";
import { table } from "../engine/tables.js";
import { slopeOf } from "../gateway/slope.js";
import { treeResidentMb } from "../gateway/usage.js";
import { connect } from "./caller.js";
import { prepareStage } from "./stage.js";
import { ms, summarise } from "./times.js";

const { values: flags } = parseArgs({
  options: { seconds: { type: "string" }, sessions: { type: "string" }, every: { type: "string" } },
});
const seconds = Number(flags.seconds ?? 300);
const sessions = Number(flags.sessions ?? 200);
/** Milliseconds between the calls of a session. */
const every = Number(flags.every ?? 1_000);
/** What comes before it is warming up, and doesn't count for the slope. */
const warmShare = 0.2;

const stage = await prepareStage({
  ...{ servers: ["s00"], toolsPerServer: 20, allowed: () => true },
  mcp: { max_sessions_per_caller: sessions },
});
try {
  const callers = await Promise.all(
    Array.from({ length: sessions }, () => connect(stage.gateway, "/mcp/s00", "sessions", stage.token)),
  );
  const [times, broken]: [number[], string[]] = [[], []];
  const samples: (readonly [second: number, mb: number])[] = [];
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1_000;
  const watch = setInterval(() => samples.push([elapsed(), treeResidentMb(stage.pid)]), 1_000);
  await Promise.all(
    callers.map(async (caller, i) => {
      await new Promise((resolve) => setTimeout(resolve, (i / sessions) * every));
      for (let n = 0; elapsed() < seconds; n++) {
        // arguments recur: each new one would be an entry of the decision cache, which takes up to 32 MiB
        const text = `text ${i} ${n % 7}`;
        const before = performance.now();
        // the list now and then, as clients do
        const asked =
          n % 20 === 0
            ? caller.call("tools/list", {})
            : caller.call("tools/call", { name: "tool_01", arguments: { text } });
        await asked.then(
          ({ result }) => {
            if (n % 20 !== 0 && !JSON.stringify(result).includes(`found ${text}"`))
              broken.push("the answer is another's");
          },
          (error: unknown) => void broken.push(String(error)),
        );
        const took = performance.now() - before;
        times.push(took);
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, every - took)));
      }
    }),
  );
  clearInterval(watch);
  for (const caller of callers) await caller.close();
  const settled = samples.filter(([second]) => second >= seconds * warmShare);
  const all = samples.map(([, mb]) => mb);
  const { p50, p99, count } = summarise(times);
  process.stdout.write(
    `${sessions} sessions for ${seconds} s, a call each ${every} ms in each\n\n${table(
      [
        "calls",
        "broken",
        "p50 ms",
        "p99 ms",
        "MB at first",
        "MB when warm",
        "MB at most",
        "MB at last",
        "MB per minute when warm",
      ],
      [
        [
          ...[count.toLocaleString("en-US"), String(broken.length), ms(p50), ms(p99)],
          ...[all[0], settled[0]?.[1], Math.max(...all), all.at(-1)].map((mb) => (mb ?? NaN).toFixed(0)),
          (slopeOf(settled) * 60).toFixed(2),
        ],
      ],
    )}\n${[...new Set(broken)].slice(0, 5).join("\n")}\n`,
  );
  if (broken.length > 0) process.exitCode = 1;
} finally {
  await stage.close();
}
