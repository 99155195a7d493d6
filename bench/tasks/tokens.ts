/**
 * What a task's token costs: made, verified for the first time, known, and absent. Microseconds of CPU, all threads,
 * medians of interleaved rounds: `node --no-warnings dist/bench/tasks/tokens.js`.
 */
import { randomUUID } from "node:crypto";
import { assertionAlgorithms, generateSigningKey } from "../../sidecar/assert/keys.js";
import { createSignToken } from "../../sidecar/assert/sign.js";
import { Fields, Problems } from "../../sidecar/contract.js";
import { mintIdentity } from "../../sidecar/identify/mint.js";
import { readTasks } from "../../sidecar/state/tasks/config.js";
import { createTasks } from "../../sidecar/state/tasks/create-tasks.js";
import { interleave, timed, type Contestant } from "../engine/rounds.js";

const issuer = "https://idp.example";
const link = { type: "agent", id: "agent:senior-assistant", issuer } as const;
const identity = mintIdentity({
  ...{ ...link, tenant: "acme", method: "jwt", assurance: "bearer", groups: [], roles: [], claims: {} },
  credentials: [{ method: "jwt", id: randomUUID(), issuer }],
  chain: [{ type: "user", id: "sam@acme.example", issuer }, link],
  expiresAt: Date.now() + 3_600_000,
});
const problems = new Problems();
const config = readTasks(new Fields({}, "tasks", problems), problems);

const contestants: Contestant[] = [];
for (const algorithm of assertionAlgorithms) {
  const key = await generateSigningKey(algorithm);
  const keys = JSON.stringify({ keys: [key.publicKey] });
  const tasks = createTasks({
    ...{ config, now: Date.now, newId: randomUUID, sign: createSignToken(() => key) },
    keys: () => keys,
  });
  const first = await tasks.resolve({}, identity);
  if (first.kind === "refused") throw new Error(first.code);
  const make = (): string => tasks.issue(first.task, identity)?.token ?? "";
  const known = make();
  await tasks.resolve({ token: known }, identity);
  contestants.push(
    timed(`${algorithm}: sign`, make),
    // a new one each time: what it took to sign is taken off below
    timed(`${algorithm}: sign and verify`, () => tasks.resolve({ token: make() }, identity)),
    timed(`${algorithm}: known`, () => tasks.resolve({ token: known }, identity)),
  );
  if (algorithm === "ES256") {
    contestants.push(
      timed("no token", () => tasks.resolve({}, identity)),
      timed("a hint", () => tasks.resolve({ hints: [{ kind: "mcp_session", id: "s-1" }] }, identity)),
    );
  }
}

const samples = await interleave(contestants, { rounds: 15, ms: 40, warmMs: 300 });
for (const [name, { median, fastest, slowest }] of samples) {
  const row = [median, fastest, slowest].map((value) => value.toFixed(1).padStart(8));
  process.stdout.write(`${name.padEnd(24)}${row.join("")} µs\n`);
}
