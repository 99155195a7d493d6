/** The `countersign` command: finds the subcommand, prints help, turns faults into exit codes. */
import { readFileSync } from "node:fs";
import { nearest } from "../sidecar/contract.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";

export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** A compiler that is kept by who runs several commands; else each has its own. */
  readonly toolchain?: Toolchain;
}

export interface Command {
  readonly summary: string;
  readonly help: string;
  run(args: string[], io: Io): Promise<number>;
}

/** A wrong invocation: printed with a pointer to help, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Loaded on demand, so that one command doesn't pay for another's start-up. */
const commands: Record<string, { summary: string; load: () => Promise<Command> }> = {
  run: {
    summary: "sidecar and gateway in one process",
    load: async () => (await import("./run.js")).runCommand,
  },
  sidecar: {
    summary: "the policy decision point",
    load: async () => (await import("./sidecar.js")).sidecarCommand,
  },
  gateway: {
    summary: "the policy enforcement point",
    load: async () => (await import("./gateway.js")).gatewayCommand,
  },
  demo: {
    summary: "demo upstreams, identities and the tour",
    load: async () => (await import("./demo.js")).demoCommand,
  },
  build: { summary: "compile a policy bundle", load: async () => (await import("./build.js")).buildCommand },
  check: {
    summary: "check policies for errors",
    load: async () => (await import("./check.js")).checkCommand,
  },
  test: { summary: "run policy tests", load: async () => (await import("./test.js")).testCommand },
  fmt: { summary: "format policies", load: async () => (await import("./fmt.js")).fmtCommand },
  eval: {
    summary: "evaluate a query, as opa does or as a sidecar does",
    load: async () => (await import("./eval.js")).evalCommand,
  },
  inspect: {
    summary: "what is in a bundle",
    load: async () => (await import("./inspect.js")).inspectCommand,
  },
  diff: {
    summary: "what differs between two bundles",
    load: async () => (await import("./diff.js")).diffCommand,
  },
  push: {
    summary: "push a bundle: verified, tested, and in force in all sidecars",
    load: async () => (await import("./push.js")).pushCommand,
  },
  bundles: {
    summary: "bundles that were pushed: what is in force, and what was before",
    load: async () => (await import("./bundles.js")).bundlesCommand,
  },
  rollback: {
    summary: "bring back a bundle that was in force before",
    load: async () => (await import("./rollback.js")).rollbackCommand,
  },
  sign: { summary: "sign a bundle", load: async () => (await import("./sign.js")).signCommand },
  capabilities: {
    summary: "the built-ins of Rego, and who serves each",
    load: async () => (await import("./capabilities.js")).capabilitiesCommand,
  },
  keys: {
    summary: "API keys: create, list, rotate, revoke",
    load: async () => (await import("./keys.js")).keysCommand,
  },
  tools: {
    summary: "tools of servers: what is approved, what waits, what changed",
    load: async () => (await import("./tools.js")).toolsCommand,
  },
  task: {
    summary: "tasks: begin one, look at it, end it",
    load: async () => (await import("./task.js")).taskCommand,
  },
  fence: {
    summary: "fences: cut off callers, tools, tasks, … also in mid-stream",
    load: async () => (await import("./fence.js")).fenceCommand,
  },
  epoch: {
    summary: "epochs: end what was kept of decisions for callers, tenants, tasks",
    load: async () => (await import("./epoch.js")).epochCommand,
  },
  cache: {
    summary: "what decisions are kept by, and why some aren't",
    load: async () => (await import("./cache.js")).cacheCommand,
  },
  filter: {
    summary: "what a rule asks of documents for one caller",
    load: async () => (await import("./filter.js")).filterCommand,
  },
  deps: {
    summary: "what an entrypoint or a query reads",
    load: async () => (await import("./deps.js")).depsCommand,
  },
};

function help(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  return `countersign: decides every request of an AI workload before it is forwarded

Usage: countersign COMMAND [flags]

Commands:
${rows.join("\n")}

Examples:
  countersign run --demo                          everything on embedded defaults
  countersign sidecar -b policies --watch         a sidecar that follows your policies
  countersign gateway -c gateway.yaml             a gateway that asks it
  countersign test --coverage policies            your policy tests

countersign COMMAND --help tells more. countersign --version prints the version.
`;
}

/** The version in package.json. */
export function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Runs the command line; gives the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.out(help());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "version") {
    io.out(`${version()}\n`);
    return 0;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const near = nearest(name, Object.keys(commands));
    io.err(
      `unknown command ${name}${near === undefined ? "" : `; did you mean ${near}?`} (countersign --help lists them)\n`,
    );
    return 2;
  }
  const command = await entry.load();
  if (args.includes("--help") || args.includes("-h")) {
    io.out(command.help);
    return 0;
  }
  try {
    return await command.run(args, io);
  } catch (error) {
    if (typeof error === "object" && error !== null && "message" in error) {
      const usage =
        error instanceof UsageError || ("code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
      io.err(
        `countersign ${name}: ${String(error.message)}\n${usage ? `countersign ${name} --help shows what it takes\n` : ""}`,
      );
      return usage ? 2 : 1;
    }
    io.err(`countersign ${name}: failed\n`);
    return 1;
  }
}
