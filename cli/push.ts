import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "../sidecar/contract.js";
import { isObject, stringifyJson } from "../sidecar/contract.js";
import { drawPushed, headOf } from "./bundle-table.js";
import type { Answer, Asked } from "./fence-request.js";
import { ask, controlFlags, readAsked, refusalOf, Unanswered } from "./fence-request.js";
import { readFlags } from "./flags.js";
import { onePath, readFormat } from "./format.js";
import { needed } from "./keys-flags.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";
import { packBundle } from "./pack-bundle.js";
import { printErrors, shownUnder } from "./policy-files.js";
import { readSigner, signingFlags, signingHelp, signingRefused } from "./signing-flags.js";

const options = {
  ...controlFlags,
  ...signingFlags,
  name: { type: "string", short: "n" },
  revision: { type: "string", short: "r" },
  "if-match": { type: "string" },
  force: { type: "boolean" },
  reason: { type: "string" },
  timeout: { type: "string" },
  format: { type: "string", short: "f" },
} as const;

export const pushCommand: Command = {
  summary: "push a bundle: verified, tested, and in force in all sidecars",
  help: `countersign push: gives a bundle to a sidecar, which verifies it, runs its tests, and carries it to the whole fleet

Usage: countersign push --to ADDRESS --key-file FILE --name NAME [--signing-key KEY] PATH

PATH is a folder in a bundle's layout, or a .tar.gz. A folder is packed with its tests, so that verify.tests can run them.
Of two pushes at once one wins; the other is told who, and replaces nothing. While the fleet's Redis is away nothing
comes into force: it is tried again until --timeout, and recognised where it was written after all.

Flags:
      --to ADDRESS               http://HOST:PORT, https://HOST:PORT or unix:///PATH of any sidecar of the fleet
  -k, --key-file FILE            a file with your operator key
      --ca FILE                  certificates (PEM) that the sidecar's must come from, with https
  -n, --name NAME                the bundle's name in the sidecar's configuration
  -r, --revision TEXT            the revision that its manifest gets
${signingHelp}
      --if-match N               only on top of generation N; 0: only where there is none yet (default: what is there now)
      --force                    also a version below the last one: needs the right bundle.override, and --reason
      --reason TEXT              why; it is recorded, and shown by countersign bundles
      --timeout SPAN             how long it is tried, e.g. 90s or 5m (default 60s)
  -f, --format FORMAT            pretty or json (default pretty)

Exit codes: 0 in force, 1 refused or failed, 2 wrong usage, 3 the fleet's, but the sidecar that was asked can't take it,
            4 another push came first

Examples:
  countersign push --to http://localhost:8181 -k ci.key -n main policies
  countersign push --to https://pdp.internal:8181 --ca ca.pem -k ci.key -n main -r "$GIT_SHA" \\
    --signing-key release.pem --signing-alg ES256 --signing-key-id release policies
  countersign push --to http://localhost:8181 -k lead.key -n main --force --reason "2.4 denies too much" old.tar.gz
`,
  async run(args, io) {
    const { values, positionals } = readFlags(args, options, signingRefused);
    const path = onePath(positionals);
    const name = needed(values.name, "name");
    const format = readFormat(values.format);
    const asked = readAsked(values);
    const until = performance.now() + spanOf(values.timeout ?? "60s");
    const query = queryOf(values.force === true, values.reason);
    const match = values["if-match"];
    if (match !== undefined && !/^\d{1,15}$/.test(match))
      throw new UsageError("--if-match: a generation, e.g. 7");
    const signer = await readSigner(values);
    const packed = await packBundle(path, { signer, revision: values.revision });
    if (packed.kind === "rejected") {
      return printErrors(packed.errors, shownUnder(path), io);
    }
    const { bytes } = packed;
    if (format === "pretty")
      io.err(`${path}: ${bytes.byteLength} bytes${signer === undefined ? "" : ", signed"}\n`);
    const at = `/v1/bundles/${encodeURIComponent(name)}`;
    const generation = match ?? (await headAt(asked, at, until, io));
    const headers = generation === undefined ? {} : { "if-match": `"${generation}"` };
    const answer = await tryUntil(until, io, () =>
      ask(asked, "PUT", at + query, bytes, { headers, waitMs: 60_000 }),
    );
    return show(answer, io, format);
  },
};

/** What is there when it is begun: whatever comes in between, also between two attempts, is told of and not replaced. */
async function headAt(asked: Asked, path: string, until: number, io: Io): Promise<string | undefined> {
  const { status, body } = await tryUntil(until, io, () => ask(asked, "GET", path));
  return status === 200 ? String(headOf(body)) : undefined;
}

const firstWaitMs = 200;
const longestWaitMs = 5_000;

/** Asks again, ever less often, while nobody answers or the fleet can't be written to. @throws Unanswered */
async function tryUntil(until: number, io: Io, attempt: () => Promise<Answer>): Promise<Answer> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    const isLast = performance.now() + waitMs >= until;
    let why: string;
    try {
      const answer = await attempt();
      const refusal = answer.status === 503 ? refusalOf(answer) : undefined;
      if (refusal === undefined || isLast) return answer;
      why = refusal;
    } catch (error) {
      if (!(error instanceof Unanswered) || isLast) throw error;
      why = error.message;
    }
    io.err(`${why}; trying again\n`);
    await sleep(waitMs);
  }
}

function show(answer: Answer, io: Io, format: string): number {
  const body: JsonObject = isObject(answer.body) ? answer.body : {};
  const refusal = refusalOf(answer);
  const isConflict = answer.status === 409;
  if (format === "json") io.out(`${stringifyJson(answer.body, 2)}\n`);
  else if (refusal === undefined) io.out(drawPushed(body));
  if (refusal !== undefined) {
    if (format === "pretty") {
      io.err(`${refusal}\n`);
      if (isConflict) io.err(drawPushed(body));
      const errors = Array.isArray(body["errors"]) ? body["errors"].filter(isObject) : [];
      for (const { file, row, message, code } of errors) {
        const place = typeof file === "string" ? `${file}:${typeof row === "number" ? `${row}:` : ""} ` : "";
        io.err(`${place}${String(code)}: ${String(message)}\n`);
      }
    }
    return isConflict ? 4 : 1;
  }
  const here = body["not_in_force_here"];
  if (!isObject(here)) return 0;
  io.err(
    `it is the fleet's, but the sidecar that was asked can't take it: ${String(here["code"])}: ${String(here["message"])}\n`,
  );
  return 3;
}

function queryOf(force: boolean, reason: string | undefined): string {
  if (force && reason === undefined) throw new UsageError("--force: needs --reason");
  const query = new URLSearchParams({
    ...(force ? { force: "true" } : {}),
    ...(reason === undefined ? {} : { reason }),
  });
  return query.size === 0 ? "" : `?${query.toString()}`;
}

/** Reads a span such as 90s or 5m, in milliseconds. @throws UsageError */
function spanOf(span: string): number {
  const [, count = "", unit = ""] = /^(\d{1,5})(s|m)$/.exec(span) ?? [];
  const ms = Number(count) * (unit === "m" ? 60_000 : 1_000);
  if (count === "" || ms < 1_000 || ms > 3_600_000)
    throw new UsageError("--timeout: e.g. 90s or 5m, at most 60m");
  return ms;
}
