import { createHash } from "node:crypto";
import type { Json, Refusal } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse, stringifyJson } from "../../../../sidecar/contract.js";
import type { QueryFacts } from "../../adapter.js";

/** Clauses of one search. */
const mostClauses = 1_024;
const deepest = 24;
const wordForm = /^[a-z0-9_]{1,40}$/;
/** A path of a field. INVARIANT: no pattern, and none of the store's own (`_source`, `_index`) but `_id`. */
const pathForm = /^(?!_)[^*\s,^]{1,256}$/;

/** Gathers what a search asks for while it is read; the first thing that isn't understood ends it. */
export class Reading {
  problem: Refusal | undefined;
  readonly fields = new Set<string>();
  readonly kinds = new Set<QueryFacts["kinds"][number]>();
  readonly vectorFields = new Set<string>();
  private readonly texts: Json[] = [];
  private clauses = 0;
  private apart = 0;
  private dimensions: number | undefined;

  /** @param where names of the protocol, or a place; a name that the caller made up isn't repeated */
  fail(where: string, code: "filter_refused" | "retrieval_limit" = "filter_refused"): false {
    this.problem ??= refuse(code, where);
    return false;
  }

  unknown(name: string, place: string): false {
    return this.fail(wordForm.test(name) ? `${place}: ${name}` : place);
  }

  /**
   * Reads what isn't where documents are found: policy's filter isn't put there, so that a search for neighbours would tell
   * how near others' documents are.
   */
  besides(read: () => boolean): boolean {
    this.apart++;
    const done = read();
    this.apart--;
    return done;
  }

  /** Whether neighbours may be looked for here. */
  nearby(): boolean {
    return this.apart === 0 || this.fail("neighbours are looked for in the query alone");
  }

  clause(depth: number): boolean {
    return (
      (++this.clauses <= mostClauses && depth <= deepest) || this.fail("too many queries", "retrieval_limit")
    );
  }

  field(path: Json | undefined, place: string): boolean {
    if (typeof path !== "string" || (!pathForm.test(path) && path !== "_id"))
      return this.fail(`${place}: a field's name`);
    if (path === "_id") this.kinds.add("ids");
    else this.fields.add(path);
    return true;
  }

  text(value: Json): void {
    this.kinds.add("text");
    this.texts.push(value);
  }

  vector(value: Json | undefined, place: string): boolean {
    if (!Array.isArray(value) || value.length === 0 || !value.every(isNumber))
      return this.fail(`${place}: a vector is a list of numbers`);
    this.kinds.add("vector");
    this.dimensions = Math.max(this.dimensions ?? 0, value.length);
    this.texts.push(value);
    return true;
  }

  /** An object's members, each by its reader; one without a reader isn't known. */
  members(
    value: Json | undefined,
    place: string,
    readers: Readonly<Record<string, (one: Json) => boolean>>,
  ): boolean {
    if (!isObject(value)) return this.fail(`${place}: an object`);
    return Object.entries(value).every(([name, one]) => {
      const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
      return reader === undefined ? this.unknown(name, place) : reader(one) || this.fail(`${place}: ${name}`);
    });
  }

  facts(): Pick<QueryFacts, "kinds" | "dimensions" | "bytes" | "sha256" | "fields"> {
    const text = this.texts.length === 0 ? undefined : stringifyJson(this.texts);
    return {
      kinds: [...this.kinds],
      ...(this.dimensions === undefined ? {} : { dimensions: this.dimensions }),
      ...(text === undefined
        ? {}
        : {
            bytes: Buffer.byteLength(text),
            sha256: createHash("sha256").update(text).digest("hex"),
          }),
      ...(this.fields.size === 0 ? {} : { fields: [...this.fields] }),
    };
  }
}

export function isNumber(value: Json): value is number | JsonNumber {
  return typeof value === "number" || value instanceof JsonNumber;
}

export function isScalar(value: Json): value is string | number | boolean | JsonNumber {
  return typeof value === "string" || typeof value === "boolean" || isNumber(value);
}

export function isWhole(value: Json | undefined, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

export const isText = (value: Json): value is string => typeof value === "string";
export const isFlag = (value: Json): value is boolean => typeof value === "boolean";
export const isTexts = (value: Json): value is string[] => Array.isArray(value) && value.every(isText);
export const oneOrMore = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [value]);
