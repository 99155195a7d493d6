import type { JsonObject } from "../sidecar/contract.js";
import { isObject, stringifyJson } from "../sidecar/contract.js";
import { drawPushed } from "./bundle-table.js";
import { ask, controlFlags, readAsked, refusalOf } from "./fence-request.js";
import { readFlags } from "./flags.js";
import { readFormat } from "./format.js";
import { needed } from "./keys-flags.js";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

const options = {
  ...controlFlags,
  reason: { type: "string", short: "r" },
  format: { type: "string", short: "f" },
} as const;

export const rollbackCommand: Command = {
  summary: "bring back a bundle that was in force before",
  help: `countersign rollback: brings back what was in force before, in all sidecars, as a new generation with the old content

Usage: countersign rollback --to ADDRESS --key-file FILE --reason TEXT NAME [REVISION|GENERATION]

Without REVISION or GENERATION: to the one before. Digits are a generation; of a revision that was pushed more than once,
the newest is taken. Its signature is verified again, and its tests run again; its version may be an older one.

Flags:
      --to ADDRESS      http://HOST:PORT, https://HOST:PORT or unix:///PATH of a sidecar
  -k, --key-file FILE   a file with your operator key
      --ca FILE         certificates (PEM) that the sidecar's must come from, with https
  -r, --reason TEXT     why; it is recorded, and shown by countersign bundles
  -f, --format FORMAT   pretty or json (default pretty)

Exit codes: 0 in force, 1 refused or failed, 2 wrong usage, 3 the fleet's, but the sidecar that was asked can't take it,
            4 another push came first

Examples:
  countersign rollback --to http://localhost:8181 -k lead.key -r "2.4 denies too much" main
  countersign rollback --to http://localhost:8181 -k lead.key -r "back to what was audited" main 2026-11-03
`,
  async run(args, io) {
    const { values, positionals } = readFlags(args, options);
    const [name, to, ...more] = positionals;
    if (name === undefined || more.length > 0)
      throw new UsageError("give NAME, and perhaps one REVISION or GENERATION");
    const format = readFormat(values.format);
    const reason = needed(values.reason, "reason");
    const answer = await ask(
      readAsked(values),
      "POST",
      `/v1/bundles/${encodeURIComponent(name)}/rollback`,
      { reason, ...(to === undefined ? {} : { to: /^\d{1,15}$/.test(to) ? Number(to) : to }) },
      { waitMs: 60_000 },
    );
    const body: JsonObject = isObject(answer.body) ? answer.body : {};
    const refusal = refusalOf(answer);
    if (refusal !== undefined) {
      io.err(`${refusal}\n`);
      return answer.status === 409 ? 4 : 1;
    }
    io.out(format === "json" ? `${stringifyJson(body, 2)}\n` : drawPushed(body));
    const here = body["not_in_force_here"];
    if (!isObject(here)) return 0;
    io.err(`the sidecar that was asked can't take it: ${String(here["code"])}: ${String(here["message"])}\n`);
    return 3;
  },
};
