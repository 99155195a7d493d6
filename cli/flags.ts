/** Reads flags as `opa` does, and refuses by name those of its flags that aren't supported. */
import { parseArgs } from "node:util";
import { UsageError } from "./main.js";

interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
}
type Options = Readonly<Record<string, Option>>;

type Value<O extends Option> = O["type"] extends "boolean"
  ? boolean
  : O["multiple"] extends true
    ? readonly string[]
    : string;

export interface Flags<T extends Options> {
  readonly values: { readonly [Name in keyof T]?: Value<T[Name]> };
  readonly positionals: readonly string[];
  /** Switches that were turned off, `--fail=false`. */
  readonly off: ReadonlySet<string>;
}

/** Why a flag of `opa` isn't supported, by its name. */
export type Refused = Readonly<Record<string, { readonly type: "string" | "boolean"; readonly why: string }>>;

/**
 * Reads the arguments. A switch may have a value, `--fail=false`, as in `opa`.
 * @throws UsageError for a flag that is refused; TypeError of `parseArgs` for one that nobody knows
 */
export function readFlags<const T extends Options>(
  args: readonly string[],
  options: T,
  refused: Refused = {},
): Flags<T> {
  const more = Object.fromEntries(Object.entries(refused).map(([name, { type }]) => [name, { type }]));
  const off = new Set<string>();
  const plain = args.flatMap((arg) => {
    const [, name = "", value] = /^--([a-z0-9-]+)=(true|false)$/.exec(arg) ?? [];
    if (options[name]?.type !== "boolean") return [arg];
    off.delete(name);
    if (value === "true") return [`--${name}`];
    off.add(name);
    return [];
  });
  const { values, positionals } = parseArgs({
    args: plain,
    options: { ...more, ...options },
    allowPositionals: true,
  });
  for (const [name, { why }] of Object.entries(refused)) {
    if ((values as Readonly<Record<string, unknown>>)[name] !== undefined) {
      throw new UsageError(`--${name} is not supported: ${why}`);
    }
  }
  return { values: values as Flags<T>["values"], positionals, off };
}

/** Gives the patterns of `--ignore a,b --ignore c`. */
export function readList(given: readonly string[] | undefined): readonly string[] {
  return (given ?? []).flatMap((one) => one.split(",")).filter((one) => one !== "");
}

/** Gives a whole number from `least`. @throws UsageError */
export function readNumber(flag: string, given: string | undefined, least: number): number | undefined {
  if (given === undefined) return undefined;
  const number = /^-?\d{1,9}$/.test(given) ? Number(given) : NaN;
  if (!(number >= least)) throw new UsageError(`${flag}: a whole number from ${least}`);
  return number;
}

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
};

/** Gives milliseconds, at least one, of `1m30s`, `500ms`. @throws UsageError */
export function readDuration(flag: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const parts = [...given.matchAll(/(\d{1,9}(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== given) {
    throw new UsageError(`${flag}: a duration as 5s, 1m30s or 500ms`);
  }
  const sum = parts.reduce((total, [, number, unit = ""]) => total + Number(number) * (units[unit] ?? 0), 0);
  return Math.min(Math.max(1, Math.round(sum)), 2 ** 31 - 1);
}

/** Gives one of the values. @throws UsageError */
export function readOne<T extends string>(
  flag: string,
  given: string | undefined,
  known: readonly T[],
): T | undefined {
  if (given === undefined) return undefined;
  const found = known.find((one) => one === given);
  if (found === undefined) throw new UsageError(`${flag}: one of ${known.join(", ")}`);
  return found;
}

/** Flags that say what is read, the same for `check`, `test` and `build`. */
export const sourceFlags = {
  bundle: { type: "boolean", short: "b" },
  ignore: { type: "string", multiple: true },
  capabilities: { type: "string" },
  "v0-compatible": { type: "boolean" },
  "v1-compatible": { type: "boolean" },
} as const satisfies Options;
