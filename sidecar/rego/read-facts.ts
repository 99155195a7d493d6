import { createHash } from "node:crypto";
import type { BuiltinUse, BuiltModule, EntrypointFacts, RuleFacts } from "./bundle.js";

/** What only the compiler knows, as it stands in a compiled bundle's manifest. */
export interface Facts {
  /** SHA-256 (hex) of the module that the facts are about. */
  readonly module: string;
  /** The modules beside it, in the order of their rules. */
  readonly more?: readonly (Pick<BuiltModule, "place" | "firstRule"> & { readonly module: string })[];
  readonly entrypoints: readonly EntrypointFacts[];
  readonly rules: readonly RuleFacts[];
  readonly builtins?: readonly BuiltinUse[];
}

/** Names a module, so that facts are never taken for those of another. */
export function digestOfModule(wasm: Uint8Array): string {
  return createHash("sha256").update(wasm).digest("hex");
}

/** Most branches and lookups of an entrypoint: each costs a step whenever a key is made. The toolchain gives no more. */
const mostBranches = 32;
const mostAsked = 2;
const mostLookups = 16;

type Test = (value: unknown) => boolean;
type Path = readonly string[];

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isPlace = (value: unknown): value is string[] => isTexts(value) && value.length > 0;
const isTruth = (value: unknown): boolean => typeof value === "boolean";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf =
  (test: Test, most = Infinity, least = 0): Test =>
  (value) =>
    Array.isArray(value) && value.length >= least && value.length <= most && value.every(test);
const oneOf =
  (...known: readonly unknown[]): Test =>
  (value) =>
    known.includes(value);
const isPaths = listOf(isTexts);

/**
 * Tests for an object with these members and no others: a name that isn't known here could say that less is read than the
 * rest does.
 */
function shape(needed: Readonly<Record<string, Test>>, optional: Readonly<Record<string, Test>> = {}): Test {
  const known = new Map(Object.entries({ ...needed, ...optional }));
  return (value) =>
    isRecord(value) &&
    Object.keys(needed).every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, member]) => known.get(name)?.(member) ?? false);
}

const isEntrypoint = shape(
  { path: isText, input: isPaths, data: isPaths, deterministic: isTruth, nondeterministic: isTexts },
  {
    annotated: isTruth,
    lookups: listOf(shape({ table: isPlace, by: isPlace }, { alone: oneOf(true) }), mostLookups),
    branches: listOf(
      shape({
        when: listOf(
          shape({
            path: isPlace,
            equals: (value) => isText(value) || isTruth(value) || value === null || isWhole(value),
          }),
          mostAsked,
          1,
        ),
        input: listOf(isPlace, Infinity, 1),
      }),
      mostBranches,
    ),
    clock: oneOf("bounded"),
    cache: shape(
      {},
      {
        ttl: (value) => typeof value === "number" && Number.isFinite(value) && value >= 0,
        scope: oneOf("tenant", "subject", "task"),
      },
    ),
  },
);

const isRule = shape(
  {
    index: isWhole,
    id: isText,
    title: isText,
    owner: isText,
    severity: isText,
    frameworks: isTexts,
    file: isText,
    row: isWhole,
  },
  { description: isText },
);

const isFactsShape = shape(
  { module: isText, entrypoints: listOf(isEntrypoint), rules: listOf(isRule) },
  {
    builtins: listOf(shape({ name: isText, file: isText, row: isWhole, col: isWhole })),
    more: listOf(shape({ place: isText, module: isText, firstRule: isCount })),
  },
);

/**
 * Tells whether a value is facts about a module's entrypoints, that agree with one another.
 *
 * INVARIANT: they are about each of the entrypoints, once, and about nothing else. What a lookup or a branch asks of the
 * input is in the key whatever the branches say; a branch takes out of the key nothing but paths that are listed.
 */
export function isFacts(value: unknown, entrypoints: ReadonlySet<string>): value is Facts {
  if (!isFactsShape(value)) return false;
  const facts = value as Facts;
  const named = new Set(facts.entrypoints.map(({ path }) => path));
  return (
    named.size === facts.entrypoints.length &&
    named.size === entrypoints.size &&
    [...named].every((path) => entrypoints.has(path)) &&
    facts.entrypoints.every(agrees) &&
    facts.rules.every(({ index }, i) => index === i)
  );
}

function agrees({
  input,
  deterministic,
  nondeterministic,
  lookups = [],
  branches = [],
}: EntrypointFacts): boolean {
  const inBranches = new Set(branches.flatMap((one) => one.input.map(idOf)));
  const always = input.filter((path) => !inBranches.has(idOf(path)));
  const listed = new Set(input.map(idOf));
  return (
    (!deterministic || nondeterministic.length === 0) &&
    [...inBranches].every((id) => listed.has(id)) &&
    branches.every(({ when }) => when.every(({ path }) => covers(always, path))) &&
    lookups.every(({ by, alone }) => (alone === true ? isApart(input, by) : covers(input, by)))
  );
}

/** Says whether a path is listed, and no other that overlaps with it. */
function isApart(paths: readonly Path[], path: Path): boolean {
  const around = paths.filter((one) => covers([one], path) || covers([path], one));
  return around.length === 1 && around[0]?.length === path.length;
}

function covers(paths: readonly Path[], path: Path): boolean {
  return paths.some((one) => one.length <= path.length && one.every((part, i) => part === path[i]));
}

function idOf(path: Path): string {
  return JSON.stringify(path);
}
