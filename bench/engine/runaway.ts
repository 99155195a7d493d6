/** What a runaway policy costs: itself, until it is denied, and others that are asked meanwhile. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSidecarConfig } from "../../sidecar/config.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { applyLoad, ask, requestTemplate } from "../load.js";
import { serverCore, start } from "../process.js";
import { compileCase } from "./build.js";
import { loadCountersign } from "./engines.js";
import { writeCase } from "./opa.js";
import { cpuMicros, sampleOf } from "./rounds.js";
import type { Sample } from "./rounds.js";

export interface Denial {
  readonly policy: string;
  readonly budget: number;
  /** Milliseconds of CPU from the call to the refusal. */
  readonly ms: Sample;
  /** What it was refused as; a value where it ended within its budget. */
  readonly outcome: string;
}

export interface Bystanders {
  readonly budget: number;
  readonly runaways: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Denials of the runaway policy, and milliseconds from request to denial. */
  readonly denials: number;
  readonly denied: Sample | undefined;
}

/** Policies that don't end in reasonable time, by what they spend it on. */
const runaways: Readonly<Record<string, string>> = {
  "nested loops": `some x in input.n
	some y in input.n
	some z in input.n
	x == y
	y == z
	x != z`,
  arithmetic: `some x in input.n
	some y in input.n
	some z in input.n
	x + y + z < 0`,
  "cross product of strings": `some x in input.n
	some y in input.n
	some z in input.n
	concat("-", [input.text, input.text, sprintf("%d", [x + y + z])]) == ""`,
  "growing a set": `count({[x, y, z] | some x in input.n; some y in input.n; some z in input.n}) < 0`,
  "growing an object": `count({x: {y: {z | some z in input.n} | some y in input.n} | some x in input.n}) < 0`,
  sorting: `some x in input.n
	sort(array.concat(input.n, [x])) == []`,
  walking: `some x in input.n
	count([p | walk(input, [p, x])]) < 0`,
  "regular expressions": `some x in input.n
	regex.match(sprintf("^(a+)+%d$", [x]), input.text)`,
  "splitting and joining": `some x in input.n
	some y in input.n
	concat("b", split(input.text, "a")) == sprintf("%d", [x * y])`,
  "parsing JSON": `some x in input.n
	some y in input.n
	json.unmarshal(json.marshal([input, x, y])) == 1`,
  "sprintf (served by Node)": `some x in input.n
	some y in input.n
	sprintf("%s-%d-%d", [input.text, x, y]) == ""`,
  "regex.replace (served by Go)": `some x in input.n
	some y in input.n
	regex.replace(input.text, "(a+)b", sprintf("%d", [x * y])) == ""`,
  "io.jwt.decode (served by Go)": `some x in input.n
	some y in input.n
	io.jwt.decode(concat(".", ["e30", "e30", sprintf("%d", [x * y])]))[0].kid == ""`,
  cidr: `some x in input.n
	some y in input.n
	net.cidr_contains("10.0.0.0/8", concat(".", ["11.0", sprintf("%d.%d", [x % 256, y % 256])]))`,
};

const input = JSON.stringify({ n: Array.from({ length: 2_000 }, (_, i) => i), text: "a".repeat(2_000) });

/** The budget that a sidecar has unless it is configured. */
export const defaultBudget = parseSidecarConfig({}).decision.budget;

/** Measures the time from call to denial, on the engine. */
export async function measureDenials(
  toolchain: Toolchain,
  budgets: readonly number[],
  times: number,
): Promise<Denial[]> {
  const out: Denial[] = [];
  for (const [policy, body] of Object.entries(runaways)) {
    const files = { "runaway.rego": `package runaway\n\nfound if {\n\t${body}\n}\n` };
    const one = { name: policy, files, entrypoint: "runaway/found", data: "{}", inputs: [input] };
    const compiled = await compileCase(toolchain, one, { index: false, marks: false });
    for (const budget of budgets) {
      const loaded = loadCountersign(compiled, budget);
      const asked = JSON.parse(input) as { n: number[]; text: string };
      const took: number[] = [];
      let outcome = "";
      for (let i = 0; i < times; i++) {
        const from = cpuMicros();
        const answer = loaded.evaluate("runaway/found", asked);
        // the first one compiles, and counts, too: a policy is met cold
        took.push((cpuMicros() - from) / 1_000);
        outcome =
          answer.kind === "failed"
            ? `${answer.code}${answer.detail === undefined ? "" : ` (${answer.detail})`}`
            : answer.kind;
      }
      out.push({ policy, budget, ms: sampleOf(took), outcome });
    }
  }
  return out;
}

const quick = `package quick

# METADATA
# entrypoint: true
allow if input.user in data.users
`;
const runaway = `package runaway

# METADATA
# entrypoint: true
found if {
	${runaways["nested loops"] ?? ""}
}
`;

/** Asks a quick policy from 16 clients, with and without one that asks a runaway policy, in one sidecar. */
export async function measureBystanders(
  budgets: readonly number[],
  { rounds, ms }: { rounds: number; ms: number },
): Promise<Bystanders[]> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-"));
  const command = fileURLToPath(new URL("../../../bin/countersign.js", import.meta.url));
  await writeCase(
    {
      ...{ name: "runaway", entrypoint: "", inputs: [] },
      files: { "quick.rego": quick, "runaway.rego": runaway },
      data: JSON.stringify({ users: ["ann", "bob"] }),
    },
    directory,
  );
  const template = requestTemplate("/v1/data/quick/allow", '{"input":{"user":"bob"}}');
  const bad = requestTemplate("/v1/data/runaway/found", `{"input":${input}}`);
  const out: Bystanders[] = [];
  try {
    for (const budget of budgets) {
      const socket = join(directory, `${budget}.sock`);
      const flags = ["-b", directory, "-a", `unix://${socket}`, "-l", "error"];
      const sets = ["cache.enabled=false", "decision_logs.console=false", `decision.budget=${budget}`];
      const server = await start(serverCore, process.execPath, [
        command,
        "sidecar",
        ...flags,
        ...sets.flatMap((set) => ["--set", set]),
      ]);
      try {
        const target = { socket };
        const load = (): ReturnType<typeof applyLoad> =>
          applyLoad({ target, template, connections: 16, duration: ms });
        await load();
        await ask(target, bad.bytes);
        const seen = [0, 1].map(() => ({
          perSecond: [] as number[],
          p50: [] as number[],
          p99: [] as number[],
          denied: [] as number[],
        }));
        for (let round = 0; round < rounds; round++) {
          for (const [count, kept] of seen.entries()) {
            let going = true;
            const looping = Array.from({ length: count }, async () => {
              while (going) {
                const from = performance.now();
                const answer = await ask(target, bad.bytes);
                if (answer.status === 200) throw new Error("a runaway policy was answered");
                kept.denied.push(performance.now() - from);
              }
            });
            const measured = await load();
            going = false;
            await Promise.all(looping);
            kept.perSecond.push(measured.perSecond);
            kept.p50.push(measured.p50);
            kept.p99.push(measured.p99);
          }
        }
        for (const [count, { perSecond, p50, p99, denied }] of seen.entries()) {
          out.push({
            ...{ budget, runaways: count, perSecond: sampleOf(perSecond).median },
            ...{ p50: sampleOf(p50).median, p99: sampleOf(p99).median },
            denials: denied.length,
            denied: denied.length === 0 ? undefined : sampleOf(denied),
          });
        }
      } finally {
        await server.stop();
      }
    }
    return out;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
