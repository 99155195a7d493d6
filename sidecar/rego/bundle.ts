/** What the toolchain makes of a bundle, and what it says when it can't. */

/** An error that an author can find. */
export interface BuildError {
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  readonly row?: number;
  readonly col?: number;
}

/** What an entrypoint's result can depend on. */
export interface EntrypointFacts {
  /** `a/b/c` for `data.a.b.c`. */
  readonly path: string;
  /** Paths under `input` that the compiled rules read; `[]` is the whole input. */
  readonly input: readonly (readonly string[])[];
  /** Paths of base documents; where rules stand, there are none. */
  readonly data: readonly (readonly string[])[];
  /** False where a built-in is reached whose result isn't a function of its arguments. */
  readonly deterministic: boolean;
  readonly nondeterministic: readonly string[];
  /** METADATA says `entrypoint: true`, or it was asked for by name; the others answer because they are there. */
  readonly annotated?: boolean;
  /** Tables of base documents that are read only by keys out of the input; they aren't in `data`. */
  readonly lookups?: readonly Lookup[];
  /** Paths of `input` that are read only where others have these values. What is in no branch is read always. */
  readonly branches?: readonly Branch[];
  /**
   * The clock is read only through comparisons of which the host is told, so that it knows until when a result holds;
   * `time.now_ns` is then none of {@link nondeterministic}.
   */
  readonly clock?: "bounded";
  /** METADATA `custom.cache`. */
  readonly cache?: CacheWish;
}

/** `data.users[input.subject.id]`: the table `["users"]`, looked up by `["subject", "id"]`, which is one of `input`. */
export interface Lookup {
  readonly table: readonly string[];
  readonly by: readonly string[];
  /** Nothing else is asked of the value at `by`: all that counts is what it leads to. No other path of `input` overlaps with it. */
  readonly alone?: true;
}

/** INVARIANT: `when` is met where each of its paths has its value; they are in `input`, and in no branch. */
export interface Branch {
  readonly when: readonly {
    readonly path: readonly string[];
    readonly equals: string | number | boolean | null;
  }[];
  /** Some of the entrypoint's `input`. */
  readonly input: readonly (readonly string[])[];
}

/** What an author wants of the cache. */
export interface CacheWish {
  /** Longest life, seconds; where results aren't a function of what is keyed, it allows that they are kept at all. 0: never kept. */
  readonly ttl?: number;
  /** Who may share a result: all of a tenant unless said, one subject, one task. */
  readonly scope?: "tenant" | "subject" | "task";
}

/** Where a built-in is used first. */
export interface BuiltinUse {
  readonly name: string;
  readonly file: string;
  readonly row: number;
  readonly col: number;
}

/** What METADATA says of an annotated rule. */
export interface RuleFacts {
  readonly index: number;
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly owner: string;
  readonly severity: string;
  readonly frameworks: readonly string[];
  readonly file: string;
  readonly row: number;
}

/** OPA's `.manifest`. */
export interface Manifest {
  readonly revision?: string;
  readonly roots?: readonly string[];
  readonly wasm?: readonly { readonly entrypoint: string; readonly module: string }[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly rego_version?: number;
  /** Glob patterns of files (`/a/*.rego`) whose version is another one. */
  readonly file_rego_versions?: Readonly<Record<string, number>>;
}

/** A compiled module beside a bundle's first. */
export interface BuiltModule {
  /** Its file in the bundle, `a/policy.wasm`; the manifest's `wasm` names its entrypoints. */
  readonly place: string;
  readonly wasm: Uint8Array;
  /** Index of the first of the bundle's rules that is its own. */
  readonly firstRule: number;
}

export interface BuiltBundle {
  readonly wasm: Uint8Array;
  /** More modules. Each entrypoint is answered by one of them. */
  readonly more?: readonly BuiltModule[];
  readonly manifest: Manifest;
  /** Base documents as JSON text; numbers keep their digits. */
  readonly data: string;
  readonly entrypoints: readonly EntrypointFacts[];
  readonly rules: readonly RuleFacts[];
  /** Those that the policy uses, by name, also those that its module has itself; absent where nobody knows. */
  readonly builtins?: readonly BuiltinUse[];
  /** SHA-256 (hex) over policy, data and facts; after changes by deltas, over that of the bundle before and the delta. */
  readonly digest: string;
}

export interface Rejected {
  readonly kind: "rejected";
  readonly errors: readonly BuildError[];
}
export type BuildOutcome = { readonly kind: "built"; readonly bundle: BuiltBundle } | Rejected;

/** One reason as a rejection. */
export function rejected(code: string, message: string, file?: string): Rejected {
  return { kind: "rejected", errors: [{ code, message, ...(file === undefined ? {} : { file }) }] };
}
