import type { JsonObject } from "../sidecar/contract.js";
import { isObject, stringifyJson } from "../sidecar/contract.js";
import { drawBundles } from "./bundle-table.js";
import { ask, controlFlags, readAsked, refusalOf } from "./fence-request.js";
import { readFlags } from "./flags.js";
import { readFormat } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

const options = { ...controlFlags, format: { type: "string", short: "f" } } as const;

export const bundlesCommand: Command = {
  summary: "bundles that were pushed: what is in force, and what was before",
  help: `countersign bundles: what was pushed: revision, who, when, digest, tests; and what is in force in the sidecar that is asked

Usage: countersign bundles --to ADDRESS --key-file FILE [NAME]

Without NAME: the newest generation of each bundle. With NAME: its history, newest first.

Flags:
      --to ADDRESS      http://HOST:PORT, https://HOST:PORT or unix:///PATH of a sidecar
  -k, --key-file FILE   a file with your operator key
      --ca FILE         certificates (PEM) that the sidecar's must come from, with https
  -f, --format FORMAT   pretty or json (default pretty)

Examples:
  countersign bundles --to http://localhost:8181 -k oncall.key
  countersign bundles --to unix:///run/countersign/pdp.sock -k oncall.key main -f json
`,
  async run(args, io) {
    const { values, positionals } = readFlags(args, options);
    const [name, ...more] = positionals;
    if (more.length > 0) throw new UsageError("give one NAME, or none");
    const format = readFormat(values.format);
    const path = name === undefined ? "/v1/bundles" : `/v1/bundles/${encodeURIComponent(name)}`;
    const answer = await ask(readAsked(values), "GET", path);
    const refusal = refusalOf(answer);
    if (refusal !== undefined) throw new Error(refusal);
    const body: JsonObject = isObject(answer.body) ? answer.body : {};
    const { status, here } = body;
    if (isObject(status) && status["stale"] === true)
      io.err("this sidecar can't know now what was pushed elsewhere\n");
    const rows = body[name === undefined ? "bundles" : "generations"];
    const some = Array.isArray(rows) ? rows.filter(isObject) : [];
    io.out(format === "json" ? `${stringifyJson(body, 2)}\n` : drawBundles(some, name === undefined));
    if (format === "pretty" && isObject(here)) {
      const { generation, code, message } = here;
      io.out(`in force here: ${generation === undefined ? "none" : `generation ${String(generation)}`}\n`);
      if (code !== undefined) io.err(`${String(code)}: ${String(message)}\n`);
    }
    return 0;
  },
};
