import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Json, JsonObject } from "../sidecar/contract.js";
import { isObject, stringifyJson } from "../sidecar/contract.js";
import { drawTable } from "./draw-table.js";
import { ask, refusalOf } from "./fence-request.js";
import { drawMatch } from "./fence-table.js";
import { readFormat } from "./format.js";
import { needed } from "./keys-flags.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";

const kinds = ["tenant", "subject", "workload", "task"] as const;
const options = {
  to: { type: "string" },
  "key-file": { type: "string", short: "k" },
  ca: { type: "string" },
  format: { type: "string", short: "f" },
  tenant: { type: "string" },
  subject: { type: "string" },
  workload: { type: "string" },
  task: { type: "string" },
  everything: { type: "boolean" },
  reason: { type: "string", short: "r" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

const common = ["to", "key-file", "ca", "format"];

export const epochCommand: Command = {
  summary: "epochs: end what was kept of decisions for callers, tenants, tasks",
  help: `countersign epoch: ends what was kept of decisions for somebody, in every replica and gateway: they are made anew

Usage: countersign epoch bump --to ADDRESS --key-file FILE NAMED --reason TEXT
       countersign epoch list --to ADDRESS --key-file FILE

Any one sidecar of the fleet is asked; the others learn of it at once. It forbids nothing: to cut somebody off, set a
fence (countersign fence).

Flags:
      --to ADDRESS      http://HOST:PORT, https://HOST:PORT or unix:///PATH of a sidecar
  -k, --key-file FILE   a file with your operator key
      --ca FILE         certificates (PEM) that the sidecar's must come from, with https
  -f, --format FORMAT   pretty or json (default pretty)

What is named (bump), one of:
      --subject ID      who calls, and all who act on their behalf
      --workload ID     a workload, e.g. its SPIFFE id
      --task ID         a task, with all under it
      --tenant NAME     a tenant; beside another: that one in this tenant only
      --everything      all there is
  -r, --reason TEXT     why; it is recorded, and shown by list

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 done here, but not known to all replicas yet

Examples:
  countersign epoch bump --to http://localhost:8181 -k oncall.key --subject ann@acme.example -r "changed her groups"
  countersign epoch bump --to http://localhost:8181 -k oncall.key --everything -r "the directory was restored"
  countersign epoch list --to unix:///run/countersign/pdp.sock -k oncall.key
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name, ...more] = positionals;
    if (more.length > 0 || (name !== "bump" && name !== "list"))
      throw new UsageError("give one of bump, list");
    const foreign = Object.keys(values).find((flag) => name === "list" && !common.includes(flag));
    if (foreign !== undefined) throw new UsageError(`${name} doesn't take --${foreign}`);
    return name === "bump" ? bump(values, io) : list(values, io);
  },
};

async function bump(values: Values, io: Io): Promise<number> {
  const body: JsonObject = {};
  for (const kind of kinds) {
    const value = values[kind];
    if (value !== undefined) body[kind] = value;
  }
  if (values.everything === true) body["everything"] = true;
  if (Object.keys(body).length === 0)
    throw new UsageError("name one: --subject, --workload, --task, --tenant or --everything");
  body["reason"] = needed(values.reason, "reason");
  const answer = await said(values, "POST", body);
  show(answer, io, values, () => `${drawBump(answer["epoch"])}\n`);
  const { unwritten } = answer;
  if (typeof unwritten === "string") io.err(`${unwritten}\n`);
  return unwritten === undefined ? 0 : 3;
}

async function list(values: Values, io: Io): Promise<number> {
  const answer = await said(values, "GET");
  const { epochs, status } = answer;
  if (isObject(status) && status["listening"] === false)
    io.err("this sidecar can't know now what else was bumped\n");
  const some = Array.isArray(epochs) ? epochs.filter(isObject) : [];
  const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");
  const rows = some.map(({ number, match, by, at, reason }) => {
    return [String(number as Json), drawMatch(match), text(by), text(at).slice(0, 19), text(reason)];
  });
  show(answer, io, values, () => drawTable([["EPOCH", "OF", "BY", "SINCE", "REASON"], ...rows]));
  return 0;
}

function drawBump(epoch: Json | undefined): string {
  if (!isObject(epoch)) return "";
  return `${drawMatch(epoch["match"])} is in epoch ${String(epoch["number"] as Json)}`;
}

async function said(values: Values, method: string, body?: Json): Promise<JsonObject> {
  const key = readFileSync(needed(values["key-file"], "key-file"), "utf8").trim();
  const ca = values.ca === undefined ? {} : { ca: values.ca };
  const answer = await ask({ to: needed(values.to, "to"), key, ...ca }, method, "/v1/epochs", body);
  const refusal = refusalOf(answer);
  if (refusal !== undefined) throw new Error(refusal);
  return isObject(answer.body) ? answer.body : {};
}

function show(answer: JsonObject, io: Io, { format }: Values, draw: () => string): void {
  io.out(readFormat(format) === "json" ? `${stringifyJson(answer, 2)}\n` : draw());
}
