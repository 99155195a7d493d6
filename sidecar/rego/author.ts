/** What the toolchain does for the commands of authors: as `opa` does it, by OPA's own loader, reporters and formatter. */
import type { BuildError } from "./bundle.js";

/** An author's files by the names that the author gave them. */
export interface AuthorFiles {
  /** As they were given; `a.b:FILE` puts a file's data at `data.a.b`. */
  readonly paths: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  /** What isn't text, base64. */
  readonly archives: Readonly<Record<string, string>>;
}

export interface AuthorRequest extends AuthorFiles {
  /** The paths are bundles, as after `opa … --bundle`. */
  readonly as_bundle?: boolean;
  readonly ignore?: readonly string[];
  readonly rego_version?: 0 | 1;
  /** Rego v0 that is v1, too. */
  readonly v0_v1?: boolean;
  /** The text of a `capabilities.json`, or a version of OPA's, `v1.0.0`. */
  readonly capabilities?: string;
  /** JSON Schemas: the input's under `""`, else by their path without its ending. */
  readonly schemas?: Readonly<Record<string, unknown>>;
  readonly max_errors?: number;
}

export interface CheckRequest extends AuthorRequest {
  readonly strict?: boolean;
}

export interface TestRequest extends AuthorRequest {
  readonly verbose?: boolean;
  readonly var_values?: boolean;
  readonly explain?: string;
  readonly coverage?: boolean;
  readonly coverage_runs?: readonly string[];
  readonly threshold?: number;
  readonly json?: boolean;
  readonly sort?: string;
  readonly count?: number;
  readonly exit_zero_on_skipped?: boolean;
  readonly timeout_ms?: number;
  readonly run?: string;
}

export interface RegoBuildRequest extends AuthorRequest {
  readonly entrypoints?: readonly string[];
  readonly set_revision?: string;
  readonly optimize?: number;
  readonly partial_namespace?: string;
  readonly prune_unused?: boolean;
  readonly debug?: boolean;
}

export interface FormatRequest {
  readonly files: Readonly<Record<string, string>>;
  readonly v0_compatible?: boolean;
  readonly v1_compatible?: boolean;
  readonly v0_v1?: boolean;
  readonly drop_v0_imports?: boolean;
  readonly check_result?: boolean;
  readonly capabilities?: string;
}

/** The paths are data; `bundles` are read as bundles beside them. */
export interface EvalRequest extends AuthorRequest {
  readonly query: string;
  readonly bundles?: readonly string[];
  /** JSON or YAML. */
  readonly input_text?: string;
  readonly format?: string;
  readonly package?: string;
  readonly imports?: readonly string[];
  readonly partial?: boolean;
  readonly unknowns?: readonly string[];
  readonly disable_inlining?: readonly string[];
  readonly shallow_inlining?: boolean;
  readonly nondeterministic_builtins?: boolean;
  readonly disable_indexing?: boolean;
  readonly disable_early_exit?: boolean;
  readonly strict_builtin_errors?: boolean;
  readonly show_builtin_errors?: boolean;
  readonly read_ast?: boolean;
  readonly strict?: boolean;
  readonly explain?: string;
  readonly var_values?: boolean;
  readonly metrics?: boolean;
  readonly instrument?: boolean;
  readonly profile?: boolean;
  readonly profile_sort?: readonly string[];
  readonly profile_limit?: number;
  readonly coverage?: boolean;
  readonly coverage_runs?: readonly string[];
  readonly count?: number;
  readonly timeout_ms?: number;
}

export interface EvalReport extends AuthorReport {
  /** There is a result. */
  readonly defined: boolean;
}

export interface DepsRequest extends AuthorRequest {
  readonly query: string;
  readonly bundles?: readonly string[];
  readonly json?: boolean;
}

/** Of one path. */
export interface InspectRequest extends AuthorRequest {
  readonly annotations?: boolean;
  readonly json?: boolean;
  /** Stands in the JSON as `countersign`. */
  readonly own?: unknown;
}

/** The files by their path in the bundle. */
export interface RulesRequest {
  readonly files: Readonly<Record<string, string>>;
  readonly rego_version?: 0 | 1;
}

/** A rule as it is compared. */
export interface RuleText {
  /** `data.a.b` */
  readonly package: string;
  readonly ref: string;
  /** `custom.id` of its METADATA. */
  readonly id?: string;
  readonly file: string;
  readonly row: number;
  readonly test?: boolean;
  /** Formatted, without comments, after the imports that it uses. */
  readonly text: string;
  readonly annotations?: readonly unknown[];
}

export interface RuleTexts {
  readonly rules: readonly RuleText[];
  /** One for each file. */
  readonly packages: readonly { readonly package: string; readonly annotations?: readonly unknown[] }[];
}

/** An error with what OPA tells of it; without a code where OPA has none. */
export interface AuthorError extends BuildError {
  readonly details?: unknown;
}

export interface AuthorReport {
  readonly out: string;
  readonly err: string;
  /** `opa`'s exit code. */
  readonly exit: number;
  readonly errors?: readonly AuthorError[];
  /** What is right, and seldom meant, of a check without errors. */
  readonly notes?: readonly BuildError[];
  /** Where coverage was asked for, and not as JSON. */
  readonly coverage?: CoverageReport;
  /** Tests that ran. */
  readonly ran: number;
}

/** As `opa test --coverage` prints it. */
export interface CoverageReport {
  readonly coverage: number;
  readonly files?: Readonly<Record<string, CoveredFile>>;
}

export interface CoveredFile {
  readonly coverage?: number;
  readonly not_covered?: readonly { readonly start: { row: number }; readonly end: { row: number } }[];
}

export interface FormattedFile {
  readonly text: string;
  readonly errors?: readonly AuthorError[];
  /** The text is there, and OPA can't read it. */
  readonly invalid?: boolean;
}

export interface AuthorOps {
  readonly check: { readonly request: CheckRequest; readonly result: AuthorReport };
  readonly test: { readonly request: TestRequest; readonly result: AuthorReport };
  /** `out` is the archive, base64. */
  readonly build: { readonly request: RegoBuildRequest; readonly result: AuthorReport };
  readonly fmt: {
    readonly request: FormatRequest;
    readonly result: { readonly files: Readonly<Record<string, FormattedFile>> };
  };
  readonly eval: { readonly request: EvalRequest; readonly result: EvalReport };
  readonly deps: { readonly request: DepsRequest; readonly result: AuthorReport };
  readonly inspect: { readonly request: InspectRequest; readonly result: AuthorReport };
  readonly rules: { readonly request: RulesRequest; readonly result: RuleTexts };
}
