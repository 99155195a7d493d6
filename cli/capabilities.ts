import { parseArgs } from "node:util";
import type { ServedBy } from "../sidecar/decide/builtins/table.js";
import { servedBy } from "../sidecar/decide/builtins/table.js";
import { readFormat } from "./format.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

const meaning: Readonly<Record<ServedBy, string>> = {
  wasm: "in the policy's own module: OPA's C code",
  compiler: "compiled away",
  node: "by Node, with OPA's results to the byte",
  go: "by OPA's Go code as WebAssembly, loaded when the first bundle needs it",
  host: "by the sidecar: its clock, log and configuration",
  network: "over the network, for the hosts that the configuration lists",
};

export const capabilitiesCommand: Command = {
  summary: "the built-ins of Rego, and who serves each",
  help: `countersign capabilities: the built-ins of OPA 1.22, and who serves each on the path of a decision

Usage: countersign capabilities [flags]

Flags:
  -f, --format FORMAT        pretty or json (default pretty)
      --by NAME              only those served by: ${Object.keys(meaning).join(", ")}

Examples:
  countersign capabilities
  countersign capabilities --by go
`,
  run(args, io) {
    const { values } = parseArgs({
      args,
      options: { format: { type: "string", short: "f" }, by: { type: "string" } },
    });
    const { by } = values;
    if (by !== undefined && !Object.hasOwn(meaning, by)) {
      throw new UsageError(`--by takes one of ${Object.keys(meaning).join(", ")}`);
    }
    const rows = [...servedBy]
      .filter(([, server]) => by === undefined || server === by)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (readFormat(values.format) === "json") {
      io.out(
        `${JSON.stringify({ builtins: rows.map(([name, server]) => ({ name, by: server })) }, null, 2)}\n`,
      );
      return Promise.resolve(0);
    }
    const groups = Object.entries(meaning).map(([server, words]) => {
      const names = rows.filter(([, one]) => one === server).map(([name]) => name);
      return names.length === 0 ? "" : `${names.length} ${words}\n${wrap(names)}\n`;
    });
    io.out(groups.filter((group) => group !== "").join("\n"));
    return Promise.resolve(0);
  },
};

/** Lines of at most 100 characters. */
function wrap(names: readonly string[]): string {
  const lines: string[] = [];
  let line = " ";
  for (const name of names) {
    if (line.length + name.length >= 100) {
      lines.push(line);
      line = " ";
    }
    line += ` ${name}`;
  }
  return [...lines, line].join("\n");
}
