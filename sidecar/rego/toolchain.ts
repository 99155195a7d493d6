import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AuthorOps } from "./author.js";
import type { BuildError, BuiltinUse, EntrypointFacts, Manifest, Rejected, RuleFacts } from "./bundle.js";
import { rejected } from "./bundle.js";
import type { Compiler, CompilerEvents } from "./start-compiler.js";
import { startNative, startReactor } from "./start-compiler.js";

export interface ToolchainParts {
  /** The reactor; the built one unless given. */
  readonly wasmPath?: string;
  /**
   * The same compiler as a program of the machine, for who compiles what is their own: it isn't held to the memory and
   * the reach of WASM. See {@link nativeCompiler}.
   */
  readonly nativePath?: string;
  /** The compiler's process ends after this long without work, milliseconds; 10,000. */
  readonly idleMs?: number;
  /** Longest time for one request, start-up included, milliseconds; 120,000. */
  readonly timeoutMs?: number;
  /** Most memory of the compiler, in 64 KiB pages; 16,384 (1 GiB): 10,000 rules take some 800 MB. */
  readonly maxMemoryPages?: number;
  /**
   * Whether the compiler's own code is optimised while it runs: that pays after some 300 builds, and takes 180 MB. Tests are
   * always run so.
   */
  readonly optimise?: boolean;
}

/** Texts by their path in the bundle. */
export type Files = Readonly<Record<string, string>>;

export interface BuildRequest {
  readonly files: Files;
  /**
   * Entrypoints, `a/b/c`, beside those that METADATA names; every package and rule is one anyway, unless there are very
   * many. One that isn't there is refused.
   */
  readonly entrypoints?: readonly string[];
  /** The JSON data are a skeleton: the result's `data` then hold what stands in YAML only. */
  readonly skeleton?: boolean;
  /** Becomes `countersign_query/result`: the set of its bindings, an object of its variables each. */
  readonly query?: string;
  /** Allows keywords that OPA tries out. */
  readonly experimental?: boolean;
  readonly rego_version?: 0 | 1;
  readonly revision?: string;
  /** `false`: rules are tried one after the other, as OPA's own compiler makes it. */
  readonly index?: boolean;
}

export interface BuildResult {
  /** base64 */
  readonly wasm: string;
  readonly manifest: Manifest;
  /** Kept as text, so that no digit is lost. */
  readonly data: string;
  readonly entrypoints: readonly EntrypointFacts[];
  readonly rules: readonly RuleFacts[];
  /** Rules whose bodies are looked up by what they ask of the input, instead of tried one after the other. */
  readonly indexed: readonly IndexFacts[];
  readonly builtins: readonly BuiltinUse[];
}

export interface IndexFacts {
  readonly ref: string;
  /** Bodies that are looked up. */
  readonly rules: number;
  /** Fields of the input; `[_]` after it: one of its elements. */
  readonly by: readonly string[];
  readonly groups: number;
}

export interface TestResult {
  readonly package: string;
  readonly name: string;
  readonly outcome: "pass" | "fail" | "error" | "skip";
  readonly message?: string;
  readonly file: string;
  readonly row: number;
  readonly duration_ns: number;
  /** What the test printed. */
  readonly output?: string;
}

export interface TestReport {
  readonly results: readonly TestResult[];
  /** Percent of the lines of rules. */
  readonly coverage?: number;
  readonly files?: readonly {
    readonly file: string;
    readonly coverage: number;
    readonly not_covered: readonly number[];
  }[];
}

export type Outcome<T> = { readonly kind: "done"; readonly result: T } | Rejected;

export interface Toolchain {
  build(request: BuildRequest): Promise<Outcome<BuildResult>>;
  check(request: {
    files: Files;
    strict?: boolean;
    rego_version?: 0 | 1;
  }): Promise<Outcome<{ files: number }>>;
  /** `run`: a regular expression that picks tests by name. */
  test(request: {
    files: Files;
    coverage?: boolean;
    run?: string;
    rego_version?: 0 | 1;
  }): Promise<Outcome<TestReport>>;
  dependencies(request: BuildRequest): Promise<Outcome<{ entrypoints: readonly EntrypointFacts[] }>>;
  /** Merges data files, `.manifest` beside them, YAML as OPA reads it; the text keeps each digit. */
  data(request: { files: Files }): Promise<Outcome<{ data: string }>>;
  format(request: { files: Files; rego_version?: 0 | 1 }): Promise<Outcome<{ files: Files }>>;
  /** Does what a command of `opa` does for an author. */
  author<Op extends keyof AuthorOps>(
    op: Op,
    request: AuthorOps[Op]["request"],
  ): Promise<Outcome<AuthorOps[Op]["result"]>>;
  /** Evaluates with OPA's Go evaluator: the reference to compare with, never a decision. */
  evaluate(request: {
    files: Files;
    query: string;
    input?: unknown;
    /** Nanoseconds since the epoch, as text; the clock unless given. */
    now_ns?: string;
  }): Promise<Outcome<{ results: readonly unknown[] }>>;
  /** Names the compiler's build: what was compiled by another one may differ. */
  version(): Promise<string>;
  /** Process id of the compiler while it runs. */
  pid(): number | undefined;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (outcome: Outcome<string>) => void;
  readonly timer: NodeJS.Timeout;
}

/** Tests of more than so many bytes of policy run long enough for the compiler's own code to be worth optimising. */
const longTests = 150_000;

const builtReactor = fileURLToPath(new URL("./toolchain/toolchain.wasm", import.meta.url));

/** Creates the toolchain; its process starts with the first request. Requests never reject. */
export function createToolchain(parts: ToolchainParts): Toolchain {
  const { wasmPath = builtReactor, idleMs = 10_000, timeoutMs = 120_000, maxMemoryPages = 16_384 } = parts;
  const { optimise = false, nativePath } = parts;
  const pending = new Map<number, Pending>();
  let child: Compiler | undefined;
  let idle: NodeJS.Timeout | undefined;
  let nextId = 1;
  let versioned: Promise<string> | undefined;

  const settle = (id: number, outcome: Outcome<string>): void => {
    const waiting = pending.get(id);
    if (waiting === undefined) return;
    pending.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(outcome);
    if (pending.size === 0) {
      child?.release();
      idle = setTimeout(stop, idleMs);
      idle.unref();
    }
  };
  const stop = (): void => {
    void child?.kill();
    child = undefined;
  };
  const failAll = (code: string, message: string): void => {
    for (const id of [...pending.keys()]) settle(id, rejected(code, message));
  };

  const start = (op: string, size: number): Compiler => {
    const events = {
      answered(id: number, response: Uint8Array) {
        settle(id, { kind: "done", result: new TextDecoder().decode(response) });
      },
      gone() {
        if (child !== started) return;
        child = undefined;
        failAll("toolchain_failed", "the compiler ended unexpectedly; the policy may need too much memory");
      },
    };
    const started = nativePath === undefined ? reactor(op, size, events) : startNative(nativePath, events);
    return started;
  };
  const reactor = (op: string, size: number, events: CompilerEvents): Compiler => {
    const hot = op === "test" || (op === "author_test" && size > longTests);
    const baseline = optimise ? [] : [hot ? "--wasm-tiering-budget=30000000" : "--liftoff-only"];
    // a function is validated when it is first called: 43 MB before the first request would take a fifth of the start
    const flags = [...baseline, "--wasm-lazy-validation", `--wasm-max-mem-pages=${maxMemoryPages}`];
    return startReactor(wasmPath, flags, events);
  };

  const send = (request: { readonly op: string }): Promise<Outcome<string>> => {
    if (!existsSync(wasmPath)) {
      return Promise.resolve(
        rejected("toolchain_missing", "the Rego toolchain is not built; run: make build"),
      );
    }
    clearTimeout(idle);
    return new Promise((resolve) => {
      const id = nextId++;
      const bytes = new TextEncoder().encode(JSON.stringify(request));
      const running = (child ??= start(request.op, bytes.byteLength));
      running.hold();
      const timer = setTimeout(() => {
        settle(id, rejected("toolchain_timeout", `the compiler took longer than ${timeoutMs} ms`));
        const wedged = child;
        child = undefined;
        void wedged?.kill();
        failAll("toolchain_failed", "the compiler was stopped because of another request");
      }, timeoutMs);
      pending.set(id, { resolve, timer });
      running.send(id, bytes);
    });
  };

  const call = async <T>(
    op: string,
    request: object,
    read: (text: string) => Answer<T> = (text) => JSON.parse(text) as Answer<T>,
  ): Promise<Outcome<T>> => {
    const outcome = await send({ op, ...request });
    if (outcome.kind === "rejected") return outcome;
    const { result, errors } = read(outcome.result);
    if (errors !== undefined) return { kind: "rejected", errors };
    if (result === undefined) return rejected("toolchain_failed", "the compiler gave no answer");
    return { kind: "done", result };
  };

  return {
    build: (request) => call("build", request, readBuild),
    check: (request) => call("check", request),
    test: (request) => call("test", request),
    dependencies: (request) => call("dependencies", request),
    data: (request) => call("data", request, readData),
    format: (request) => call("format", request),
    author: (op, request) => call(`author_${op}`, request),
    evaluate: (request) => call("eval", request),
    version: () => (versioned ??= versionOf(wasmPath)),
    pid: () => child?.pid,
    close() {
      clearTimeout(idle);
      const running = child;
      if (running === undefined) return Promise.resolve();
      failAll("toolchain_failed", "the toolchain was closed");
      clearTimeout(idle);
      child = undefined;
      running.hold();
      return running.kill();
    },
  };
}

/** Finds the compiler as a program of this machine (`make native`), of the same sources as the reactor. */
export function nativeCompiler(): string | undefined {
  const folder = dirname(builtReactor);
  const stampOf = (path: string): string | undefined => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  };
  const stamp = stampOf(join(folder, "native", "stamp"));
  return stamp !== undefined && stamp === stampOf(join(folder, "stamp"))
    ? join(folder, "native", "toolchain")
    : undefined;
}

/** The build's stamp where it stands beside the reactor (see toolchain/build.sh), else the reactor's own digest. */
async function versionOf(wasmPath: string): Promise<string> {
  try {
    return (await readFile(join(dirname(wasmPath), "stamp"), "utf8")).trim();
  } catch {
    return createHash("sha256")
      .update(await readFile(wasmPath).catch(() => ""))
      .digest("hex");
  }
}

interface Answer<T> {
  readonly result?: T;
  readonly errors?: readonly BuildError[];
}

/** INVARIANT: `data` travels as text and is never parsed here, so that no digit is lost. */
function readBuild(text: string): Answer<BuildResult> {
  const answer = JSON.parse(text) as Answer<Omit<BuildResult, "data"> & { data_text: string }>;
  if (answer.result === undefined) return answer.errors === undefined ? {} : { errors: answer.errors };
  const { data_text, ...rest } = answer.result;
  return { result: { ...rest, data: data_text } };
}

function readData(text: string): Answer<{ data: string }> {
  const { result, errors } = JSON.parse(text) as Answer<{ data_text: string }>;
  if (errors !== undefined) return { errors };
  return result === undefined ? {} : { result: { data: result.data_text } };
}
