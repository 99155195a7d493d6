import type { AuthorError } from "../sidecar/rego/author.js";

/** Gives the text of a file that an error names. */
export type Sources = Readonly<Record<string, string>>;

/** A line that is longer is shown in part. */
const widest = 160;

/**
 * Draws `file:row:col: code: message` for each error, and below it the line of the source with a mark:
 *
 *     p.rego:3:6: rego_unsafe_var_error: var x is unsafe
 *       |
 *     3 | r if x
 *       |      ^
 */
export function drawErrors(errors: readonly AuthorError[], sources: Sources): string {
  return errors
    .map((error) => {
      const { file, row, col, code, message } = error;
      const place = [file, row, col].filter((part) => part !== undefined).map((part) => `${part}:`);
      const head = [
        place.join(""),
        code === "" || (code as string | undefined) === undefined ? "" : `${code}:`,
        message,
      ]
        .filter((part) => part !== "")
        .join(" ");
      const { line = file === undefined ? undefined : lineOf(sources[file], row), idx } = found(
        error.details,
      );
      return `${head}\n${line === undefined || row === undefined ? "" : drawLine(line, row, idx ?? (col ?? 1) - 1)}`;
    })
    .join("");
}

function lineOf(source: string | undefined, row = 0): string | undefined {
  return source?.split("\n", row)[row - 1]?.replace(/\r$/, "");
}

/** OPA's parser tells the line that it gave up in, which isn't always the one that its error names. */
function found(details: unknown): { readonly line?: string; readonly idx?: number } {
  const { line, idx } = (details ?? {}) as { readonly line?: unknown; readonly idx?: unknown };
  return typeof line === "string" && typeof idx === "number" ? { line, idx } : {};
}

/** @param at how many characters stand before what is marked */
function drawLine(line: string, row: number, at: number): string {
  if (line.trim() === "") return "";
  const from = at > widest ? at - widest / 2 : 0;
  const shown = clean(line.slice(from, from + widest));
  // tabs stay tabs, so that the mark stands below what it marks
  const before = shown.slice(0, Math.max(0, at - from)).replace(/[^\t]/g, " ");
  const number = String(row);
  const margin = " ".repeat(number.length);
  return `${margin} |\n${number} | ${shown}\n${margin} | ${before}^\n`;
}

/** What a terminal would act on isn't shown to it. */
export function clean(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** Gives errors as `opa … --format json` does. */
export function errorsAsJson(errors: readonly AuthorError[]): string {
  const list = errors.map(({ message, code, file, row, col, details }) => ({
    message,
    ...(code === "" ? {} : { code }),
    ...(file === undefined && row === undefined
      ? {}
      : { location: { file: file ?? "", row: row ?? 0, col: col ?? 0 } }),
    ...(details === undefined ? {} : { details }),
  }));
  return `${JSON.stringify({ errors: list }, null, 2)}\n`;
}
