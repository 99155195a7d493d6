/** Facts from which something is missing, as an analysis that overlooked it would give them. */
import type { KeyerOptions } from "../../../../sidecar/decide/cache/key.js";
import { createKeyer } from "../../../../sidecar/decide/cache/key.js";
import type { Keyer } from "../../../../sidecar/decide/cache/key.js";
import type { PolicyData } from "../../../../sidecar/bundles/data-names.js";
import type { EntrypointFacts } from "../../../../sidecar/rego/bundle.js";
import type { Path } from "./values.js";

/** One thing that a keyer no more looks at. */
export interface Drop {
  readonly what: "input" | "lookup" | "data" | "branch";
  readonly name: string;
  readonly key: Keyer;
  /** Where it isn't looked at. */
  readonly of: "input" | "data";
  /** Says of what differs in one place only, whether the keyer is blind to it. */
  readonly hides: (path: Path) => boolean;
}

export function dropsOf(options: KeyerOptions, facts: EntrypointFacts, tracker: PolicyData): Drop[] {
  const { branches = [], lookups = [] } = facts;
  const paths = new Map(
    [...facts.input, ...branches.flatMap(({ input }) => input)].map((path) => [path.join("\0"), path]),
  );
  const keyed = (less: EntrypointFacts): Keyer =>
    createKeyer({ ...options, facts: less, data: tracker.namesFor(less) });
  const input = [...paths.values()].map((path): Drop => ({
    what: "input",
    name: path.join("."),
    key: keyed(withoutInput(facts, path)),
    of: "input",
    hides: (at) => leads(path, at),
  }));
  const looked = lookups.map(({ table, by }): Drop => ({
    what: "lookup",
    name: `${table.join(".")}[${by.join(".")}]`,
    // another lookup of the same table would tell, too
    key: keyed({
      ...facts,
      lookups: lookups.filter((one) => !leads(one.table, table) && !leads(table, one.table)),
    }),
    of: "data",
    hides: (at) => leads(table, at),
  }));
  const data = facts.data.map((path): Drop => ({
    what: "data",
    name: path.join("."),
    key: keyed({ ...facts, data: facts.data.filter((one) => !leads(one, path) && !leads(path, one)) }),
    of: "data",
    hides: (at) => leads(path, at),
  }));
  const guarded = branches.map((branch): Drop => ({
    what: "branch",
    name: branch.when.map((one) => `${one.path.join(".")}=${String(one.equals)}`).join("&"),
    key: keyed(branch.input.reduce(withoutInput, facts)),
    of: "input",
    hides: (at) => branch.input.some((path) => leads(path, at)),
  }));
  return [...input, ...looked, ...data, ...guarded];
}

/** INVARIANT: what lies at the path, or under it, is in no key of these facts. */
function withoutInput(facts: EntrypointFacts, path: Path): EntrypointFacts {
  const apart = (one: Path): boolean => !leads(one, path) && !leads(path, one);
  const { branches = [], lookups = [], ...rest } = facts;
  return {
    ...rest,
    input: facts.input.filter(apart),
    branches: branches.map(({ when, input }) => ({
      when: when.filter((one) => apart(one.path)),
      input: input.filter(apart),
    })),
    lookups: lookups.filter(({ by }) => apart(by)),
  };
}

export function leads(from: Path, to: Path): boolean {
  return from.length <= to.length && from.every((part, i) => part === to[i]);
}
