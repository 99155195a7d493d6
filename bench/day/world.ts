/** A company on a day: who asks for what, when, and what changes. The same on each run. */
import type { Json, JsonObject } from "../../sidecar/contract.js";

export const people = 10_000;
export const tools = 500;
export const models = 50;
const resources = tools + models;
const departments = 40;
const teams = 8;
const grades = 6;
const projects = 60;

/** Requests in each hour, as parts: nights are quiet, and agents work at night, too. */
const hours = [3, 2, 2, 2, 3, 5, 8, 15, 30, 40, 40, 40, 30, 35, 40, 40, 35, 25, 15, 10, 8, 6, 5, 4];

/** Mulberry32: the same numbers each time. */
export function createRandom(seed: number): () => number {
  let at = seed;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let t = Math.imul(at ^ (at >>> 15), 1 | at);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws ranks by Zipf's law: the n-th is asked for 1/n as often as the first. */
export function createZipf(count: number, exponent = 1): (random: number) => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let n = 0; n < count; n++) sums[n] = sum += 1 / (n + 1) ** exponent;
  return (random) => {
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < random * sum) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Milliseconds since the day began at which each of so many requests comes. */
export function* timesOf(requests: number): Generator<number> {
  const all = hours.reduce((sum, part) => sum + part, 0);
  for (const [hour, part] of hours.entries()) {
    const count = Math.round((requests * part) / all);
    for (let n = 0; n < count; n++) yield (hour + n / count) * 3_600_000;
  }
}

interface Person {
  readonly id: string;
  readonly record: JsonObject;
  readonly subject: JsonObject;
  /** The first of the resources that the department likes; each has an order of its own. */
  readonly turn: number;
}

export interface World {
  readonly people: readonly Person[];
  readonly resource: (n: number, id: string) => JsonObject;
  /** The documents as they are when the day begins. */
  readonly data: JsonObject;
}

const pad = (n: number): string => String(n).padStart(5, "0");
export const resourceId = (n: number): string => (n < tools ? `tool-${pad(n)}` : `model-${pad(n - tools)}`);
export const personId = (n: number): string => `person-${pad(n)}@example.com`;

/** Makes the company: departments of very different sizes, teams within, projects across. */
export function createWorld(seed: number): World {
  const random = createRandom(seed);
  const any = (count: number): number => Math.floor(random() * count);
  const departmentOf = createZipf(departments);
  const persons = Array.from({ length: people }, (_, n): Person => {
    const department = departmentOf(random());
    const grade = Math.min(grades - 1, Math.floor(-Math.log(1 - random()) * 1.5));
    const groups = ["staff", `dept-${department}`, `dept-${department}/team-${any(teams)}`];
    const mine = random() < 0.15 ? [`project-${any(projects)}`] : [];
    groups.push(...mine);
    return {
      id: personId(n),
      turn: department * 13,
      record: recordOf(grade, "active"),
      subject: {
        type: "user",
        id: personId(n),
        properties: {
          ...{ groups, projects: mine, department: `dept-${department}` },
          assurance: random() < 0.9 ? "high" : "low",
        },
      },
    };
  });
  const regions = ["eu", "us"];
  return {
    people: persons,
    resource: (n, id) => ({
      type: n < tools ? "tool" : "model",
      id,
      properties: { region: regions[n % 2] ?? "eu", arguments: { query: `what ${id} is asked`, limit: 10 } },
    }),
    data: {
      people: Object.fromEntries(persons.map(({ id, record }) => [id, record])),
      resources: Object.fromEntries(
        Array.from({ length: resources }, (_, n) => [resourceId(n), grantOf(n, random)]),
      ),
      settings: {
        regions: ["eu", "us"],
        most_risk: { high: 5, low: 1 },
        hours: { from: 7, to: 19 },
        open: Array.from({ length: 24 }, (_, hour) => hour >= 7 && hour < 19),
      },
    },
  };
}

export function recordOf(grade: number, status: string): JsonObject {
  return { grade, status };
}

/** Who may use a resource: some departments, teams and projects, seldom everybody. */
export function grantOf(n: number, random: () => number): JsonObject {
  const groups: Json[] = random() < 0.2 ? ["staff"] : [];
  for (let d = 0; d < departments; d++) if (random() < 0.25) groups.push(`dept-${d}`);
  for (let p = 0; p < projects; p++) if (random() < 0.05) groups.push(`project-${p}`);
  return { groups, risk: n < tools ? Math.floor(random() * 5) : 1, grade: random() < 0.2 ? 2 : 0 };
}
