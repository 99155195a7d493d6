/** Holds keys against decisions: of generated inputs, of those with one thing changed, of base documents with one thing changed. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../../sidecar/contract.js";
import type { Asker } from "../../../../sidecar/decide/asker.js";
import type { Keyer } from "../../../../sidecar/decide/cache/key.js";
import type { Random } from "../../../filters/policies.js";
import type { Drop } from "./drops.js";
import { dropsOf, leads } from "./drops.js";
import type { Policy } from "./policies.js";
import type { Path } from "./values.js";
import { anyOf, anyValue, at, changed, near } from "./values.js";
import type { Place, Shape } from "./vocabulary.js";
import { anyWord, dataPlaces, inputPlaces, inputShape } from "./vocabulary.js";
import { weaker } from "./weaken.js";
import type { World } from "./world.js";

/** Two questions with one key and two answers. */
export interface Unsound {
  readonly entrypoint: string;
  readonly one: Asked;
  readonly other: Asked;
}
interface Asked {
  readonly input: Json;
  readonly data: string;
  readonly decision: string;
}

export interface Figures {
  policies: number;
  entrypoints: number;
  /** Questions that differ in one place, of which both were decided. */
  pairs: number;
  /** Of these with one key. */
  equal: number;
  /** Of these with two decisions. */
  differing: number;
  /** Questions that met one that has their key, whether or not they differ in one place. */
  met: number;
  branches: number;
  lookups: number;
  /** Weaker keyers that were found out. */
  readonly weak: Set<string>;
  readonly drops: Record<Drop["what"], { all: number; matter: number; caught: number }>;
}

export interface Effort {
  readonly inputs: number;
  readonly changes: number;
  readonly patches: number;
}

export function noFigures(): Figures {
  const none = (): Figures["drops"]["input"] => ({ all: 0, matter: 0, caught: 0 });
  return {
    ...{ policies: 0, entrypoints: 0, pairs: 0, equal: 0, differing: 0, met: 0, branches: 0, lookups: 0 },
    weak: new Set(),
    drops: { input: none(), lookup: none(), data: none(), branch: none() },
  };
}

export const asker: Asker = { tenant: "t", epoch: 7, subject: "s", task: "k" };

/** Finds questions that one key makes one, though the policy tells them apart. */
export function prove(
  world: World,
  policy: Policy,
  random: Random,
  effort: Effort,
  figures: Figures,
): Unsound[] {
  const found: Unsound[] = [];
  const mine = [...world.bundle.entrypoints.values()].filter(
    ({ facts: { path } }) => ownerOf(path) === policy.name,
  );
  figures.policies++;
  const read = mine.flatMap(({ facts }) => [...facts.input]);
  const decided = (input: Json): string[] =>
    mine.map(({ facts: { path } }) => `${path} ${world.decide(path, input)}`);
  const pool = poolOf(policy, read, random, effort, decided);
  const subjects = mine.flatMap(({ facts, key }) => {
    const options = world.keyers.get(facts.path);
    if (key === undefined || options === undefined) return [];
    figures.entrypoints++;
    figures.branches += facts.branches?.length ?? 0;
    figures.lookups += facts.lookups?.length ?? 0;
    return [createSubject(facts.path, key, dropsOf(options, facts, world.tracker), world, figures, found)];
  });
  const bases = pool.filter(({ base }) => base === undefined);
  const tables = mine.flatMap(({ facts: { data: read, lookups = [] } }) => [
    ...read,
    // what the inputs look up
    ...lookups.flatMap(({ table, by }) => bases.map(({ input }) => [...table, ...keyIn(at(input, by))])),
  ]);
  for (const subject of subjects)
    for (const { input, base, path } of pool) subject.ask(input, "", base, "input", path);
  const start: Json = world.bundle.policy.read([]) ?? {};
  let data: Json = start;
  for (let n = 1; n <= effort.patches && tables.length > 0; n++) {
    const place = dataPlace(random, tables, policy.name);
    const next = changed(data, place, near(random, at(data, place), usualAt(usualData, place)));
    if (next.path.length === 0) continue;
    data = next.value;
    const value = at(data, next.path);
    world.patch([{ path: next.path, value: value === undefined ? undefined : stringifyJson(value) }]);
    for (const subject of subjects) {
      for (const { input } of bases) subject.ask(input, `${n}`, undefined, "data", next.path);
      subject.turn();
    }
  }
  restore(world, start, data);
  for (const subject of subjects) subject.sum();
  return found;
}

function restore(world: World, start: Json, data: Json): void {
  for (const name of Object.keys(data as JsonObject)) {
    const value = at(start, [name]);
    if (at(data, [name]) !== value) {
      world.patch([{ path: [name], value: value === undefined ? undefined : stringifyJson(value) }]);
    }
  }
}

interface Subject {
  /** Asks with an input that differs from another one, or with data that differ from those before, in one place. */
  ask(input: Json, data: string, base: Json | undefined, where: "input" | "data", path: Path): void;
  /** The data that were asked with are now those before. */
  turn(): void;
  sum(): void;
}

function createSubject(
  entrypoint: string,
  key: Keyer,
  drops: readonly Drop[],
  world: World,
  figures: Figures,
  found: Unsound[],
): Subject {
  const answers = new Map<string, Asked>();
  const blind = drops.map((drop) => ({ drop, matters: false, caught: false }));
  const blindTo = {
    input: blind.filter(({ drop }) => drop.of === "input"),
    data: blind.filter(({ drop }) => drop.of === "data"),
  };
  let before = new Map<Json, Answered>();
  let now = new Map<Json, Answered>();
  return {
    ask(input, data, base, where, path) {
      const named = key(input, asker) ?? "";
      const decision = world.decide(entrypoint, input);
      const earlier = answers.get(named);
      if (earlier === undefined) answers.set(named, { input, data, decision });
      else {
        figures.met++;
        if (earlier.decision !== decision)
          found.push({ entrypoint, one: earlier, other: { input, data, decision } });
      }
      // what a blind keyer made of other data can't be asked later
      const blindly = base !== undefined ? [] : blindTo.data.map(({ drop }) => drop.key(input, asker));
      now.set(input, { key: named, decision, blindly });
      const other = where === "data" ? before.get(input) : base === undefined ? undefined : now.get(base);
      if (other === undefined) return;
      figures.pairs++;
      if (other.key === named) figures.equal++;
      if (other.decision === decision) return;
      figures.differing++;
      for (const [n, one] of blindTo[where].entries()) {
        one.matters ||= one.drop.hides(path);
        one.caught ||=
          where === "data"
            ? blindly[n] === other.blindly[n]
            : one.drop.key(input, asker) === one.drop.key(base ?? null, asker);
      }
      if (where === "data") return;
      for (const [name, blur] of weaker) {
        if (figures.weak.has(name)) continue;
        if (key(blur(input), asker) === key(blur(base ?? null), asker)) figures.weak.add(name);
      }
    },
    turn() {
      before = now;
      now = new Map();
    },
    sum() {
      for (const { drop, matters, caught } of blind) {
        const sums = figures.drops[drop.what];
        sums.all++;
        if (matters) sums.matter++;
        if (matters && caught) sums.caught++;
      }
    },
  };
}

interface Answered {
  readonly key: string;
  readonly decision: string;
  /** Keys of those that don't look at some of the data. */
  readonly blindly: readonly (string | undefined)[];
}

interface Pooled {
  readonly input: Json;
  /** Of which it is a change at the path; none where it is one of its own. */
  readonly base: Json | undefined;
  readonly path: Path;
}

/** Inputs that are decided in many ways, and each of them with one thing changed, mostly where the policy reads. */
function poolOf(
  { mentioned }: Policy,
  read: readonly Path[],
  random: Random,
  effort: Effort,
  decided: (input: Json) => readonly string[],
): Pooled[] {
  const out: Pooled[] = [];
  const targets = [...read, ...read, ...mentioned, ...inputPlaces.map(({ path }) => path)].filter(
    ({ length }) => length > 0,
  );
  for (const base of basesOf(random, effort, decided)) {
    out.push({ input: base, base: undefined, path: [] });
    for (let m = 0; m < effort.changes; m++) {
      const place = placeNear(random, random.of(targets));
      const other = changed(base, place, near(random, at(base, place), usualAt(usualInput, place)));
      out.push({ input: parseJson(stringifyJson(other.value)), base, path: other.path });
    }
  }
  return out;
}

/** Picks of many inputs those that are decided as none before. */
function basesOf(random: Random, effort: Effort, decided: (input: Json) => readonly string[]): Json[] {
  const seen = new Set<string>();
  const candidates = Array.from({ length: effort.inputs * 6 }, (_, n) => {
    // as the door gives it: what was written is parsed
    const input = parseJson(
      stringifyJson(n % 12 === 11 ? anyValue(random) : (anyOf(random, inputShape) ?? null)),
    );
    const news = decided(input).filter((decision) => !seen.has(decision));
    for (const decision of news) seen.add(decision);
    return { input, news: news.length };
  });
  return candidates
    .sort((a, b) => b.news - a.news)
    .slice(0, effort.inputs)
    .map(({ input }) => input);
}

type Usual = ReadonlyMap<string, Shape>;
const usualOf = (places: readonly Place[]): Usual =>
  new Map(places.map(({ path, shape }) => [path.join("\0"), shape]));
const [usualInput, usualData] = [usualOf(inputPlaces), usualOf(dataPlaces)];
function usualAt(usual: Usual, path: Path): Shape {
  return usual.get(path.join("\0")) ?? { kind: "any" };
}

function placeNear(random: Random, path: Path): Path {
  switch (random.below(8)) {
    case 0:
      return path.slice(0, -1).length === 0 ? path : path.slice(0, -1);
    case 1:
      return [...path, anyWord(random)];
    case 2:
      return [...path.slice(0, -1), anyWord(random)];
    default:
      return path;
  }
}

function keyIn(value: Json | undefined): string[] {
  return typeof value === "string" ? [value] : [];
}

function dataPlace(random: Random, tables: readonly Path[], name: string): Path {
  const table = random.of(tables);
  const below = dataPlaces.map(({ path }) => path).filter((path) => leads(table, path));
  switch (random.below(8)) {
    case 0:
    case 1:
      return table;
    case 2:
      return random.once(2) ? [...table, anyWord(random)] : random.of(dataPlaces).path;
    case 3:
      // beside rules
      return [random.of([name, `lib_${name}`]), "beside", anyWord(random)];
    default:
      return below.length === 0 ? table : placeNear(random, random.of(below));
  }
}

function ownerOf(entrypoint: string): string {
  return (entrypoint.split("/")[0] ?? "").replace(/^lib_/, "");
}
