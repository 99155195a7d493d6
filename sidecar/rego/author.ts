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
}
