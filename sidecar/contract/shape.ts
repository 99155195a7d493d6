/**
 * Strict reading of configuration and bodies: unknown fields are refused by name, with the nearest
 * known one; all problems are gathered, none is ignored.
 */
import type { Json, JsonObject } from "./json.js";
import { isObject } from "./json.js";

/** Collects problems as `place: what is wrong`; places are dotted paths. */
export class Problems {
  readonly list: string[] = [];
  add(place: string, what: string): undefined {
    this.list.push(`${place === "" ? "(top)" : place}: ${what}`);
    return undefined;
  }
}

/** Reads one object field by field, then refuses what nobody asked for. */
export class Fields {
  private readonly known: string[] = [];
  private readonly refused: string[] = [];
  private readonly object: JsonObject;

  constructor(
    value: Json | undefined,
    private readonly place: string,
    private readonly problems: Problems,
  ) {
    if (value !== undefined && !isObject(value)) problems.add(place, "must be an object");
    this.object = isObject(value) ? value : {};
  }

  at(name: string): string {
    return this.place === "" ? name : `${this.place}.${name}`;
  }

  raw(name: string): Json | undefined {
    this.known.push(name);
    return this.object[name];
  }

  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    return this.problems.add(this.at(name), "must be a string");
  }

  required(name: string): string {
    const value = this.string(name);
    if (value === undefined && this.object[name] === undefined)
      this.problems.add(this.at(name), "is required");
    return value ?? "";
  }

  boolean(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value;
    return this.problems.add(this.at(name), "must be true or false");
  }

  /** A whole number within bounds. */
  integer(name: string, least: number, most: number): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.problems.add(this.at(name), `must be a whole number from ${least} to ${most}`);
  }

  oneOf<T extends string>(name: string, words: readonly T[]): T | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const word = words.find((w) => w === value);
    return word ?? this.problems.add(this.at(name), `must be one of ${words.join(", ")}`);
  }

  strings(name: string): string[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as string[];
    return this.problems.add(this.at(name), "must be an array of strings");
  }

  /** An object nested under a name; its unknown fields are refused when it is {@link end}ed. */
  nested(name: string): Fields {
    return new Fields(this.raw(name), this.at(name), this.problems);
  }

  /** The members of a map of names to objects. */
  entries(name: string): [string, Fields][] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!isObject(value)) {
      this.problems.add(this.at(name), "must be an object");
      return [];
    }
    return Object.keys(value).map((key) => [
      key,
      new Fields(value[key], `${this.at(name)}.${key}`, this.problems),
    ]);
  }

  items(name: string): Fields[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.problems.add(this.at(name), "must be an array");
      return [];
    }
    return value.map((item, i) => new Fields(item, `${this.at(name)}[${i}]`, this.problems));
  }

  /** A map of names to texts. */
  texts(name: string): Record<string, string> | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (isObject(value) && Object.values(value).every((item) => typeof item === "string"))
      return { ...(value as Record<string, string>) };
    return this.problems.add(this.at(name), "must be an object of strings");
  }

  has(name: string): boolean {
    return this.object[name] !== undefined;
  }

  /** Refuses fields that are known elsewhere and mean nothing here, each with what to do instead. */
  refuse(names: Readonly<Record<string, string>>): void {
    for (const [name, instead] of Object.entries(names)) {
      this.refused.push(name);
      if (this.has(name)) this.problems.add(this.at(name), `isn't supported: ${instead}`);
    }
  }

  /** Refuses the fields that were never asked for. */
  end(): void {
    for (const name of Object.keys(this.object)) {
      if (this.known.includes(name) || this.refused.includes(name)) continue;
      const near = nearest(name, this.known);
      this.problems.add(this.at(name), `unknown field${near === undefined ? "" : `; did you mean ${near}?`}`);
    }
  }
}

/** Gives the known word closest to a mistyped one, if it is close. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const d = distance(word.slice(0, 64).toLowerCase(), candidate);
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
