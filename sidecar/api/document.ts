import type { ActiveBundle, BundleSet } from "../bundles/active.js";
import { filterRoot, mostSegments } from "../bundles/active.js";
import type { Json, JsonObject } from "../contract.js";
import { isObject } from "../contract.js";

/** How a data path is answered: by evaluations whose results are put together, and base documents. */
export interface Plan {
  readonly evaluations: readonly Evaluation[];
  /** Bundles whose base documents at the path belong to the answer; `written` for those of the API. */
  readonly base: readonly (ActiveBundle | "written")[];
}

interface Evaluation {
  readonly bundle: ActiveBundle;
  readonly entrypoint: string;
  /** Where the result belongs, from the path on. */
  readonly at: readonly string[];
  /** What of the result is asked for. */
  readonly select: readonly string[];
}

/**
 * Finds what answers a path: the entrypoint there or nearest above it, whose result is selected from; else the
 * entrypoints below it together with base documents. Above the roots of several bundles, all of them answer. What is
 * derived of filters isn't there.
 */
export function planFor(set: BundleSet, path: readonly string[]): Plan {
  if (path[0] === filterRoot) return { evaluations: [], base: [] };
  const owner = set.bundles.find(({ roots }) => roots.some((root) => leads(pathOf(root), path)));
  const below = set.bundles.filter(({ roots }) => roots.some((root) => leads(path, pathOf(root))));
  const bundles = owner === undefined ? below : [owner];
  const evaluations: Evaluation[] = [];
  const base: (ActiveBundle | "written")[] = owner === undefined ? ["written"] : [];
  for (const bundle of bundles) {
    const above = nearestAbove(bundle, path);
    if (above !== undefined) {
      evaluations.push({ bundle, entrypoint: above.join("/"), at: [], select: path.slice(above.length) });
      continue;
    }
    for (const entrypoint of topmostBelow(bundle, path)) {
      evaluations.push({ bundle, entrypoint, at: entrypoint.split("/").slice(path.length), select: [] });
    }
    base.push(bundle);
  }
  return { evaluations, base };
}

function pathOf(text: string): string[] {
  return text === "" ? [] : text.split("/");
}

function leads(from: readonly string[], to: readonly string[]): boolean {
  return from.length <= to.length && from.every((part, i) => part === to[i]);
}

function nearestAbove(bundle: ActiveBundle, path: readonly string[]): readonly string[] | undefined {
  for (let length = mostSegments([bundle], path); length >= 0; length--) {
    const place = path.slice(0, length);
    if (bundle.entrypoints.has(place.join("/"))) return place;
  }
  return undefined;
}

function topmostBelow(bundle: ActiveBundle, path: readonly string[]): string[] {
  const prefix = path.length === 0 ? "" : `${path.join("/")}/`;
  const below = [...bundle.entrypoints.keys()].filter(
    (entrypoint) => entrypoint.startsWith(prefix) && !entrypoint.startsWith(`${filterRoot}/`),
  );
  const all = new Set(below);
  return below.filter((entrypoint) => {
    for (let at = entrypoint.lastIndexOf("/"); at > 0; at = entrypoint.lastIndexOf("/", at - 1)) {
      if (all.has(entrypoint.slice(0, at))) return false;
    }
    return true;
  });
}

/** Selects a member of objects, or an item of arrays by its index. */
export function select(value: Json | undefined, path: readonly string[]): Json | undefined {
  let at = value;
  for (const segment of path) {
    if (Array.isArray(at)) at = /^(?:0|[1-9][0-9]{0,14})$/.test(segment) ? at[Number(segment)] : undefined;
    else at = isObject(at) && Object.hasOwn(at, segment) ? at[segment] : undefined;
  }
  return at;
}

/** Wraps a value in objects, so that it lies at a path. */
export function place(value: Json, path: readonly string[]): Json {
  return path.reduceRight<Json>((inner, key) => {
    const object = Object.create(null) as JsonObject;
    object[key] = inner;
    return object;
  }, value);
}

/** Joins two documents; where both have a value that is no object, the first one's counts. */
export function merge(first: Json | undefined, second: Json | undefined): Json | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  if (!isObject(first) || !isObject(second)) return first;
  const out = Object.create(null) as JsonObject;
  for (const key of new Set([...Object.keys(first), ...Object.keys(second)])) {
    const joined = merge(first[key], second[key]);
    if (joined !== undefined) out[key] = joined;
  }
  return out;
}
