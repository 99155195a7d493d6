/** Finds what differs between two bundles. */
import type { Json } from "../sidecar/contract.js";
import { isObject } from "../sidecar/contract.js";
import type { RuleText } from "../sidecar/rego/author.js";
import type { EntrypointFacts } from "../sidecar/rego/bundle.js";
import type { Side } from "./bundle-side.js";
import { drawCaching } from "./draw-facts.js";
import { canonical } from "./same-json.js";

export interface Change {
  /** JSON pointer; `""` is all of it. */
  readonly at: string;
  readonly kind: "added" | "removed" | "changed";
  readonly from?: Json;
  readonly to?: Json;
}

export interface Changes {
  readonly list: readonly Change[];
  /** How many there are beyond the list. */
  readonly more: number;
}

export interface RuleFace {
  readonly package: string;
  readonly ref: string;
  readonly id?: string;
  readonly file: string;
  readonly row: number;
  /** From its METADATA. */
  readonly severity?: string;
  readonly owner?: string;
  readonly title?: string;
}

export interface RuleChange extends RuleFace {
  readonly kind: "added" | "removed" | "changed";
  /** What it says changed, not only what is said of it. */
  readonly text: boolean;
  readonly metadata: readonly Change[];
  /** Formatted. */
  readonly before: string;
  readonly after: string;
}

export interface EntrypointChange {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  readonly reads: readonly { readonly kind: "added" | "removed"; readonly path: string }[];
  readonly caching?: { readonly from: string; readonly to: string };
}

export interface Comparison {
  readonly manifest: readonly Change[];
  readonly packages: { readonly added: readonly string[]; readonly removed: readonly string[] };
  /** METADATA of packages; `at` begins with the package. */
  readonly metadata: readonly Change[];
  readonly rules: readonly RuleChange[];
  readonly tests: { readonly added: number; readonly removed: number; readonly changed: number };
  readonly entrypoints: readonly EntrypointChange[];
  readonly data: Changes;
  /** One side is compiled and holds no Rego: of its rules only METADATA are known. */
  readonly compiled: boolean;
}

/** At most so many data are listed; more are counted. */
const mostData = 100;

export function compareSides(a: Side, b: Side): Comparison {
  const compiled = !a.hasRego || !b.hasRego;
  const rules = compiled
    ? compareRules(annotated(a), annotated(b))
    : compareRules(a.texts.rules, b.texts.rules);
  const tests = rules.filter((one) => one.test);
  const count = (kind: RuleChange["kind"]): number => tests.filter((one) => one.change.kind === kind).length;
  const names = ({ texts }: Side): Set<string> =>
    new Set(texts.rules.filter(({ test }) => test !== true).map((one) => one.package));
  const data = changesOf(a.data, b.data);
  return {
    // which module answers what is the compiler's own
    manifest: changesOf(a.manifest, b.manifest).filter(({ at }) => at !== "/wasm"),
    packages: compiled
      ? { added: [], removed: [] }
      : { added: without(names(b), names(a)), removed: without(names(a), names(b)) },
    metadata: compiled ? [] : changesOf(packageNotes(a), packageNotes(b)),
    rules: rules.filter((one) => !one.test).map(({ change }) => change),
    tests: { added: count("added"), removed: count("removed"), changed: count("changed") },
    entrypoints: compareEntrypoints(a.entrypoints, b.entrypoints),
    data: { list: data.slice(0, mostData), more: Math.max(0, data.length - mostData) },
    compiled,
  };
}

/** Says whether nothing differs. */
export function isSame(one: Comparison): boolean {
  const { manifest, packages, metadata, rules, tests, entrypoints, data } = one;
  const lists = [manifest, packages.added, packages.removed, metadata, rules, entrypoints, data.list];
  return lists.every((list) => list.length === 0) && tests.added + tests.removed + tests.changed === 0;
}

/** Finds where two documents differ; a list is one value. */
export function changesOf(a: Json | undefined, b: Json | undefined, at = ""): Change[] {
  if (a === undefined) return b === undefined ? [] : [{ at, kind: "added", to: b }];
  if (b === undefined) return [{ at, kind: "removed", from: a }];
  if (!isObject(a) || !isObject(b)) {
    return canonical(a) === canonical(b) ? [] : [{ at, kind: "changed", from: a, to: b }];
  }
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return keys.flatMap((key) =>
    changesOf(own(a, key), own(b, key), `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
  );
}

const own = (document: Readonly<Record<string, Json>>, key: string): Json | undefined =>
  Object.hasOwn(document, key) ? document[key] : undefined;

const without = (all: ReadonlySet<string>, others: ReadonlySet<string>): string[] =>
  [...all].filter((one) => !others.has(one)).sort();

interface Known {
  readonly test: boolean;
  readonly change: RuleChange;
}

/** Rules of one name are told apart by their `custom.id`; those without are compared together, in any order. */
function compareRules(a: readonly RuleText[], b: readonly RuleText[]): Known[] {
  const before = grouped(a);
  const after = grouped(b);
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.flatMap((key) => {
    const [old = [], now = []] = [before.get(key), after.get(key)];
    const [first] = now.length > 0 ? now : old;
    if (first === undefined) return [];
    const texts = [old, now].map((some) =>
      some
        .map(({ text }) => text)
        .sort()
        .join("\n"),
    );
    const [from = "", to = ""] = texts;
    const metadata =
      old.length === 0 || now.length === 0 ? [] : changesOf(notesOf(old), notesOf(now)).map(withoutListMark);
    if (old.length > 0 && now.length > 0 && from === to && metadata.length === 0) return [];
    const kind = old.length === 0 ? "added" : now.length === 0 ? "removed" : "changed";
    return [
      {
        test: first.test === true,
        change: { kind, ...faceOf(first), text: from !== to, metadata, before: from, after: to },
      },
    ];
  });
}

function grouped(rules: readonly RuleText[]): Map<string, RuleText[]> {
  const groups = new Map<string, RuleText[]>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.package, rule.ref, rule.id ?? "", rule.test ?? false]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [rule]);
    else known.push(rule);
  }
  return groups;
}

/** What METADATA says of rules: by their number where there are several, as they have no other name. */
function notesOf(rules: readonly RuleText[]): Json {
  const notes = rules.flatMap(({ annotations = [] }) => annotations as readonly Json[]);
  const sorted = [...notes].sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
  return Object.fromEntries(sorted.map((note, i) => [sorted.length === 1 ? "" : String(i + 1), note]));
}

const withoutListMark = (change: Change): Change =>
  change.at.startsWith("//") ? { ...change, at: change.at.slice(1) } : change;

function packageNotes({ texts }: Side): Json {
  const notes: Record<string, Json> = Object.create(null) as Record<string, Json>;
  for (const one of texts.packages) {
    for (const note of (one.annotations ?? []) as readonly Json[]) {
      const scope = isObject(note) ? String(note["scope"]) : "";
      notes[scope === "package" ? one.package : `${one.package} (${scope})`] = note;
    }
  }
  return notes;
}

function faceOf({ package: place, ref, id, file, row, annotations = [] }: RuleText): RuleFace {
  const notes = (annotations as readonly Json[]).filter(isObject);
  const title = notes.map((note) => note["title"]).find((one) => typeof one === "string");
  const custom = (name: string): Record<string, string> => {
    const value = notes
      .map((note) => (isObject(note["custom"]) ? note["custom"][name] : undefined))
      .find((one) => typeof one === "string" && one !== "");
    return typeof value === "string" ? { [name]: value } : {};
  };
  return {
    ...{ package: place, ref, file, row },
    ...(id === undefined ? {} : { id }),
    ...(typeof title === "string" ? { title } : {}),
    ...custom("severity"),
    ...custom("owner"),
  };
}

/** The rules of a compiled bundle, of which there is only what METADATA says. */
function annotated(side: Side): RuleText[] {
  return side.rules.map(({ id, title, description, owner, severity, frameworks, file, row }) => ({
    ...{ package: "data", ref: id, id, file, row, text: "" },
    annotations: [
      {
        title,
        ...(description === undefined ? {} : { description }),
        custom: { owner, severity, frameworks },
      },
    ],
  }));
}

function compareEntrypoints(
  a: readonly EntrypointFacts[],
  b: readonly EntrypointFacts[],
): EntrypointChange[] {
  const before = new Map(a.map((one) => [one.path, one]));
  const after = new Map(b.map((one) => [one.path, one]));
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path): EntrypointChange[] => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old === undefined) return [{ path, kind: "added", reads: [] }];
    if (now === undefined) return [{ path, kind: "removed", reads: [] }];
    const [was, is] = [readsOf(old), readsOf(now)];
    const reads = [
      ...without(is, was).map((one) => ({ kind: "added" as const, path: one })),
      ...without(was, is).map((one) => ({ kind: "removed" as const, path: one })),
    ];
    const [from, to] = [drawCaching(old), drawCaching(now)];
    if (reads.length === 0 && from === to) return [];
    return [{ path, kind: "changed", reads, ...(from === to ? {} : { caching: { from, to } }) }];
  });
}

function readsOf({ input, data, lookups = [] }: EntrypointFacts): Set<string> {
  const shown = (root: string, path: readonly string[]): string => [root, ...path].join(".");
  return new Set([
    ...input.map((path) => shown("input", path)),
    ...data.map((path) => shown("data", path)),
    ...lookups.map(({ table, by }) => `${shown("data", table)}[${shown("input", by)}]`),
  ]);
}
