import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Json, JsonObject } from "../sidecar/contract.js";
import { fenceKinds, isObject, stringifyJson } from "../sidecar/contract.js";
import type { Answer, Asked } from "./fence-request.js";
import { ask, refusalOf } from "./fence-request.js";
import { drawFences, drawMatch } from "./fence-table.js";
import { readFormat } from "./format.js";
import { needed } from "./keys-flags.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";

const named = fenceKinds.filter((kind) => kind !== "everything");
const matching = Object.fromEntries(named.map((kind) => [kind, { type: "string" }])) as Record<
  (typeof named)[number],
  { readonly type: "string" }
>;
const options = {
  to: { type: "string" },
  "key-file": { type: "string", short: "k" },
  ca: { type: "string" },
  format: { type: "string", short: "f" },
  ...matching,
  everything: { type: "boolean" },
  reason: { type: "string", short: "r" },
  for: { type: "string" },
  "issued-before": { type: "string" },
  "dry-run": { type: "boolean" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

const common = ["to", "key-file", "ca", "format"];
const adding = [...common, ...fenceKinds, "reason", "for", "issued-before", "dry-run"];

interface Action {
  readonly run: (values: Values, io: Io, id: string | undefined) => Promise<number>;
  readonly takes: readonly string[];
  readonly id: boolean;
}

const actions: Readonly<Record<string, Action>> = {
  add: { run: add, takes: adding, id: false },
  list: { run: list, takes: common, id: false },
  lift: { run: lift, takes: common, id: true },
};

export const fenceCommand: Command = {
  summary: "fences: cut off callers, tools, tasks, … also in mid-stream",
  help: `countersign fence: cuts off what is named, in every replica, on each new request and on all that is under way

Usage: countersign fence add  --to ADDRESS --key-file FILE NAMED... --reason TEXT [--for SPAN] [--dry-run]
       countersign fence list --to ADDRESS --key-file FILE
       countersign fence lift --to ADDRESS --key-file FILE ID

Any one sidecar of the fleet is asked; the others learn of it at once. What is named together must all fit; with
--tenant, it is fenced in that tenant only. What a fence cuts is told to clients in their protocol's own words.

Flags:
      --to ADDRESS           http://HOST:PORT, https://HOST:PORT or unix:///PATH of a sidecar
  -k, --key-file FILE        a file with your operator key
      --ca FILE              certificates (PEM) that the sidecar's must come from, with https
  -f, --format FORMAT        pretty or json (default pretty)

What is named (add):
      --chain ID             a person or agent, with all who act for them
      --subject ID           who calls, as themselves
      --workload ID          a workload, e.g. its SPIFFE id
      --session SID          a user's session (sid)
      --token ID             a credential: jti, key id, thumbprint
      --device ID            a device
      --task ID              a task, with all under it
      --tenant NAME          a tenant, or all else in it only
      --model, --provider, --tool SERVER/TOOL, --server, --store, --collection, --agent, --bundle NAME
      --everything           all there is
  -r, --reason TEXT          why; it is recorded, and shown by list
      --for SPAN             ends by itself: 30m, 2h, 7d (default: until it is lifted)
      --issued-before TIME   only what was issued, or signed in, before: now, or 2026-11-21T20:00:00Z; a new sign-in works
      --dry-run              sets none; says how many live things it would cut

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 in force, but not known to all replicas yet,
            4 waits for a second person

Examples:
  countersign fence add  --to http://localhost:8181 -k oncall.key --chain ann@acme.example --reason "laptop stolen"
  countersign fence add  --to http://localhost:8181 -k oncall.key --tool shell/run --tenant acme --for 2h -r "CVE" --dry-run
  countersign fence list --to unix:///run/countersign/pdp.sock -k oncall.key
  countersign fence lift --to http://localhost:8181 -k oncall.key 6c0f1d7e-3f0a-4a53-9d52-0b1c4b8f3c11
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name = "", id, ...more] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined) throw new UsageError("give one of add, list, lift");
    const foreign = Object.keys(values).find((flag) => !action.takes.includes(flag));
    if (foreign !== undefined) throw new UsageError(`${name} doesn't take --${foreign}`);
    if (more.length > 0 || (id === undefined) === action.id)
      throw new UsageError(action.id ? "give the ID, as list shows it" : `${name} takes no ID`);
    return action.run(values, io, id);
  },
};

async function add(values: Values, io: Io): Promise<number> {
  const format = readFormat(values.format);
  const match: JsonObject = {};
  for (const kind of named) {
    const value = values[kind];
    if (value !== undefined) match[kind] = value;
  }
  if (values.everything === true) match["everything"] = "*";
  if (Object.keys(match).length === 0) throw new UsageError("name what is to be fenced off, e.g. --chain ID");
  const dryRun = values["dry-run"] === true;
  const seconds = values.for === undefined ? undefined : spanOf(values.for);
  const since = values["issued-before"];
  const issuedBefore = since === undefined ? undefined : timeOf(since);
  const reason = dryRun ? values.reason : needed(values.reason, "reason");
  const answer = await ask(askedOf(values), "POST", "/v1/fences", {
    match,
    ...(reason === undefined ? {} : { reason }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(issuedBefore === undefined ? {} : { issued_before: issuedBefore }),
    ...(dryRun ? { dry_run: true } : {}),
  });
  return show(answer, io, format, (body) => {
    if (dryRun) return drawCensus(body);
    return isObject(body["fence"]) ? `${drawFence(body["fence"])} is fenced off\n` : "";
  });
}

async function list(values: Values, io: Io): Promise<number> {
  const format = readFormat(values.format);
  const answer = await ask(askedOf(values), "GET", "/v1/fences");
  return show(answer, io, format, (body) => {
    const { status } = body;
    if (isObject(status) && status["stale"] === true)
      io.err("this sidecar can't know now what else is fenced off\n");
    return drawFences(body["fences"]);
  });
}

async function lift(values: Values, io: Io, id = ""): Promise<number> {
  const format = readFormat(values.format);
  const answer = await ask(askedOf(values), "DELETE", `/v1/fences/${encodeURIComponent(id)}`);
  return show(answer, io, format, (body) =>
    isObject(body["fence"]) && answer.status !== 202 ? `${drawFence(body["fence"])} is lifted\n` : "",
  );
}

function show(answer: Answer, io: Io, format: string, draw: (body: JsonObject) => string): number {
  const refusal = refusalOf(answer);
  if (refusal !== undefined) throw new Error(refusal);
  const body = isObject(answer.body) ? answer.body : {};
  io.out(format === "json" ? `${stringifyJson(answer.body, 2)}\n` : draw(body));
  for (const name of ["unwritten", "waits"]) {
    const said = body[name];
    if (typeof said === "string") io.err(`${said}\n`);
  }
  return body["unwritten"] !== undefined ? 3 : body["waits"] !== undefined ? 4 : 0;
}

function drawFence({ id, match, expires }: JsonObject): string {
  const until = typeof expires === "string" ? ` until ${expires}` : "";
  return `${String(id)} (${drawMatch(match)})${until}`;
}

function drawCensus({ live, asked, answered, match }: JsonObject): string {
  const counts = isObject(live) ? Object.entries(live).filter(([, n]) => n !== 0) : [];
  const what =
    counts.length === 0 ? "nothing live" : counts.map(([kind, n]) => `${n as Json} ${kind}`).join(", ");
  const some = asked === answered ? "" : `, of ${String(answered)} of ${String(asked)} sidecars`;
  return `${drawMatch(match)}: would cut ${what}${some}\n`;
}

function askedOf(values: Values): Asked {
  const path = needed(values["key-file"], "key-file");
  return {
    to: needed(values.to, "to"),
    key: readFileSync(path, "utf8").trim(),
    ...(values.ca === undefined ? {} : { ca: values.ca }),
  };
}

/** Reads a time with its zone, epoch milliseconds. @throws UsageError */
function timeOf(text: string): number {
  if (text === "now") return Date.now();
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : NaN;
  if (!(at > 0))
    throw new UsageError("--issued-before: now, or a time with its zone, e.g. 2026-11-21T20:00:00Z");
  return at;
}

/** Reads a span such as 30m, 2h or 7d, in seconds. @throws UsageError */
function spanOf(span: string): number {
  const [, count = "", unit = ""] = /^(\d{1,5})(s|m|h|d)$/.exec(span) ?? [];
  const seconds = Number(count) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? 0);
  if (seconds < 1 || seconds > 366 * 86_400) throw new UsageError("--for: e.g. 30m, 2h or 7d");
  return seconds;
}
