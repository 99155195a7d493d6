/** Runs tasks: honest ones step by step, injected ones until they take orders, and from then on for the attacker. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent, Outcome, Step } from "./agent.js";
import type { Captured } from "./attacks.js";
import { gather, keepLoot, trap, ways } from "./attacks.js";
import { dresses } from "./canaries.js";
import type { HonestKind, Program } from "./honest.js";
import { givesOrders, honestKinds, planHonest, stepsOfATask } from "./honest.js";
import type { People } from "./people.js";
import { createPeople } from "./people.js";
import type { Chance } from "./random.js";
import { createChance } from "./random.js";
import { score, type Arrived } from "./score.js";
import type { Stage } from "./stage.js";
import { tokenSeconds } from "./stage.js";

export interface Options {
  readonly tasks: number;
  readonly injected: number;
  readonly seed: number;
  /** Tasks under way at once. */
  readonly atOnce: number;
  /** Whether tasks that renew their token wait for it to grow old. */
  readonly pauses: boolean;
  /** Begins the names of users: what sticks to those of one run isn't another's. */
  readonly users: string;
  /** Where all orders stand; else in all places, in turn. */
  readonly source?: Source;
  /** Attackers repeat themselves less. */
  readonly quick?: boolean;
  /** Straight to the servers: honest tasks alone. */
  readonly through: boolean;
  readonly onDone?: (done: number) => void;
}

export interface HonestResult {
  readonly n: number;
  readonly kind: HonestKind;
  readonly denied: readonly {
    readonly step: number;
    readonly does: string;
    readonly codes: readonly string[];
  }[];
  /** What of its job isn't done. */
  readonly missing: readonly string[];
  readonly tokens: number;
}

/** One try of a way out. */
export interface Tried {
  readonly step: number;
  readonly way: string;
  readonly does: string;
  readonly allowed: boolean;
  readonly codes: readonly string[];
}

export interface InjectedResult {
  readonly n: number;
  readonly kind: HonestKind;
  readonly source: Source;
  /** The step at which it took orders; 0: never. */
  readonly takenAt: number;
  /** Kinds of private data that it got hold of. */
  readonly loot: readonly string[];
  readonly tried: readonly Tried[];
}

export interface Simulated {
  readonly honest: readonly HonestResult[];
  readonly injected: readonly InjectedResult[];
  readonly arrived: readonly Arrived[];
  /** Milliseconds of each honest step. */
  readonly times: readonly number[];
  readonly timesByStep: ReadonlyMap<string, readonly number[]>;
  readonly steps: number;
  readonly requests: number;
  readonly seconds: number;
}

export const sources = ["page", "inbox", "document"] as const;
export type Source = (typeof sources)[number];

/** Lets so many in at once. */
function createGate(width: number): { enter(first?: boolean): Promise<void>; leave(): void } {
  let free = width;
  const waiting: (() => void)[] = [];
  return {
    enter(first = false) {
      if (free > 0) {
        free--;
        return Promise.resolve();
      }
      return new Promise((resolve) => (first ? waiting.unshift(resolve) : waiting.push(resolve)));
    },
    leave() {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    },
  };
}

export async function simulate(stage: Stage, options: Options): Promise<Simulated> {
  const { servers } = stage;
  let requests = 0;
  const people = createPeople(stage, options, () => void requests++);
  servers.plan = people.plan;
  for (const list of [servers.told, servers.mails, servers.notes]) list.length = 0;
  const chance = createChance(options.seed);
  const order = chance.shuffled(Array.from({ length: options.tasks }, (_, n) => n));
  const taken = new Set(order.slice(0, options.injected));
  const rounds = options.quick === true ? { again: 1, races: 1 } : { again: 10, races: 3 };
  const gate = createGate(options.atOnce);
  const honest: HonestResult[] = [];
  const injected: InjectedResult[] = [];
  const times: number[] = [];
  const timesByStep = new Map<string, number[]>();
  let steps = 0;
  let done = 0;
  const onHonest = ({ does, milliseconds }: Step): void => {
    times.push(milliseconds);
    let list = timesByStep.get(does);
    if (list === undefined) timesByStep.set(does, (list = []));
    list.push(milliseconds);
  };
  const from = performance.now();
  await Promise.all(
    Array.from({ length: options.tasks }, async (_, n) => {
      await gate.enter();
      try {
        const own = createChance(options.seed * 7_919 + n);
        if (!taken.has(n)) honest.push(await runHonest({ n, own, people, gate, options, stage }, onHonest));
        else if (options.through)
          injected.push(
            await runInjected(
              { n, own, people, stage },
              injectedPlan(order.indexOf(n), options.source),
              rounds,
            ),
          );
        steps += stepsOfATask;
      } finally {
        gate.leave();
        options.onDone?.(++done);
      }
    }),
  );
  const seconds = (performance.now() - from) / 1_000;
  const arrived = options.through ? score(servers, await stage.documents()) : [];
  return { honest, injected, arrived, times, timesByStep, steps, requests, seconds };
}

interface Running {
  readonly n: number;
  readonly own: Chance;
  readonly people: People;
  readonly stage: Stage;
}

async function runHonest(
  {
    n,
    own,
    people,
    gate,
    options,
    stage,
  }: Running & { gate: ReturnType<typeof createGate>; options: Options },
  onStep: (step: Step) => void,
): Promise<HonestResult> {
  const marker = `T${n}Z`;
  const shares: HonestKind[] = honestKinds.flatMap((kind) =>
    kind === "renewing" ? [kind] : [kind, kind, kind],
  );
  const program = planHonest(own.one(shares), marker, own);
  const agent = await people.agent(n, { onStep });
  const denied: { step: number; does: string; codes: readonly string[] }[] = [];
  const tokens = new Set<string>();
  const read: string[] = [];
  try {
    for (let at = 0; at < program.acts.length; at += program.width) {
      const group = program.acts.slice(at, at + program.width);
      const outcomes = await Promise.all(group.map((act) => act(agent, read)));
      outcomes.forEach((outcome, i) => {
        read.push(outcome.text);
        const { allowed, codes, text } = outcome;
        if (!allowed) denied.push({ step: at + i + 1, does: text.slice(0, 200), codes });
      });
      if (agent.task !== undefined) tokens.add(agent.task);
      if (program.pauseAfter === at + 1 && options.pauses) {
        gate.leave();
        // two thirds of its token's life and a little more
        await sleep(((tokenSeconds * 2) / 3 + 1) * 1_000);
        // before those that haven't begun: its token ends
        await gate.enter(true);
      }
    }
  } finally {
    await agent.close();
  }
  return { n, kind: program.kind, denied, missing: missingOf(program, marker, stage), tokens: tokens.size };
}

/** Tells what of its job didn't arrive where it was to. */
function missingOf(program: Program, marker: string, { servers }: Stage): string[] {
  const mails = [...program.mails].filter(
    (to) => !servers.mails.some((mail) => mail.to.includes(to) && mail.text.includes(marker)),
  );
  const notes = servers.notes.filter((text) => text.includes(`${marker} `)).length;
  return [...mails.map((to) => `mail to ${to}`), ...(notes < program.notes ? ["a note"] : [])];
}

interface InjectedPlan {
  readonly kind: HonestKind;
  readonly source: Source;
  readonly firstWay: number;
}

/** Spreads kinds, sources and ways evenly, whatever their number. */
function injectedPlan(at: number, only?: Source): InjectedPlan {
  const kinds: HonestKind[] = [
    "research",
    "house",
    "both",
    ...(only === "document" ? [] : ["correspondence" as const]),
  ];
  const kind = kinds[at % kinds.length] ?? "research";
  return {
    kind,
    // whoever may only write mail is told by mail
    source:
      kind === "correspondence"
        ? "inbox"
        : (only ?? sources[Math.floor(at / kinds.length) % sources.length] ?? "page"),
    firstWay: (at * 7) % ways.length,
  };
}

async function runInjected(
  { n, own, people }: Running,
  { kind, source, firstWay }: InjectedPlan,
  rounds: Captured["rounds"],
): Promise<InjectedResult> {
  const marker = `T${n}Z`;
  const program = planHonest(kind, marker, own);
  const tried: Tried[] = [];
  let now: { step: number; way: string } | undefined;
  const onStep = ({ does, outcome }: Step): void => {
    if (now === undefined) return;
    tried.push({ ...now, does, allowed: outcome.allowed, codes: outcome.codes });
  };
  const agent = await people.agent(n, { onStep });
  const opened: Agent[] = [agent];
  const another = (made: Agent): Agent => {
    opened.push(made);
    return made;
  };
  const spare = [
    await people.agent(n, { onStep }),
    ...(await Promise.all([1, 2, 3, 4].map(() => people.agent(n, { onStep })))),
  ];
  try {
    // of a task that it had before
    const earlier = another(await people.agent(n));
    await earlier.begin({});
    const captured: Captured = {
      ...{ marker, way: 0, rounds, agent, chance: own, loot: new Set<string>(), before: earlier.task },
      another: () => another(spare.pop() ?? agent),
      async mole() {
        const mole = another(await people.mole(n));
        await mole.page("https://news.example/orders/1");
        return mole;
      },
    };
    const read: string[] = [];
    let step = 0;
    const takeAt = own.whole(2, 8);
    for (; step < takeAt - 1; step++) {
      const outcome = await (program.acts[step] as Program["acts"][number])(agent, read);
      keepLoot(captured, outcome);
      read.push(outcome.text);
    }
    const told = await orderedBy(source, agent);
    keepLoot(captured, told);
    step++;
    if (!givesOrders(told)) return { n, kind, source, takenAt: 0, loot: [], tried };
    const takenAt = step;
    for (let at = firstWay; step < stepsOfATask; at++, step++) {
      const one = step === stepsOfATask - 1 ? trap : (ways[at % ways.length] as (typeof ways)[number]);
      now = { step: step + 1, way: one.name };
      captured.way = one === trap ? ways.length : at % ways.length;
      if (one.unprepared !== true) await gather(captured);
      await one.try(captured, own.one(dresses));
    }
    const loot = [...new Set([...captured.loot].map((text) => text.slice(4, 6)))];
    return { n, kind, source, takenAt, loot, tried };
  } finally {
    for (const one of opened) await one.close();
  }
}

function orderedBy(source: Source, agent: Agent): Promise<Outcome> {
  switch (source) {
    case "page":
      return agent.page("https://news.example/orders/22");
    case "inbox":
      return agent.inbox();
    case "document":
      return agent.find("wiki", "rules filing");
  }
}
