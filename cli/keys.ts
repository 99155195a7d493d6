import { parseArgs } from "node:util";
import { changeKeyFile, readKeyFile } from "../sidecar/identify/api-keys/change-file.js";
import { mostKeys, type ApiKey } from "../sidecar/identify/api-keys/key-list.js";
import {
  createKey,
  revokeKey,
  rotateKey,
  stateOf,
  type NewKey,
} from "../sidecar/identify/api-keys/manage.js";
import { later, names, needed, prefixOf } from "./keys-flags.js";
import { drawKeys } from "./keys-table.js";
import { readFormat } from "./format.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";

const options = {
  file: { type: "string", short: "f" },
  name: { type: "string", short: "n" },
  tenant: { type: "string", short: "t" },
  subject: { type: "string", short: "s" },
  scope: { type: "string", multiple: true },
  unscoped: { type: "boolean" },
  group: { type: "string", multiple: true },
  role: { type: "string", multiple: true },
  expires: { type: "string", short: "e" },
  overlap: { type: "string" },
  prefix: { type: "string" },
  format: { type: "string" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

const actions = {
  create: {
    run: create,
    positionals: 0,
    takes: [
      "file",
      "name",
      "tenant",
      "subject",
      "scope",
      "unscoped",
      "group",
      "role",
      "expires",
      "prefix",
      "format",
    ],
  },
  list: { run: list, positionals: 0, takes: ["file", "format"] },
  rotate: { run: rotate, positionals: 1, takes: ["file", "expires", "overlap", "prefix", "format"] },
  revoke: { run: revoke, positionals: 1, takes: ["file"] },
} as const satisfies Record<
  string,
  {
    readonly run: (values: Values, io: Io, id: string) => Promise<number>;
    readonly positionals: number;
    readonly takes: readonly (keyof typeof options)[];
  }
>;

export const keysCommand: Command = {
  summary: "API keys: create, list, rotate, revoke",
  help: `countersign keys: manages the file of API keys that a sidecar reads (identity.api_keys.file)

Usage: countersign keys create --file FILE --name NAME --tenant TENANT --subject TYPE:ID (--scope SCOPE... | --unscoped) [flags]
       countersign keys list   --file FILE
       countersign keys rotate --file FILE ID [--overlap 24h] [--expires 90d]
       countersign keys revoke --file FILE ID

A key is shown once, by create and rotate, alone on standard output; the file keeps its SHA-256. Sidecars that read the
file see a change within a quarter of a second. Prefer workload identities: a key is a secret that lives long and travels.

Flags:
  -f, --file FILE            the file; create makes it (0600)
  -n, --name NAME            what the key is for, for people
  -t, --tenant TENANT        the tenant that it speaks for
  -s, --subject TYPE:ID      who it speaks for: user, agent or workload, and an id, e.g. workload:nightly-eval
      --scope SCOPE          what it may be used for; once for each scope
      --unscoped             it isn't limited by scopes
      --group GROUP          a group of the subject; once for each
      --role ROLE            a role of the subject; once for each
  -e, --expires TIME         how long it holds, e.g. 12h or 90d (default 90d, at most 366d)
      --overlap TIME         how long the old key still holds after rotate (default 24h; 0h: not at all)
      --prefix PREFIX        what keys begin with, as in identity.api_keys.prefix (default cs_live)
      --format FORMAT        pretty or json (default pretty)

Exit codes: 0 done, 1 failed, 2 wrong usage

Examples:
  countersign keys create -f keys.json -n "nightly evaluation" -t acme -s workload:nightly-eval --scope model.invoke --group ci
  countersign keys list -f keys.json
  countersign keys rotate -f keys.json 4fKx0aPq81Zt --overlap 48h
  countersign keys revoke -f keys.json 4fKx0aPq81Zt
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name = "", ...rest] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name as keyof typeof actions] : undefined;
    if (action === undefined) throw new UsageError("give one of create, list, rotate, revoke");
    const foreign = Object.keys(values).find((flag) => !(action.takes as readonly string[]).includes(flag));
    if (foreign !== undefined) throw new UsageError(`${name} doesn't take --${foreign}`);
    if (rest.length !== action.positionals) {
      throw new UsageError(action.positionals === 1 ? "give the ID of one key" : `${name} takes flags only`);
    }
    return action.run(values, io, rest[0] ?? "");
  },
};

async function create(values: Values, io: Io): Promise<number> {
  const subject = /^(user|agent|workload):(.+)$/.exec(needed(values.subject, "subject"));
  if (subject === null) throw new UsageError("--subject: TYPE:ID, with user, agent or workload");
  const scopes = names(values.scope, "scope");
  if (scopes.length > 0 === (values.unscoped ?? false)) throw new UsageError("give --scope, or --unscoped");
  const format = readFormat(values.format);
  const now = new Date();
  const facts = {
    name: needed(values.name, "name"),
    tenant: needed(values.tenant, "tenant"),
    subject: { type: subject[1] as ApiKey["subject"]["type"], id: subject[2] ?? "" },
    ...(values.unscoped === true ? {} : { scopes }),
    groups: names(values.group, "group"),
    roles: names(values.role, "role"),
    expires: later(now, values.expires ?? "90d", "expires", 1).toISOString(),
  };
  const made = createKey(prefixOf(values), facts, now);
  const add = (keys: readonly ApiKey[]): readonly ApiKey[] => {
    if (keys.length >= mostKeys) throw new Error(`the file holds ${mostKeys} keys already`);
    return [...keys, made.entry];
  };
  await changeKeyFile(needed(values.file, "file"), add, []);
  return show(made, format, io);
}

async function list(values: Values, io: Io): Promise<number> {
  const format = readFormat(values.format);
  const now = new Date();
  const keys = (await readKeyFile(needed(values.file, "file"))).map(({ sha256: _, ...key }) => ({
    ...key,
    state: stateOf({ ...key, sha256: "" }, now),
  }));
  io.out(format === "json" ? `${JSON.stringify({ keys }, null, 2)}\n` : drawKeys(keys));
  return 0;
}

async function rotate(values: Values, io: Io, id: string): Promise<number> {
  const now = new Date();
  const expires = later(now, values.expires ?? "90d", "expires", 1);
  const until = later(now, values.overlap ?? "24h", "overlap", 0);
  const prefix = prefixOf(values);
  const format = readFormat(values.format);
  let made: NewKey | undefined;
  await changeKeyFile(needed(values.file, "file"), (keys) => {
    const rotated = rotateKey(keys, id, { prefix, expires, until, now });
    made = rotated.made;
    return rotated.keys;
  });
  if (made === undefined) return 1;
  io.err(`${id} holds until ${until.toISOString()} at most\n`);
  return show(made, format, io);
}

async function revoke(values: Values, io: Io, id: string): Promise<number> {
  await changeKeyFile(needed(values.file, "file"), (keys) => revokeKey(keys, id, new Date()));
  io.err(`${id} is revoked\n`);
  return 0;
}

/** Shows a new key, alone on standard output, so that it can be piped into a store of secrets. */
function show({ key, entry }: NewKey, format: string, io: Io): number {
  if (format === "json") io.out(`${JSON.stringify({ key, ...entry, sha256: undefined }, null, 2)}\n`);
  else {
    io.err(`${entry.id} holds until ${entry.expires}; this is the only time that the key is shown:\n`);
    io.out(`${key}\n`);
  }
  return 0;
}
