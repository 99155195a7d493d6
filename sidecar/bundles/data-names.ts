/** Names what is read of a policy's base documents, so that a result counts for just as long as that stays. */
import { createHash } from "node:crypto";
import type { Json } from "../contract.js";
import { stringifyJson } from "../contract.js";
import type { DataNames } from "../decide/cache/key.js";
import type { Patch } from "../decide/engine/engine.js";
import type { Policy } from "../decide/policy.js";
import type { EntrypointFacts } from "../rego/bundle.js";

/** Follows the base documents of one loaded policy. */
export interface PolicyData {
  /** Names what one entrypoint reads. */
  namesFor(facts: Pick<EntrypointFacts, "data" | "lookups">): DataNames;
  /** Must be told of each change in place, also of one that failed half-way. */
  changed(patches: readonly Patch[]): void;
  /** Counts the changes. */
  version(): number;
}

export interface PolicyDataParts {
  readonly policy: Pick<Policy, "read">;
  /** Digest over the documents as they were loaded. */
  readonly digest: string;
  /** Bytes of them, about. */
  readonly size: number;
}

type Path = readonly string[];

/** Up to so many bytes, what is read whole is named by its own content; beyond, by all documents and what became of them. */
const smallData = 2 ** 20;
const loneSurrogate = /\p{Cs}/u;
/** Keys of a table whose names are kept. */
const mostMembers = 100_000;
/** Items of a list whose names are kept: they are all read at once. */
const mostItems = 1_000;

/** INVARIANT: a name is a digest of the content itself, or of a name and each change since: other content has another name. */
export function createPolicyData({ policy, digest, size }: PolicyDataParts): PolicyData {
  const wholes = new Map<string, Whole>();
  const tables = new Map<string, Table>();
  let version = 0;
  let history = digest;
  let bytes = size;

  const kept = <T>(all: Map<string, T>, path: Path, make: () => T): T => {
    const id = JSON.stringify(path);
    let one = all.get(id);
    if (one === undefined) all.set(id, (one = make()));
    return one;
  };
  const wholeAt = (path: Path): Whole =>
    kept(wholes, path, () =>
      createWhole(path, () => (bytes > smallData ? hashOf(history) : nameOf(policy.read(path)))),
    );
  const tableAt = (path: Path): Table =>
    kept(tables, path, () => createTable(path, (below) => policy.read([...path, ...below]), wholeAt(path)));

  return {
    namesFor({ data, lookups = [] }) {
      const read = data.map(wholeAt);
      const looked = lookups.map(({ table }) => tableAt(table));
      let at = -1;
      let joined = "";
      return {
        whole() {
          if (at !== version) joined = hashOf(read.map(({ name }) => name()).join(" "));
          at = version;
          return joined;
        },
        member: (n, key) => looked[n]?.member(key) ?? "u",
      };
    },
    changed(patches) {
      version++;
      for (const { path, value } of patches) {
        const change = `${JSON.stringify(path)}${value === undefined ? "-" : `+${value}`}`;
        bytes += value?.length ?? 0;
        history = hashOf(`${history} ${change}`);
        for (const one of wholes.values()) one.changed(path, change);
        for (const one of tables.values()) one.changed(path);
      }
    },
    version: () => version,
  };
}

/** A document that is read whole. */
interface Whole {
  name(): string;
  changed(path: Path, change: string): void;
}

function createWhole(place: Path, fresh: () => string): Whole {
  let name: string | undefined;
  return {
    name: () => (name ??= fresh()),
    changed(path, change) {
      // what was never named is read when it is
      if (name !== undefined && (leads(path, place) || leads(place, path)))
        name = hashOf(`${name} ${change}`);
    },
  };
}

/** A table that is looked up by keys. */
interface Table {
  member(key: Json | undefined): string;
  changed(path: Path): void;
}

function createTable(place: Path, read: (below: Path) => Json | undefined, whole: Whole): Table {
  const names = new Map<string, string>();
  /** Of a list's items, where the table is one. */
  let items: readonly string[] | undefined;
  const itemsOf = (list: Json | undefined): readonly string[] =>
    Array.isArray(list) && list.length <= mostItems ? list.map((item) => `i${nameOf(item)}`) : [];
  return {
    member(key) {
      if (key === undefined) return "u";
      if (typeof key === "number") {
        const item = (items ??= itemsOf(read([])))[key];
        if (item !== undefined && !Object.is(key, -0)) return item;
      }
      // a list has numbers for keys, written in many ways; what is no Unicode text leads nowhere, and fails the evaluation
      if (typeof key !== "string" || loneSurrogate.test(key))
        return `w${whole.name()}${hashOf(stringifyJson(key))}`;
      let name = names.get(key);
      if (name === undefined) {
        const value = read([key]);
        name = value === undefined ? "n" : `m${nameOf(value)}`;
        if (names.size >= mostMembers) names.clear();
        names.set(key, name);
      }
      return name;
    },
    changed(path) {
      const isAbove = leads(path, place);
      const isBelow = leads(place, path);
      // what is taken out of a list moves what stands behind it
      if (isAbove || isBelow) items = undefined;
      if (isAbove) names.clear();
      else if (isBelow) names.delete(path[place.length] ?? "");
    },
  };
}

function leads(from: Path, to: Path): boolean {
  return from.length <= to.length && from.every((part, i) => part === to[i]);
}

function nameOf(value: Json | undefined): string {
  return hashOf(value === undefined ? "" : stringifyJson(value));
}

/** SHA-256, 43 characters. */
function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
