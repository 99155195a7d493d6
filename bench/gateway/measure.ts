/** Measures systems in turn, round by round, so that noise of the machine meets all of them. */
import type { Case } from "./cases.js";
import { checkAnswer, requestsOf } from "./cases.js";
import type { Measured } from "./load.js";
import { applyLoad } from "./load.js";
import type { System } from "./systems.js";
import { cpuMicros, treeResidentMb, treeShareMb } from "./usage.js";

export interface TurnMeasured extends Measured {
  /** Microseconds of CPU per request, by process. */
  readonly cpu: Readonly<Record<string, number>>;
  /** How much of the time the servers' core worked for them: 1 where they are what is waited for. */
  readonly busy: number;
}

export interface SystemMeasured {
  readonly name: string;
  /** By case. */
  readonly turns: Readonly<Record<string, readonly TurnMeasured[]>>;
  readonly memory: Readonly<Record<string, ProcessMemory>>;
  readonly recorded?: {
    readonly requests: number;
    readonly decisions: number;
    readonly outcomes: number;
    readonly evaluated: number;
  };
}

/** Megabytes. */
export interface ProcessMemory {
  readonly pid: number;
  readonly started: number;
  readonly most: number;
  readonly end: number;
  /** At the end, with shared pages split among who shares them. */
  readonly endShare: number;
}

export interface Plan {
  readonly rounds: number;
  /** Milliseconds of a turn. */
  readonly ms: number;
  readonly cases: readonly Case[];
  readonly say: (what: string) => void;
}

/** No slow system is measured by fewer answers than this in a round with one connection. */
const leastAnswers = 20;
const leastWarmMs = 2_000;
/** More than can be used up; where they are, the turn ends early. */
const tokensPerMs = 5;

/**
 * Measures each case on each system in each round.
 * @returns what was measured, and which of the others fell out, and why
 * @throws Error where an answer of ours is wrong or a record is missing
 */
export async function measureSystems(
  systems: readonly System[],
  plan: Plan,
): Promise<{ readonly measured: SystemMeasured[]; readonly fellOut: string[] }> {
  // by process: two systems can be two ways to ask the same ones
  const most = new Map<number, number>();
  const state = new Map(systems.map((system) => [system, startOf(system, most)]));
  const fellOut: string[] = [];
  const visit = async (system: System, work: (found: State) => Promise<void>): Promise<void> => {
    const found = state.get(system);
    if (found === undefined) return;
    try {
      await work(found);
      await settle(found, system);
    } catch (error) {
      if (system.peer !== true) throw error;
      state.delete(system);
      fellOut.push(`${system.name}: ${(error as Error).message}`);
      plan.say(`${system.name} falls out: ${(error as Error).message}`);
    }
  };
  for (const system of systems) {
    await visit(system, async (found) => {
      for (const one of plan.cases) {
        found.bytes.set(one.name, await checkAnswer(system, one.streamed));
        found.requests++;
        // until V8 has compiled what is hot; a single connection asks for the same again
        if (one.connections === 1 && plan.cases.length > 1) continue;
        await turn(system, one, found, { duration: Math.max(leastWarmMs, plan.ms) });
      }
      plan.say(`${system.name}: answers are right`);
    });
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const one of plan.cases) {
      for (const system of systems) {
        await visit(system, async (found) => {
          // the others had the core
          const warm = { duration: plan.ms / 8, connections: Math.min(8, one.connections) };
          await turn(system, one, found, warm);
          const measured = await turn(system, one, found, { duration: plan.ms * one.share });
          found.turns.set(one.name, [...(found.turns.get(one.name) ?? []), measured]);
        });
      }
    }
    plan.say(`round ${round + 1} of ${plan.rounds}`);
  }
  for (const system of systems) {
    await visit(system, async (found) => {
      for (const one of plan.cases) {
        const bytes = await checkAnswer(system, one.streamed);
        found.requests++;
        if (bytes !== found.bytes.get(one.name)) throw new Error(`${system.name}: the answers have changed`);
      }
    });
  }
  return { measured: [...state].map(([system, found]) => resultOf(system, found)), fellOut };
}

interface State {
  requests: number;
  settled: number;
  readonly bytes: Map<string, number>;
  readonly turns: Map<string, TurnMeasured[]>;
  readonly started: ReadonlyMap<string, number>;
  readonly most: Map<number, number>;
  readonly recorded: { decisions: number; outcomes: number; evaluated: number };
}

function startOf(system: System, most: Map<number, number>): State {
  return {
    requests: 0,
    settled: 0,
    bytes: new Map(),
    turns: new Map(),
    started: new Map(system.processes.map(({ name, pid }) => [name, treeResidentMb(pid)])),
    most,
    recorded: { decisions: 0, outcomes: 0, evaluated: 0 },
  };
}

async function turn(
  system: System,
  one: Case,
  found: State,
  { duration, connections = one.connections }: { duration: number; connections?: number },
): Promise<TurnMeasured> {
  const requests = requestsOf(system, one.streamed, connections + Math.ceil(duration * tokensPerMs));
  const bytes = found.bytes.get(one.name);
  const whole = { ...requests.whole, ...(bytes === undefined ? {} : { bytes }) };
  const look = (): void => {
    for (const { pid } of system.processes) {
      found.most.set(pid, Math.max(found.most.get(pid) ?? 0, treeResidentMb(pid)));
    }
  };
  const watch = setInterval(look, 250);
  const before = system.processes.map(({ pid }) => cpuMicros(pid));
  const start = performance.now();
  try {
    const least = connections === 1 ? leastAnswers : connections;
    const measured = await applyLoad({ ...requests, whole, connections, duration, least });
    const elapsed = performance.now() - start;
    const used = system.processes.map(({ pid }, i) => cpuMicros(pid) - (before[i] ?? 0));
    found.requests += measured.requests;
    return {
      ...measured,
      cpu: Object.fromEntries(
        system.processes.map(({ name }, i) => [name, (used[i] ?? 0) / measured.requests]),
      ),
      busy: used.reduce((sum, micros) => sum + micros, 0) / 1_000 / elapsed,
    };
  } finally {
    clearInterval(watch);
    look();
  }
}

/** Compares the records with what was asked since the last time. */
async function settle(found: State, { name, bearer, records }: System): Promise<void> {
  if (records === undefined) return;
  const asked = found.requests - found.settled;
  found.settled = found.requests;
  try {
    const { decisions, outcomes, evaluated, tokens } = await records.settle(asked);
    const distinct = bearer !== undefined && "fresh" in bearer;
    if (distinct && tokens !== decisions) throw new Error(`${tokens} tokens for ${decisions} decisions`);
    found.recorded.decisions += decisions;
    found.recorded.outcomes += outcomes;
    found.recorded.evaluated += evaluated;
  } catch (error) {
    throw new Error(`${name}: the records don't match`, { cause: error });
  }
}

function resultOf(system: System, found: State): SystemMeasured {
  return {
    name: system.name,
    turns: Object.fromEntries(found.turns),
    memory: Object.fromEntries(
      system.processes.map(({ name, pid }) => [
        name,
        {
          pid,
          started: found.started.get(name) ?? NaN,
          most: found.most.get(pid) ?? NaN,
          end: treeResidentMb(pid),
          endShare: treeShareMb(pid),
        },
      ]),
    ),
    ...(system.records === undefined ? {} : { recorded: { requests: found.requests, ...found.recorded } }),
  };
}
