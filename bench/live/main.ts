/** Measures what the register of live things costs a call, and how soon a stream's client sees that a fence cut it. */
import { handlesOf } from "../../gateway/live/handles.js";
import type { Alive } from "../../gateway/live/live.js";
import { createLive } from "../../gateway/live/live.js";
import type { Decision } from "../../sidecar/contract.js";
import { allow, chatBody, post, startWorld, subject, until } from "../../test/gateway/world.js";

const call = { resource: { type: "model", id: "gpt", properties: { provider: "openai" } } };
const decisionOf = (i: number): Decision =>
  ({
    ...{ decision_id: `d-${i}`, bundles: { main: { revision: "1" } } },
    subject: {
      ...{ type: "agent", id: `agent-${i % 500}`, tenant: "acme" },
      handles: [`workload:w-${i % 50}`, "chain:alice", `token:${i}`, `session:${i % 1_000}`],
    },
    task: { id: `t-${i % 3_000}`, lineage: ["root", `t-${i % 3_000}`], proven: true },
  }) as unknown as Decision;

/** Gives the CPU time of one call, microseconds, with 1,000 live. */
function costOf(fences: number): number {
  const live = createLive({ now: Date.now, onFault: () => undefined });
  const all = Array.from({ length: fences }, (_, i) => ({ id: `f-${i}`, match: { subject: `x-${i}` } }));
  live.apply({ kind: "all", fences: all });
  const open: Alive[] = [];
  const calls = 200_000;
  const from = process.cpuUsage();
  for (let i = 0; i < calls; i++) {
    const alive = live.begin({ kind: "call", cut: () => undefined });
    const decision = decisionOf(i);
    alive.under(decision, handlesOf(decision, call));
    open[i % 1_000]?.release();
    open[i % 1_000] = alive;
  }
  const { user, system } = process.cpuUsage(from);
  return (user + system) / calls;
}

/** Gives the times from a fence on the sidecar's side to the end of the stream at its client, milliseconds. */
async function timesToCut(streams: number, fences: number): Promise<number[]> {
  const world = await startWorld();
  world.model.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(": begun\n\n");
  };
  await until(() => world.sidecar.connected() === 1);
  const times: number[] = [];
  const ends: Promise<unknown>[] = [];
  for (let i = 0; i < streams; i++) {
    world.sidecar.decide = () => ({ allow: true, subject: { ...subject, id: `agent-${i}` } });
    const response = await post(world, "/v1/chat/completions", chatBody({ stream: true }));
    ends.push(response.text());
  }
  world.sidecar.decide = allow;
  for (let i = 0; i < fences; i++) {
    const from = performance.now();
    world.sidecar.fence({ id: `f-${i}`, match: { subject: `agent-${i}` } });
    await ends[i];
    times.push(performance.now() - from);
  }
  world.gateway.endConnections({});
  await Promise.all(ends);
  await world.close();
  return times.sort((one, other) => one - other);
}

console.log("CPU of one call in the register, with 1,000 live things:");
costOf(0);
for (const fences of [0, 10_000]) console.log(`  ${fences} fences: ${costOf(fences).toFixed(1)} µs`);
const [streams, fences] = [500, 100];
const times = await timesToCut(streams, fences);
const at = (share: number): string => (times[Math.ceil(share * times.length) - 1] ?? 0).toFixed(1);
console.log(`from fence to the end at the client, ${streams} streams live, ${fences} fences, one each:`);
console.log(`  median ${at(0.5)} ms, 95 % ${at(0.95)} ms, worst ${at(1)} ms`);
