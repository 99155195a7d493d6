import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tagged } from "./tagged.js";

/** A name, arguments, and what OPA 1.22 answers: a value, an error's code and message, or nothing. */
export type Case = readonly [
  string,
  readonly Tagged[],
  readonly ["v", Tagged] | readonly ["e", string, string] | readonly ["u"],
];

/** Reads all cases; each line of the files is one. */
export function readCases(): readonly Case[] {
  const folder = join("test", "decide", "builtins", "cases");
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Case),
  );
}
