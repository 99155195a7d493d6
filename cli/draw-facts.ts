import type { Branch, EntrypointFacts } from "../sidecar/rego/bundle.js";

type Path = readonly string[];

/** Draws what an entrypoint's result can depend on, as an author reads it. */
export function drawFacts(facts: EntrypointFacts): string {
  const { path, input, data, lookups = [], branches = [] } = facts;
  const conditional = new Set(branches.flatMap((one) => one.input.map(idOf)));
  const alone = new Set(lookups.filter((one) => one.alone === true).map(({ by }) => idOf(by)));
  const always = input.filter((one) => !conditional.has(idOf(one)) && !alone.has(idOf(one)));
  const rows = [
    section(branches.length === 0 ? "input" : "input, always", drawPaths("input", always)),
    ...branches.map((one) => section(`input, where ${drawWhen(one)}`, drawPaths("input", one.input))),
    section("data", [
      ...drawPaths("data", data),
      ...lookups.map(({ table, by }) => `${drawPath("data", table)}[${drawPath("input", by)}]`),
    ]),
  ];
  return `${path}\n  ${drawCaching(facts)}\n${rows.join("")}`;
}

function section(title: string, lines: readonly string[]): string {
  return `  ${title}\n${(lines.length === 0 ? ["(nothing)"] : lines).map((line) => `    ${line}\n`).join("")}`;
}

/** Says whether results are cached, and why not. */
export function drawCaching({ deterministic, nondeterministic, clock, cache = {} }: EntrypointFacts): string {
  const { ttl, scope } = cache;
  const shared = scope === "subject" || scope === "task" ? `, each ${scope}'s alone` : "";
  if (ttl === 0) return "never cached: METADATA says ttl 0";
  if (!deterministic) {
    const why = nondeterministic.length === 0 ? "" : `: ${nondeterministic.join(", ")}`;
    return ttl === undefined
      ? `not deterministic, never cached${why}`
      : `not deterministic${why}; cached for ${ttl} s all the same, as METADATA says${shared}`;
  }
  const most = ttl === undefined ? "" : `, ${ttl} s at most`;
  return clock === "bounded"
    ? `deterministic but for the clock: results can be cached until it changes them${most}${shared}`
    : `deterministic: results can be cached${most}${shared}`;
}

function drawWhen({ when }: Branch): string {
  return when
    .map(({ path, equals }) => `${drawPath("input", path)} == ${JSON.stringify(equals)}`)
    .join(" and ");
}

function drawPaths(root: string, paths: readonly Path[]): string[] {
  return paths.map((one) => drawPath(root, one));
}

function drawPath(root: string, path: Path): string {
  return (
    root +
    path.map((part) => (/^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`)).join("")
  );
}

function idOf(path: Path): string {
  return JSON.stringify(path);
}
