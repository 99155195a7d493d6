/** Strict reading of a request's body: what isn't known is refused by name. A refusal ends at {@link orRefusal}. */
import { createHash } from "node:crypto";
import type { ErrorCode, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, plainNumber, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { QueryFacts } from "../adapter.js";

/** Ends the reading of a request; never leaves an adapter. */
class Unread extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.code);
  }
}

/** @throws Unread always; `detail` names places and members, never a value */
export function unread(code: ErrorCode, detail?: string): never {
  throw new Unread(refuse(code, detail));
}

/** Gives what a reader reads, or why it couldn't. */
export function orRefusal<T>(read: () => T): T | Refusal {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unread) return error.refusal;
    throw error;
  }
}

/**
 * Reads an object of which only these members are known; `null` counts as absent where the store takes it so.
 * @returns a copy without what is absent
 */
export function members(
  value: Json | undefined,
  known: readonly string[],
  place: string,
  code: ErrorCode = "invalid_request",
): JsonObject {
  if (!isObject(value)) return unread(code, `${place} must be an object`);
  const out = Object.create(null) as JsonObject;
  for (const name of Object.keys(value)) {
    // a name is the caller's own text: it is told only where it is a plain word
    if (!known.includes(name))
      return unread(
        code,
        `${place} has a member that isn't known${/^\w{1,40}$/.test(name) ? `, ${name}` : ""}`,
      );
    const member = value[name];
    if (member !== undefined && member !== null) out[name] = member;
  }
  return out;
}

export function text(value: Json | undefined, place: string, most = 4_096): string {
  if (typeof value === "string" && value.length <= most) return value;
  return unread("invalid_request", `${place} must be a text`);
}

export function whole(
  value: Json | undefined,
  place: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const number = plainNumber(value);
  if (number !== undefined && Number.isInteger(number) && number >= least && number <= most) return number;
  return unread("invalid_request", `${place} must be a whole number of at least ${least}`);
}

export function number(value: Json | undefined, place: string): Json {
  if (typeof value === "number" || value instanceof JsonNumber) return value;
  return unread("invalid_request", `${place} must be a number`);
}

export function truth(value: Json | undefined, place: string): boolean {
  if (typeof value === "boolean") return value;
  return unread("invalid_request", `${place} must be true or false`);
}

export function list(value: Json | undefined, place: string, most = 10_000): readonly Json[] {
  if (!Array.isArray(value)) return unread("invalid_request", `${place} must be a list`);
  if (value.length > most) return unread("retrieval_limit", `${place}: at most ${most}`);
  return value;
}

export function oneOf(value: Json | undefined, words: readonly string[], place: string): string {
  const read = words.find((word) => word === value);
  return read ?? unread("invalid_request", `${place} must be one of ${words.join(", ")}`);
}

/** A text that may be long: a query, a filter. */
export function longText(value: Json | undefined, place: string, most = 65_536): string {
  return text(value, place, most);
}

/** Gathers facts on what is searched for while it is read. */
export class Facts {
  private readonly kinds = new Set<QueryFacts["kinds"][number]>();
  private readonly fields = new Set<string>();
  private readonly hash = createHash("sha256");
  private bytes = 0;
  private dimensions = 0;
  /** Documents whose vectors are searched by. */
  readonly examples = new Set<string>();
  /** Conditions of filters, to bound them. */
  conditions = 0;

  kind(kind: QueryFacts["kinds"][number]): void {
    this.kinds.add(kind);
  }
  has(kind: QueryFacts["kinds"][number]): boolean {
    return this.kinds.has(kind);
  }
  field(path: string): void {
    this.fields.add(path);
  }
  /** @param dimensions of a dense vector */
  searched(kind: "vector" | "sparse" | "text", value: Json, dimensions = 0): void {
    const said = stringifyJson(value);
    this.kinds.add(kind);
    this.bytes += Buffer.byteLength(said);
    this.hash.update(said).update("\n");
    this.dimensions = Math.max(this.dimensions, dimensions);
  }
  tell(
    top_k: number,
    { offset = 0, vectors = false }: { offset?: number; vectors?: boolean } = {},
  ): QueryFacts {
    return {
      kinds: [...this.kinds].sort(),
      top_k,
      ...(offset > 0 ? { offset } : {}),
      ...(this.dimensions > 0 ? { dimensions: this.dimensions } : {}),
      ...(this.bytes > 0 ? { bytes: this.bytes, sha256: this.hash.copy().digest("hex") } : {}),
      ...(vectors ? { vectors } : {}),
      ...(this.fields.size > 0 ? { fields: [...this.fields].sort() } : {}),
    };
  }
}
