/** Runs an author's command: once, or with `--watch` at each change, with the compiler kept warm in between. */
import type { Toolchain, ToolchainParts } from "../sidecar/rego/toolchain.js";
import { createToolchain, nativeCompiler } from "../sidecar/rego/toolchain.js";
import { watchPath } from "../sidecar/bundles/watch-path.js";
import type { AuthorRequest } from "../sidecar/rego/author.js";
import { fileOf, readCapabilities, readSchemas } from "./author-files.js";
import { readList, readNumber } from "./flags.js";
import type { Io } from "./main.js";
import { UsageError } from "./main.js";

export interface AuthorRun {
  readonly paths: readonly string[];
  readonly watch: boolean;
  readonly io: Io;
  /** Does the work once; gives the exit code. */
  readonly once: (toolchain: Toolchain) => Promise<number>;
}

const forever = 2 ** 31 - 1;

/** @throws UsageError where no path is given */
export async function runAuthor({ paths, watch, io, once }: AuthorRun): Promise<number> {
  if (paths.length === 0) throw new UsageError("give a PATH");
  const parts = { timeoutMs: 600_000, ...(watch ? { idleMs: forever } : {}) };
  return withToolchain(io, parts, (toolchain) =>
    watch ? follow(paths, io, () => once(toolchain)) : once(toolchain),
  );
}

/** Works with the compiler that is there, or with one of its own, which ends with the work: this machine's where it is built. */
export async function withToolchain<T>(
  io: Io,
  parts: ToolchainParts,
  work: (toolchain: Toolchain) => Promise<T>,
): Promise<T> {
  if (io.toolchain !== undefined) return work(io.toolchain);
  const nativePath = nativeCompiler();
  const toolchain = createToolchain({ ...parts, ...(nativePath === undefined ? {} : { nativePath }) });
  try {
    return await work(toolchain);
  } finally {
    await toolchain.close();
  }
}

/** Runs at once and at each change, one run at a time, until SIGINT or SIGTERM. */
async function follow(paths: readonly string[], io: Io, once: () => Promise<number>): Promise<number> {
  let changed: (() => void) | undefined;
  let stopped = false;
  let pending = true;
  const wake = (): void => {
    pending = true;
    changed?.();
  };
  const stop = (): void => {
    stopped = true;
    wake();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const watchers = paths.map((path) => watchPath(fileOf(path), wake));
  // what is watched doesn't keep the process alive
  const alive = setInterval(() => undefined, forever);
  try {
    while (!stopped) {
      pending = false;
      await once();
      io.err(`${"*".repeat(80)}\nWatching for changes ...\n`);
      if (!pending) await new Promise<void>((resolve) => (changed = resolve));
      changed = undefined;
    }
    return 0;
  } finally {
    clearInterval(alive);
    for (const watcher of watchers) watcher.close();
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

export interface SharedFlags {
  readonly bundle?: boolean | undefined;
  readonly ignore?: readonly string[] | undefined;
  readonly capabilities?: string | undefined;
  readonly schema?: string | undefined;
  readonly "max-errors"?: string | undefined;
  readonly "v0-compatible"?: boolean | undefined;
}

/** Gives what the flags say of a request, whatever the files. @throws UsageError */
export async function readShared(
  flags: SharedFlags,
): Promise<Omit<AuthorRequest, "files" | "archives" | "paths">> {
  const capabilities = await readCapabilities(flags.capabilities);
  const schemas = await readSchemas(flags.schema);
  const most = readNumber("--max-errors", flags["max-errors"], 0);
  return {
    as_bundle: flags.bundle === true,
    ignore: readList(flags.ignore),
    ...(flags["v0-compatible"] === true ? { rego_version: 0 as const } : {}),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(schemas === undefined ? {} : { schemas }),
    ...(most === undefined ? {} : { max_errors: most }),
  };
}
