import { UsageError } from "./main.js";

const formats = ["pretty", "json"] as const;

/** Reads `--format`. @throws UsageError */
export function readFormat(given: string | undefined): (typeof formats)[number] {
  const format = formats.find((known) => known === (given ?? "pretty"));
  if (format === undefined) throw new UsageError(`--format: one of ${formats.join(", ")}`);
  return format;
}

/** Gives the only positional argument. @throws UsageError */
export function onePath(positionals: readonly string[]): string {
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) throw new UsageError("give one PATH");
  return path;
}

/** Gives `a/b/c` for `a/b/c`, `/a/b/c` and `data.a.b.c`. */
export function entrypointPath(given: string): string {
  const path = given.startsWith("data.") ? given.slice("data.".length).replaceAll(".", "/") : given;
  return path.replace(/^\/+|\/+$/g, "");
}
