/** A tool server that is a child of the gateway's, and speaks by its standard streams. */
import type { Fields, Problems } from "../../sidecar/contract.js";
import type { SecretConfig } from "../secrets/read-config.js";
import { readSecretConfig } from "../secrets/read-config.js";

export interface CommandConfig {
  /** What the log calls it: the server's. */
  readonly name: string;
  /** The file and its arguments. INVARIANT: no shell reads them. */
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** What it is given of an environment, beside where programs and the home are, and the language. */
  readonly env: ReadonlyMap<string, SecretConfig>;
  /** Who may share a child: everybody, those of a tenant, or nobody, so that each session has its own. */
  readonly isolation: Isolation;
  /** Between starts after failures, milliseconds. */
  readonly restart: { readonly minMs: number; readonly maxMs: number };
  /** Between the close of its input and SIGTERM, and from there to SIGKILL; milliseconds. */
  readonly stopMs: number;
  /** The longest line, bytes. */
  readonly maxMessage: number;
  readonly maxChildren: number;
  /** How long one may have nothing to do before it is ended, milliseconds. */
  readonly idleMs: number;
}

export const isolations = ["caller", "tenant", "shared"] as const;
export type Isolation = (typeof isolations)[number];

const largest = 8 * 2 ** 20;
const day = 86_400_000;

/** Reads `command` and what belongs to it. */
export function readCommand(fields: Fields, problems: Problems): CommandConfig {
  const argv = fields.strings("command") ?? [];
  if (argv.length === 0 || argv[0] === "") problems.add(fields.at("command"), "must name a program");
  if (argv.some((one) => one.includes("\0"))) problems.add(fields.at("command"), "must not hold NUL");
  const cwd = fields.string("cwd");
  if (cwd !== undefined && !cwd.startsWith("/")) problems.add(fields.at("cwd"), "must be an absolute path");
  const env = new Map<string, SecretConfig>();
  for (const [name, source] of fields.entries("env")) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name))
      problems.add(fields.at("env"), "a name is none of a variable");
    const secret = readSecretConfig(source, problems);
    if (secret !== undefined) env.set(name, secret);
  }
  const restart = fields.nested("restart");
  const minMs = restart.integer("min_ms", 1, day) ?? 200;
  const maxMs = restart.integer("max_ms", 1, day) ?? 30_000;
  if (maxMs < minMs) problems.add(fields.at("restart"), "max_ms must not be less than min_ms");
  restart.end();
  return {
    name: fields.at("").split(".").slice(1, -1).join("."),
    argv,
    ...(cwd === undefined ? {} : { cwd }),
    env,
    isolation: fields.oneOf("isolation", isolations) ?? "caller",
    restart: { minMs, maxMs },
    stopMs: fields.integer("stop_ms", 1, 60_000) ?? 2_000,
    maxMessage: fields.integer("max_message_bytes", 1_024, largest) ?? largest,
    maxChildren: fields.integer("max_children", 1, 10_000) ?? 32,
    idleMs: fields.integer("idle_ms", 10, day) ?? 900_000,
  };
}
