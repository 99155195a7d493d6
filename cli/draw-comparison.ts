/** Draws what differs between two bundles, as a reviewer reads it. */
import type { Json } from "../sidecar/contract.js";
import { isObject, stringifyJson } from "../sidecar/contract.js";
import type { Change, Comparison, EntrypointChange, RuleChange } from "./compare-sides.js";
import { clean } from "./draw-errors.js";

export interface DrawOptions {
  /** Values of data are shown. */
  readonly values: boolean;
  /** Gives a unified diff of two texts, without a head. */
  readonly patch?: (before: string, after: string) => string;
}

const marks = { added: "+", removed: "-", changed: "~" } as const;
/** A value that is longer is shown in part. */
const widest = 120;

export function drawComparison(found: Comparison, options: DrawOptions): string {
  const { manifest, packages, metadata, rules, tests, entrypoints, data, compiled } = found;
  const dataRows = data.list.map((one) => drawChange(one, options.values));
  if (data.more > 0) dataRows.push(`  and ${data.more} more\n`);
  const testCounts = (["added", "removed", "changed"] as const).filter((kind) => tests[kind] > 0);
  const parts = [
    section(
      "manifest",
      manifest.map((one) => drawChange(one, true)),
    ),
    section("packages", [
      ...packages.added.map((one) => `  + ${one}\n`),
      ...packages.removed.map((one) => `  - ${one}\n`),
      ...metadata.map((one) => drawChange(one, true)),
    ]),
    section(
      `rules: ${counted(rules)}`,
      rules.map((one) => drawRule(one, options)),
    ),
    compiled ? "one side is compiled and holds no Rego: of rules, only METADATA are compared\n" : "",
    section("entrypoints", entrypoints.map(drawEntrypoint)),
    section("data", dataRows),
    testCounts.length === 0
      ? ""
      : `tests: ${testCounts.map((kind) => `${tests[kind]} ${kind}`).join(", ")}\n`,
  ];
  return clean(parts.join(""));
}

function section(title: string, rows: readonly string[]): string {
  return rows.length === 0 ? "" : `${title}\n${rows.join("")}`;
}

function counted(rules: readonly RuleChange[]): string {
  return (["added", "removed", "changed"] as const)
    .map((kind) => ({ kind, count: rules.filter((one) => one.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`)
    .join(", ");
}

function drawRule(rule: RuleChange, { patch }: DrawOptions): string {
  const { kind, ref, id, file, row, severity, owner, title, text, metadata } = rule;
  const name = id === undefined ? `${rule.package}.${ref}` : `${id} (${rule.package}.${ref})`;
  const facts = [severity, owner].filter((one) => one !== undefined).join(", ");
  const what = kind === "changed" && !text ? "; METADATA only" : "";
  const head = `  ${marks[kind]} ${name}${facts === "" ? "" : `  [${facts}]`}  ${file}:${row}${what}\n`;
  const lines = patch === undefined || !text ? "" : patch(rule.before, rule.after);
  return (
    head +
    (title === undefined ? "" : `      ${title}\n`) +
    metadata.map((one) => `    ${drawChange(one, true)}`).join("") +
    lines.replace(/^(?=.)/gm, "    ")
  );
}

function drawEntrypoint({ path, kind, reads, caching }: EntrypointChange): string {
  return (
    `  ${marks[kind]} ${path}\n` +
    reads.map((one) => `      ${one.kind === "added" ? "reads" : "no longer reads"} ${one.path}\n`).join("") +
    (caching === undefined ? "" : `      was ${caching.from}\n      now ${caching.to}\n`)
  );
}

function drawChange({ at, kind, from, to }: Change, values: boolean): string {
  const place = `  ${marks[kind]} ${at === "" ? "/" : at}`;
  if (!values) return `${place}${sizes(from, to)}\n`;
  if (kind === "changed") return `${place}: ${shown(from)} -> ${shown(to)}\n`;
  return `${place}: ${shown(kind === "added" ? to : from)}\n`;
}

/** Says how much a list or an object grew, and nothing of what is in it. */
function sizes(from: Json | undefined, to: Json | undefined): string {
  if (Array.isArray(from) && Array.isArray(to)) return ` (${from.length} -> ${to.length} elements)`;
  const one = from ?? to;
  if (Array.isArray(one)) return ` (${one.length} element${one.length === 1 ? "" : "s"})`;
  if (!isObject(one)) return "";
  const count = Object.keys(one).length;
  return ` (${count} member${count === 1 ? "" : "s"})`;
}

function shown(value: Json | undefined): string {
  const text = value === undefined ? "" : stringifyJson(value);
  return text.length > widest ? `${text.slice(0, widest)}...` : text;
}
