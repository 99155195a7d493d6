/** Measures how long a list of a thousand tools of fifty servers takes, filtered by the shipped policies (`make bench-tools`). */
import { parseArgs } from "node:util";
import { table } from "../engine/tables.js";
import { cpuMicros } from "../gateway/usage.js";
import { connect } from "./caller.js";
import { prepareStage } from "./stage.js";
import { ms, summarise } from "./times.js";

const { values: flags } = parseArgs({ options: { lists: { type: "string" } } });
const lists = Number(flags.lists ?? 200);
const servers = Array.from({ length: 50 }, (_, i) => `m${String(i).padStart(2, "0")}`);
const toolsPerServer = 20;
const mcp = (maxAgeMs: number) => ({ together: servers, list_max_age_ms: maxAgeMs });

/** Lists again and again. @param maxAgeMs how old the servers' own lists may be */
async function run(maxAgeMs: number): Promise<string[][]> {
  // every other tool is another tenant's
  const stage = await prepareStage({
    servers,
    toolsPerServer,
    allowed: (i) => i % 2 === 0,
    mcp: mcp(maxAgeMs),
  });
  try {
    const caller = await connect(stage.gateway, "/mcp", "stateless", stage.token);
    const list = async (): Promise<number> => {
      const before = performance.now();
      const { result } = await caller.call("tools/list", {});
      const took = performance.now() - before;
      const { length } = result["tools"] as unknown[];
      if (length !== (servers.length * toolsPerServer) / 2) throw new Error(`${length} tools were listed`);
      return took;
    };
    const first = await list();
    for (let i = 0; i < Math.min(lists, 100); i++) await list();
    const before = cpuMicros(stage.pid);
    const times: number[] = [];
    for (let i = 0; i < lists; i++) times.push(await list());
    const cpu = (cpuMicros(stage.pid) - before) / lists / 1_000;
    await caller.close();
    const { p50, p99, most } = summarise(times);
    const name = maxAgeMs === 0 ? "servers asked each time" : "servers' lists are known";
    return [
      ...(maxAgeMs === 0
        ? []
        : [["the first: 50 servers met, 1,000 definitions approved", ms(first), "", "", ""]]),
      [name, ms(p50), ms(p99), ms(most), ms(cpu)],
    ];
  } finally {
    await stage.close();
  }
}

const rows = [...(await run(3_600_000)), ...(await run(0))];
process.stdout.write(
  `tools/list of 1,000 tools over 50 servers, 500 of them given: ${lists} lists\n\n${table(
    ["", "p50 ms", "p99 ms", "most ms", "ms of CPU"],
    rows,
  )}\n`,
);
