/** Files that a configuration names. */
import type { Problems } from "../contract.js";

/** Gives a file's text. @throws Error with a `code` where it can't be read */
export type ReadText = (path: string) => string;

/** How a section is read. */
export interface ReadRules {
  readonly readText: ReadText;
  /** Whether it may name files of this machine. */
  readonly files: boolean;
  /** Of the process, where its credentials may be taken from there. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Said of a place that names a file, in a configuration that may not. */
export const noFiles = "names a file, which only the sidecar's own configuration may";

/** Gives a file's text, or undefined and a problem that names the file. */
export function readFile(
  path: string,
  place: string,
  problems: Problems,
  readText: ReadText,
): string | undefined {
  try {
    return readText(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unreadable";
    return problems.add(place, `can't be read: ${path} (${code})`);
  }
}
