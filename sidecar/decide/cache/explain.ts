/** Tells what an entrypoint's decisions are kept by, and why some aren't; never a value of an input. */
import { createHmac } from "node:crypto";
import type { Json, JsonObject } from "../../contract.js";
import { isObject, stringifyJson } from "../../contract.js";
import type { CacheWish, EntrypointFacts } from "../../rego/bundle.js";
import { isMet } from "./key.js";
import type { Tally } from "./tally.js";
import { valueAt } from "./value-at.js";

export interface ExplainOptions {
  readonly facts: EntrypointFacts;
  /** Whether its results have keys at all. */
  readonly keyed: boolean;
  readonly tally?: Tally;
  /** Longest life of a result, seconds. */
  readonly ttl: number;
  readonly denyTtl: number;
  /** Makes digests that mean nothing elsewhere. */
  readonly secret: Buffer;
}

/** Fields that are told to split the cache. */
const mostSplits = 5;

/** Gives what is known of an entrypoint, and with an input, which of it makes the key. */
export function explain(options: ExplainOptions, input?: Json): JsonObject {
  const { facts, keyed, tally, ttl, denyTtl } = options;
  const { lookups = [], branches = [], cache = {}, clock } = facts;
  const mask =
    input === undefined
      ? undefined
      : (path: readonly string[]) => masked(valueAt(input, path), options.secret);
  const told = (path: readonly string[]): JsonObject => ({
    path: nameOf("input", path),
    ...(mask === undefined ? {} : { value: mask(path) }),
  });
  const inBranches = new Set(branches.flatMap((one) => one.input.map((path) => nameOf("input", path))));
  const alone = new Set(lookups.flatMap((one) => (one.alone === true ? [nameOf("input", one.by)] : [])));
  const isAlways = (path: readonly string[]): boolean => {
    const name = nameOf("input", path);
    return !inBranches.has(name) && !alone.has(name);
  };
  return {
    entrypoint: facts.path,
    cached: keyed,
    ...(keyed ? {} : { why_not: whyNot(facts, cache) }),
    fields: facts.input.filter(isAlways).map(told),
    branches: branches.map(({ when, input: read }) => ({
      when: when.map(({ path, equals }) => ({ path: nameOf("input", path), equals })),
      ...(input === undefined ? {} : { met: isMet(when, input) }),
      fields: read.map(told),
    })),
    data: facts.data.map((path) => nameOf("data", path)),
    lookups: lookups.map(({ table, by, alone: only }) => ({
      table: nameOf("data", table),
      by: told(by),
      // colleagues with equal records share what is kept
      ...(only === true ? { only_what_it_leads_to: true } : {}),
    })),
    scope: cache.scope ?? "tenant",
    ttl: Math.min(ttl, cache.ttl ?? ttl),
    deny_ttl: Math.min(denyTtl, cache.ttl ?? denyTtl),
    ...(clock === undefined ? {} : { clock: "kept until the moment at which the clock may change it" }),
    ...(tally === undefined ? {} : { figures: figuresOf(tally) }),
  };
}

/** Why an entrypoint's results are never kept. */
function whyNot({ nondeterministic, input }: EntrypointFacts, { ttl }: CacheWish): string {
  if (ttl === 0) return "METADATA says custom.cache.ttl 0";
  if (nondeterministic.length > 0)
    return `not a function of its input: ${nondeterministic.join(", ")}; METADATA custom.cache.ttl may allow it for a while`;
  return input.length === 0
    ? "nothing is known of what it reads: build it with countersign build"
    : "not known to be a function of its input: build it with countersign build";
}

function figuresOf(tally: Tally): JsonObject {
  const { l1, l2, misses, early, evaluations, spent } = tally;
  const lookups = l1 + l2 + misses;
  return {
    ...{ lookups, hits_memory: l1, hits_redis: l2, misses, renewed_early: early },
    hit_ratio: lookups === 0 ? null : round((l1 + l2) / lookups, 4),
    past_the_cache: Object.fromEntries(tally.bypassed),
    // an author's hint: what is keyed and differs from miss to miss
    split_by: {
      misses_looked_at: tally.splits.looked,
      fields: tally.splits
        .told()
        .slice(0, mostSplits)
        .map(({ path, values }) => ({ path: nameOf("input", path), values })),
    },
    evaluation_micros: {
      count: evaluations,
      mean: evaluations === 0 ? null : round(spent / evaluations, 1),
      p95: evaluations === 0 ? null : round(tally.quantile(0.95), 1),
    },
  };
}

/**
 * Says what kind of value it is. INVARIANT: nothing of the value but its type and size gets out: the digest is by a secret of this
 * process, so that it tells equal values from different ones, and nothing to who guesses elsewhere.
 */
function masked(value: Json | undefined, secret: Buffer): JsonObject {
  if (value === undefined) return { type: "undefined" };
  const text = stringifyJson(value);
  const digest = createHmac("sha256", secret).update(text).digest("base64url").slice(0, 8);
  if (value === null || typeof value === "boolean")
    return { type: value === null ? "null" : "boolean", digest };
  if (typeof value === "string") return { type: "string", length: value.length, digest };
  if (Array.isArray(value)) return { type: "array", length: value.length, digest };
  return isObject(value)
    ? { type: "object", length: Object.keys(value).length, digest }
    : { type: "number", length: text.length, digest };
}

/** Writes a path as policies do. */
export function nameOf(root: string, path: readonly string[]): string {
  return path.reduce(
    (all, name) => (/^[a-z_]\w*$/i.test(name) ? `${all}.${name}` : `${all}[${JSON.stringify(name)}]`),
    root,
  );
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
