/** Qdrant's paths into a payload: `a.b`, `a[].b`, `a[0]`, `"a.b".c` (documentation, Payload and Filtering, Nested key). */

export interface Step {
  readonly kind: "key" | "every" | "index";
  /** Of `key`. */
  readonly name: string;
}

const raw = /^[\p{Alphabetic}\p{N}_-]+/u;
const quoted = /^"([^"\\]*)"/;
const every = /^\[\]/;
const index = /^\[\d{1,15}\]/;

/** Reads a path; undefined where the store wouldn't. */
export function parsePath(text: string): readonly Step[] | undefined {
  if (text.length > 1_024) return undefined;
  const steps: Step[] = [];
  let rest = text;
  while (rest !== "") {
    const array = steps.length > 0 ? (every.exec(rest) ?? index.exec(rest)) : null;
    if (array !== null) {
      steps.push({ kind: array[0] === "[]" ? "every" : "index", name: "" });
      rest = rest.slice(array[0].length);
      continue;
    }
    if (steps.length > 0) {
      if (!rest.startsWith(".")) return undefined;
      rest = rest.slice(1);
    }
    const key = raw.exec(rest) ?? quoted.exec(rest);
    if (key === null) return undefined;
    steps.push({ kind: "key", name: key[1] ?? key[0] });
    rest = rest.slice(key[0].length);
  }
  return steps.length === 0 ? undefined : steps;
}

/** Gives the names that a path leads through, `a.b`, as {@link QueryFacts.fields} has them. */
export function namesOf(steps: readonly Step[]): string {
  return steps
    .filter(({ kind }) => kind === "key")
    .map(({ name }) => name)
    .join(".");
}

/** Writes a path of names; undefined where it can't be said: a name with a quote or backslash. */
export function writePath(names: readonly string[]): string | undefined {
  if (names.some((name) => /["\\]/.test(name))) return undefined;
  return names.map((name) => (/^[A-Za-z0-9_-]+$/.test(name) ? name : `"${name}"`)).join(".");
}
