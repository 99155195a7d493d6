import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Json } from "../sidecar/contract.js";
import { isObject, parseJson } from "../sidecar/contract.js";
import { withToolchain } from "./author.js";
import { ask } from "./fence-request.js";
import { readList } from "./flags.js";
import { readFormat } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

export const cacheCommand: Command = {
  summary: "what decisions are kept by, and why some aren't",
  help: `countersign cache: what decisions are kept by, and why some aren't

Usage: countersign cache explain [flags]
       countersign cache explain -b PATH [flags]

Asks a sidecar what makes the key of an entrypoint's decisions (values of the input are masked), how often they are found, and
what goes past the cache. With --bundle it tells of policies that no sidecar has yet, and of several inputs which share a
decision, and which fields keep them apart. An input is the policy's, as for POST /v1/data.

Flags:
  -a, --addr URL         the sidecar: http://…, https://… or unix:///… (default http://127.0.0.1:8181)
  -b, --bundle PATH      instead of a sidecar: a bundle, a folder or .tar.gz (repeatable: several are read as one)
      --ignore PATTERN   leaves out files and folders of this name (repeatable; a,b)
  -p, --path PATH        the entrypoint, a/b/c (default: the sidecar's; of a bundle the only one, or countersign/decision)
  -i, --input FILE       an input, JSON; "-" is the standard input (repeatable with --bundle)
  -f, --format FORMAT    pretty or json (default pretty)
      --ca FILE          authorities that the sidecar's certificate comes from

Examples:
  countersign cache explain -p authz/allow
  countersign cache explain -a unix:///run/countersign/api.sock -i input.json -f json
  countersign cache explain -b policies -i monday.json -i tuesday.json
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        addr: { type: "string", short: "a" },
        path: { type: "string", short: "p" },
        bundle: { type: "string", short: "b", multiple: true },
        ignore: { type: "string", multiple: true },
        input: { type: "string", short: "i", multiple: true },
        format: { type: "string", short: "f" },
        ca: { type: "string" },
      },
      allowPositionals: true,
    });
    if (positionals.length !== 1 || positionals[0] !== "explain") throw new UsageError("say: cache explain");
    const format = readFormat(values.format);
    const { path, bundle = [], input: files = [] } = values;
    const inputs = files.map((file) => ({ file, input: parseJson(readFileSync(file === "-" ? 0 : file)) }));
    const print = (told: Json): number => {
      io.out(format === "json" ? `${JSON.stringify(told, null, 2)}\n` : draw(told, ""));
      return 0;
    };
    if (bundle.length > 0) {
      if (values.addr !== undefined) throw new UsageError("--bundle asks no sidecar: leave --addr out");
      const { explainBundle } = await import("./explain-bundle.js");
      const of = { bundles: bundle, ignore: readList(values.ignore), path, inputs };
      const told = await withToolchain(io, {}, (toolchain) => explainBundle(of, toolchain, io));
      return told === undefined ? 1 : print(told);
    }
    if (values.ignore !== undefined) throw new UsageError("--ignore is for --bundle");
    const [one, ...more] = inputs;
    if (more.length > 0) throw new UsageError("several inputs are for --bundle");
    const to = values.addr ?? "http://127.0.0.1:8181";
    const place = `/v1/cache/explain${path === undefined ? "" : `?path=${encodeURIComponent(path)}`}`;
    const body = one === undefined ? undefined : { input: one.input };
    const asked = {
      to,
      key: "none",
      ...(values.ca === undefined ? {} : { ca: readFileSync(values.ca, "utf8") }),
    };
    const { status, body: answer } = await ask(asked, body === undefined ? "GET" : "POST", place, body);
    const result = isObject(answer) ? answer["result"] : undefined;
    if (status !== 200 || result === undefined) {
      io.err(`the sidecar refused: ${JSON.stringify(answer)}\n`);
      return 1;
    }
    return print(result);
  },
};

/** Draws members a line each, lists with dashes. */
function draw(value: Json, indent: string): string {
  if (Array.isArray(value)) return value.map((item) => `${indent}- ${drawLine(item)}\n`).join("");
  if (!isObject(value)) return `${indent}${drawLine(value)}\n`;
  return Object.entries(value)
    .map(([name, member]) =>
      typeof member === "object" && member !== null && Object.keys(member).length > 0
        ? `${indent}${name}:\n${draw(member, `${indent}  `)}`
        : `${indent}${name}: ${drawLine(member)}\n`,
    )
    .join("");
}

function drawLine(value: Json): string {
  if (typeof value === "string") return value;
  if (!isObject(value))
    return Array.isArray(value) ? `[${value.map(drawLine).join(", ")}]` : JSON.stringify(value);
  return Object.entries(value)
    .map(
      ([name, member]) =>
        `${name} ${typeof member === "object" ? `(${drawLine(member)})` : drawLine(member)}`,
    )
    .join(", ");
}
