import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import type { Approval, Pending } from "../gateway/tools/definitions/approvals/approvals.js";
import type { ApprovalFiles } from "../gateway/tools/definitions/approvals/manage.js";
import { decideByPerson, readApprovalFiles } from "../gateway/tools/definitions/approvals/manage.js";
import { changesOf, drawChanges, visible } from "../gateway/tools/definitions/show.js";
import type { Json } from "../sidecar/contract.js";
import { stringifyJson } from "../sidecar/contract.js";
import { readFormat } from "./format.js";
import { needed } from "./keys-flags.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";
import { drawApprovals, drawPending, shortDigest } from "./tools-table.js";

const options = {
  file: { type: "string", short: "f" },
  all: { type: "string" },
  by: { type: "string" },
  format: { type: "string" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

interface Action {
  readonly run: (values: Values, io: Io, names: readonly string[]) => Promise<number>;
  /** At most so many: the tool, and a digest. */
  readonly names: number;
  readonly takes: readonly (keyof typeof options)[];
}

const actions: Readonly<Record<string, Action>> = {
  list: { run: list, names: 1, takes: ["file", "format"] },
  pending: { run: pending, names: 1, takes: ["file", "format"] },
  diff: { run: diff, names: 2, takes: ["file", "format"] },
  approve: { run: approve, names: 2, takes: ["file", "all", "by"] },
  reject: { run: reject, names: 2, takes: ["file", "all", "by"] },
  revoke: { run: revoke, names: 2, takes: ["file", "all", "by"] },
};

export const toolsCommand: Command = {
  summary: "tools of servers: what is approved, what waits, what changed",
  help: `countersign tools: shows and decides which definitions of tools a gateway may offer

Usage: countersign tools list    --file FILE [SERVER]
       countersign tools pending --file FILE [SERVER]
       countersign tools diff    --file FILE SERVER/TOOL [DIGEST]
       countersign tools approve --file FILE (SERVER/TOOL DIGEST | --all SERVER) [--by NAME]
       countersign tools reject  --file FILE (SERVER/TOOL DIGEST | --all SERVER) [--by NAME]
       countersign tools revoke  --file FILE (SERVER/TOOL [DIGEST] | --all SERVER) [--by NAME]

FILE is the one that the gateway's tools.approvals names. A gateway offers a tool only as it was approved: of this server,
of this name, with this digest of its description and schemas. What is new or changed waits; policy may approve it by rule
(tool.approve), or you do. Gateways see a change within a quarter of a second, and use it when they next ask the server for
its list, within mcp.list_max_age_ms. What a person rejected or revoked, policy doesn't approve.

Characters that can't be seen are shown as <U+200B>, letters that look like Latin ones with their code.

Flags:
  -f, --file FILE            the file of approvals
      --all SERVER           all of a server that waits (approve, reject: shown first), or all that is approved (revoke);
                             approve leaves out what looks like another tool
      --by NAME              who decides (default: the user who runs this)
      --format FORMAT        pretty or json (default pretty)

DIGEST is hexadecimal, as pending shows it; at least 8 digits.

Exit codes: 0 done, 1 failed, 2 wrong usage

Examples:
  countersign tools pending -f tools.json
  countersign tools diff    -f tools.json github/create_issue
  countersign tools approve -f tools.json github/create_issue 4be2a71c90d3 --by ann
  countersign tools approve -f tools.json --all github --by ann
  countersign tools revoke  -f tools.json github/delete_repository
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name = "", ...names] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined)
      throw new UsageError("give one of list, pending, diff, approve, reject, revoke");
    const foreign = Object.keys(values).find((flag) => !(action.takes as readonly string[]).includes(flag));
    if (foreign !== undefined) throw new UsageError(`${name} doesn't take --${foreign}`);
    if (names.length > action.names) throw new UsageError(`${name} takes ${action.names} at most`);
    return action.run(values, io, names);
  },
};

async function list(values: Values, io: Io, [server]: readonly string[]): Promise<number> {
  const format = readFormat(values.format);
  const { approvals } = await files(values);
  const some = approvals.filter((one) => server === undefined || one.server === server);
  if (format === "pretty") io.out(drawApprovals(some));
  else io.out(json({ approvals: some.map(({ definition: _, ...one }) => one) }));
  return 0;
}

async function pending(values: Values, io: Io, [server]: readonly string[]): Promise<number> {
  const format = readFormat(values.format);
  const { pending: all } = await files(values);
  const some = all.filter((one) => server === undefined || one.server === server);
  if (format === "json") io.out(json({ pending: some }));
  else if (some.length === 0) io.err("nothing waits\n");
  else io.out(drawPending(some));
  return 0;
}

async function diff(values: Values, io: Io, [tool, digest]: readonly string[]): Promise<number> {
  const format = readFormat(values.format);
  const known = await files(values);
  const some = known.pending.filter(isOf(tool, digest));
  if (some.length === 0)
    throw new Error(`nothing of ${tool ?? ""} waits; countersign tools pending lists what does`);
  if (format === "json") {
    const changes = some.map((one) => ({
      ...one,
      changes: changesOf(approvedBefore(known, one), one.definition),
    }));
    io.out(json({ pending: changes }));
  } else for (const one of some) show(known, one, io);
  return 0;
}

async function approve(values: Values, io: Io, [tool, digest]: readonly string[]): Promise<number> {
  const known = await files(values);
  const some =
    values.all === undefined
      ? [
          oneOf(
            [...known.pending, ...known.approvals.filter(({ state }) => state === "rejected")],
            tool,
            digest,
          ),
        ]
      : known.pending.filter((one) => one.server === values.all && one.looks_like === undefined);
  if (values.all !== undefined) for (const one of some) if ("status" in one) show(known, one, io);
  return decide(values, io, some, "approved", tool);
}

async function reject(values: Values, io: Io, [tool, digest]: readonly string[]): Promise<number> {
  const known = await files(values);
  const some =
    values.all === undefined
      ? [oneOf(known.pending, tool, digest)]
      : known.pending.filter((one) => one.server === values.all);
  return decide(values, io, some, "rejected", tool);
}

async function revoke(values: Values, io: Io, [tool, digest]: readonly string[]): Promise<number> {
  const { approvals } = await files(values);
  const approved = approvals.filter(({ state }) => state === "approved");
  const some = approved.filter(
    values.all === undefined ? isOf(tool, digest) : ({ server }) => server === values.all,
  );
  return decide(values, io, some, "rejected", tool, "revoked, and offered no more");
}

/** Keeps what a person decided, and says it. */
async function decide(
  values: Values,
  io: Io,
  some: readonly (Approval | Pending)[],
  state: Approval["state"],
  tool: string | undefined,
  said: string = state,
): Promise<number> {
  if (values.all !== undefined && tool !== undefined)
    throw new UsageError("give SERVER/TOOL, or --all SERVER");
  if (some.length === 0)
    throw new Error("there is nothing of that; countersign tools list and pending show what there is");
  const by = needed(values.by ?? userInfo().username, "by");
  await decideByPerson(needed(values.file, "file"), some, state, by, new Date());
  for (const one of some) io.err(`${one.server}/${one.tool} ${shortDigest(one.digest)} is ${said}\n`);
  return 0;
}

function files(values: Values): Promise<ApprovalFiles> {
  return readApprovalFiles(needed(values.file, "file"));
}

/** Tells what a tool and the beginning of a digest name. @throws UsageError */
function isOf(
  tool: string | undefined,
  digest: string | undefined,
): (one: Pick<Approval, "server" | "tool" | "digest">) => boolean {
  if (tool?.includes("/") !== true) throw new UsageError("give SERVER/TOOL");
  const prefix = digest?.replace(/^sha256:/, "");
  if (prefix !== undefined && !/^[0-9a-f]{8,64}$/.test(prefix))
    throw new UsageError("DIGEST: at least 8 hexadecimal digits, as pending shows them");
  return (one) => `${one.server}/${one.tool}` === tool && one.digest.startsWith(`sha256:${prefix ?? ""}`);
}

/** Finds the one definition that is meant. @throws UsageError; INVARIANT: who decides has said which digest */
function oneOf<T extends Approval | Pending>(
  all: readonly T[],
  tool: string | undefined,
  digest: string | undefined,
): T {
  const some = all.filter(isOf(tool, digest));
  const digests = some.map((one) => shortDigest(one.digest)).join(", ");
  if (digest === undefined)
    throw new UsageError(`give the digest that you have seen${digests === "" ? "" : `: ${digests}`}`);
  const [one, another] = some;
  if (one === undefined)
    throw new Error(`no such definition of ${tool ?? ""} waits; countersign tools pending lists what does`);
  if (another !== undefined) throw new UsageError(`DIGEST: more digits are needed (${digests})`);
  return one;
}

function approvedBefore({ approvals }: ApprovalFiles, { server, tool }: Pending): Json | undefined {
  return approvals.findLast((one) => one.state === "approved" && one.server === server && one.tool === tool)
    ?.definition;
}

function show(known: ApprovalFiles, one: Pending, io: Io): void {
  const before = approvedBefore(known, one);
  const facts = [
    one.status,
    ...(one.looks_like === undefined ? [] : [`looks like ${one.looks_like}`]),
    ...one.flags,
  ];
  io.out(`${visible(`${one.server}/${one.tool}`)} ${shortDigest(one.digest)} (${facts.join(", ")})\n`);
  io.out(`${drawChanges(changesOf(before, one.definition))}\n`);
}

function json(value: unknown): string {
  return `${stringifyJson(value as Json, 2)}\n`;
}
