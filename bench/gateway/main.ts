/** Measures the gateway beside others (`make bench-gateway`, docs/performance.md): rates, latencies, CPU, memory. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pinned, pinSelf } from "../process.js";
import { cases } from "./cases.js";
import { measureSystems } from "./measure.js";
import { installPeers, startLitellm, startPortkey } from "./peers.js";
import { drawGateway } from "./picture.js";
import type { System } from "./systems.js";
import { prepareStage } from "./systems.js";
import { gatewayTables } from "./tables.js";

/**
 * `--ms`: milliseconds of a turn; `--only`: systems, by parts of their names between commas; `--case`: cases whose name
 * starts with this; `--rounds`; `--picture`: a file that the picture is written to. With any of them no results are written.
 */
const { values: flags } = parseArgs({
  options: {
    ms: { type: "string" },
    only: { type: "string" },
    case: { type: "string" },
    rounds: { type: "string" },
    picture: { type: "string" },
  },
});
const rounds = Number(flags.rounds ?? 3);
const ms = Number(flags.ms ?? 1_600);
const chosen = cases.filter(({ name }) => flags.case === undefined || name.startsWith(flags.case));
const wanted = (name: string): boolean =>
  flags.only === undefined ||
  flags.only.split(",").some((part) => name.toLowerCase().includes(part.toLowerCase()));
const say = (what: string): void => void process.stderr.write(`${what}\n`);

const names = {
  together: "Countersign, one process",
  cached: "Countersign",
  tokens: "Countersign, new tokens",
  evaluated: "Countersign, new tokens, no decision cache",
  portkey: "Portkey",
  litellm: "LiteLLM",
} as const;

const peers = await installPeers({ portkey: wanted(names.portkey), litellm: wanted(names.litellm), say });
const stage = await prepareStage();
try {
  pinSelf();
  const started = { at: new Date().toISOString(), loadAverage: loadavg()[0] };
  const systems: System[] = [];
  const direct = stage.direct();
  if (wanted(direct.name)) systems.push(direct);
  if (wanted("bare proxy on undici")) systems.push(await stage.bare());
  if (wanted(names.together)) {
    const servers = await stage.countersign([], "together");
    systems.push(servers.as(names.together, "same"));
  }
  if (wanted(names.cached) || wanted(names.tokens)) {
    const servers = await stage.countersign([]);
    systems.push(
      ...(["cached", "tokens"] as const)
        .filter((kind) => wanted(names[kind]))
        .map((kind) => servers.as(names[kind], kind === "cached" ? "same" : "fresh")),
    );
  }
  if (wanted(names.evaluated)) {
    const servers = await stage.countersign(["cache.enabled=false"]);
    systems.push(servers.as(names.evaluated, "fresh"));
  }
  const skipped = [...peers.skipped];
  for (const [name, version, begin] of [
    [names.portkey, peers.portkey, startPortkey],
    [names.litellm, peers.litellm, startLitellm],
  ] as const) {
    if (version === undefined) continue;
    try {
      systems.push(await begin(stage, name));
    } catch (error) {
      skipped.push(`${name} didn't start: ${(error as Error).message.slice(-500)}`);
    }
  }
  const { measured, fellOut } = await measureSystems(systems, { rounds, ms, cases: chosen, say });
  const report = {
    ...{ ...started, loadAverageAfter: loadavg()[0], node: process.version },
    ...{ cpu: cpus()[0]?.model ?? "", cores: cpus().length, pinned, rounds, ms },
    ...{ peers: { ...peers, skipped: [...skipped, ...fellOut] }, cases: chosen, measured },
  };
  process.stdout.write(`${gatewayTables(report).join("\n\n")}\n`);
  if (flags.picture !== undefined) await writeFile(flags.picture, drawGateway(measured));
  if (Object.keys(flags).length === 0) {
    const results = fileURLToPath(new URL("../../../bench/results/", import.meta.url));
    await mkdir(results, { recursive: true });
    const images = fileURLToPath(new URL("../../../docs/images/", import.meta.url));
    await writeFile(`${images}gateway.svg`, drawGateway(measured));
    await writeFile(`${results}gateway.json`, `${JSON.stringify(report, null, 2)}\n`);
  }
} finally {
  await stage.close();
}
