import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Json } from "../sidecar/contract.js";
import { isObject, parseJson } from "../sidecar/contract.js";
import { ask } from "./fence-request.js";
import { readFormat } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

export const cacheCommand: Command = {
  summary: "what decisions are kept by, and why some aren't",
  help: `countersign cache: what decisions are kept by, and why some aren't

Usage: countersign cache explain [flags]

Asks a sidecar what makes the key of an entrypoint's decisions (values of the input are masked), how often they are found, and
what goes past the cache. The input is the policy's, as for POST /v1/data.

Flags:
  -a, --addr URL         the sidecar: http://…, https://… or unix:///… (default http://127.0.0.1:8181)
  -p, --path PATH        the entrypoint, a/b/c (default: the sidecar's)
  -i, --input FILE       an input, JSON; "-" is the standard input
  -f, --format FORMAT    pretty or json (default pretty)
      --ca FILE          authorities that the sidecar's certificate comes from

Examples:
  countersign cache explain -p authz/allow
  countersign cache explain -a unix:///run/countersign/api.sock -i input.json -f json
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        addr: { type: "string", short: "a" },
        path: { type: "string", short: "p" },
        input: { type: "string", short: "i" },
        format: { type: "string", short: "f" },
        ca: { type: "string" },
      },
      allowPositionals: true,
    });
    if (positionals.length !== 1 || positionals[0] !== "explain") throw new UsageError("say: cache explain");
    const format = readFormat(values.format);
    const to = values.addr ?? "http://127.0.0.1:8181";
    const place = `/v1/cache/explain${values.path === undefined ? "" : `?path=${encodeURIComponent(values.path)}`}`;
    const body =
      values.input === undefined
        ? undefined
        : { input: parseJson(readFileSync(values.input === "-" ? 0 : values.input)) };
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
    io.out(format === "json" ? `${JSON.stringify(result, null, 2)}\n` : draw(result, ""));
    return 0;
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
