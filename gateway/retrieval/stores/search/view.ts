/** What of a document a request wants to see. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";
import { isTexts, isText } from "./reading.js";
import { settingsOf } from "./settings.js";

export interface View {
  /** Whether the document itself is given. */
  readonly source: boolean;
  /** Patterns; of none all is given. */
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  /** The fields that it is sorted by, in their order; "" for what is no field. */
  readonly sort: readonly string[];
  /** Since 9.2 vectors aren't in the document unless asked for ("Source filtering", exclude_vectors). */
  readonly excludeVectors?: boolean;
  /** Whether the store takes parts of the document out to other places: `fields`, `highlight`, `sort`. */
  readonly beside: boolean;
}

export const wholeView: View = { source: true, includes: [], excludes: [], sort: [], beside: false };

/** Reads `_source` (of a body or a query); undefined where it is none. */
export function readSource(
  value: Json | undefined,
): Pick<View, "source" | "includes" | "excludes" | "excludeVectors"> | undefined {
  if (value === undefined || value === true) return { source: true, includes: [], excludes: [] };
  if (value === false) return { source: false, includes: [], excludes: [] };
  const texts = (one: Json | undefined): string[] | undefined =>
    one === undefined ? [] : isText(one) ? [one] : isTexts(one) && one.length <= 256 ? one : undefined;
  if (isText(value) || Array.isArray(value)) {
    const includes = texts(value);
    return includes && { source: true, includes, excludes: [] };
  }
  if (!isObject(value)) return undefined;
  const { includes, include, excludes, exclude, exclude_vectors, ...others } = value;
  if (
    Object.keys(others).length > 0 ||
    (exclude_vectors !== undefined && typeof exclude_vectors !== "boolean")
  )
    return undefined;
  if ((includes !== undefined && include !== undefined) || (excludes !== undefined && exclude !== undefined))
    return undefined;
  const [wanted, unwanted] = [texts(includes ?? include), texts(excludes ?? exclude)];
  if (wanted === undefined || unwanted === undefined) return undefined;
  return {
    ...{ source: true, includes: wanted, excludes: unwanted },
    ...(exclude_vectors === undefined ? {} : { excludeVectors: exclude_vectors }),
  };
}

/** The paths of vectors that a view names; those that it doesn't name aren't given. */
export function vectorsOf(collection: CollectionConfig | undefined, named: readonly string[]): string[] {
  return settingsOf(collection).vectors.filter((path) => named.includes(path));
}

/** What is fetched so that documents can be looked at: what is wanted, the configured fields, the text. */
export function sourceFor(
  view: View,
  collections: readonly CollectionConfig[],
  hidden: readonly string[],
  named: readonly string[],
): Json {
  const fields = collections.flatMap((one) => [
    ...[...one.fields.values()].map(({ path }) => path.join(".")),
    ...(one.text === undefined ? [] : [one.text.join(".")]),
  ]);
  const vectors = collections.flatMap((one) => {
    const wanted = vectorsOf(one, named);
    return settingsOf(one).vectors.filter((path) => !wanted.includes(path));
  });
  const needed = (path: string): boolean => fields.some((one) => one === path || one.startsWith(`${path}.`));
  const excludes = [...new Set([...hidden, ...vectors])].filter((path) => !needed(path) && !/[*]/.test(path));
  const all = view.beside || (view.source && view.includes.length === 0);
  const includes = all ? [] : [...new Set([...view.includes, ...fields])];
  if (!all && includes.length === 0) return false;
  const told = view.excludeVectors === undefined ? {} : { exclude_vectors: view.excludeVectors };
  if (includes.length === 0 && excludes.length === 0 && view.excludeVectors === undefined) return true;
  return {
    ...told,
    ...(includes.length === 0 ? {} : { includes }),
    ...(excludes.length === 0 ? {} : { excludes }),
  };
}

/** Gives of a document what a view wants ("Source filtering": a pattern takes what is beneath, too). */
export function viewed(document: JsonObject, view: View, vectors: readonly string[]): JsonObject | undefined {
  if (!view.source) return undefined;
  const { includes, excludes } = view;
  if (includes.length === 0 && excludes.length === 0 && vectors.length === 0) return document;
  const wanted = (path: readonly string[]): boolean => {
    const covered = (patterns: readonly string[]): boolean =>
      path.some((_, i) => {
        const prefix = path.slice(0, i + 1).join(".");
        return patterns.some((pattern) => matches(pattern, prefix));
      });
    return (includes.length === 0 || covered(includes)) && !covered(excludes) && !covered(vectors);
  };
  return take(document, [], wanted, includes.length === 0) ?? Object.create(null);
}

function take(
  value: JsonObject,
  path: readonly string[],
  wanted: (path: readonly string[]) => boolean,
  keepEmpty: boolean,
): JsonObject | undefined {
  const out = Object.create(null) as JsonObject;
  for (const [key, one] of Object.entries(value)) {
    const here = [...path, key];
    if (isObject(one)) {
      const inner = take(one, here, wanted, keepEmpty && wanted(here));
      if (inner !== undefined) out[key] = inner;
    } else if (Array.isArray(one) && one.some((each) => isObject(each))) {
      const list = one.flatMap((each): Json[] => {
        if (!isObject(each)) return wanted(here) ? [each] : [];
        const inner = take(each, here, wanted, keepEmpty && wanted(here));
        return inner === undefined ? [] : [inner];
      });
      if (list.length > 0) out[key] = list;
    } else if (wanted(here)) out[key] = one;
  }
  return Object.keys(out).length > 0 || (keepEmpty && (path.length === 0 || wanted(path))) ? out : undefined;
}

/** A pattern in which `*` stands for anything; linear in its length times the text's. */
export function matches(pattern: string, text: string): boolean {
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === "*") {
      star = p++;
      mark = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
