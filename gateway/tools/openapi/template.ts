/** Path templates, and which of a document's a path belongs to (OpenAPI 3.1.1, section 4.8.8.2). */
import { OpenApiRefused } from "./parse-document.js";

/** One segment: to the letter, or with one parameter between two literal ends. */
export type Segment =
  /** Several parameters in one segment: known, so that no other path takes what is theirs, and not offered. */
  | { readonly kind: "several"; readonly between: readonly string[] }
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string; readonly prefix: string; readonly suffix: string };

export interface Template {
  /** As the document has it. */
  readonly text: string;
  readonly segments: readonly Segment[];
}

/** Characters that a path may hold as they are, and that need no escape. */
const literal = /^[A-Za-z0-9._~!$&'()*+,=:@-]*$/;

/** Reads a template. @throws OpenApiRefused where its parameters or its characters could be read in two ways */
export function readTemplate(text: string): Template {
  if (!text.startsWith("/")) throw new OpenApiRefused("a path doesn't begin with a slash");
  const parts = text.slice(1).split("/");
  const segments = parts.map((part, i): Segment => {
    const [, prefix = "", name, suffix = ""] = /^([^{}]*)\{([^{}/?#]{1,128})\}([^{}]*)$/.exec(part) ?? [];
    if (name !== undefined && literal.test(prefix) && literal.test(suffix))
      return { kind: "parameter", name, prefix, suffix };
    const between = part.split(/\{[^{}/?#]{1,128}\}/);
    if (between.length > 2 && between.every((text) => literal.test(text)))
      return { kind: "several", between };
    const empty = part === "" && i < parts.length - 1;
    if (!literal.test(part) || empty || part === "." || part === "..")
      throw new OpenApiRefused("a path holds what can be read in two ways");
    return { kind: "literal", text: part };
  });
  const names = segments.flatMap((one) => (one.kind === "parameter" ? [one.name] : []));
  if (new Set(names).size < names.length) throw new OpenApiRefused("a path names a parameter twice");
  return { text, segments };
}

/** Gives what stands in the parameters' places, by name; undefined where the path is none of the template's. */
export function matchTemplate(
  { segments }: Template,
  path: readonly string[],
): Map<string, string> | undefined {
  if (segments.length !== path.length) return undefined;
  const values = new Map<string, string>();
  for (const [i, segment] of segments.entries()) {
    const text = path[i] ?? "";
    if (segment.kind === "literal") {
      if (segment.text !== text) return undefined;
      continue;
    }
    if (segment.kind === "several") {
      if (!holdsInOrder(text, segment.between)) return undefined;
      continue;
    }
    const { prefix, suffix, name } = segment;
    if (text.length <= prefix.length + suffix.length) return undefined;
    if (!text.startsWith(prefix) || !text.endsWith(suffix)) return undefined;
    values.set(name, text.slice(prefix.length, text.length - suffix.length));
  }
  return values;
}

function holdsInOrder(text: string, pieces: readonly string[]): boolean {
  if (!text.startsWith(pieces[0] ?? "") || !text.endsWith(pieces.at(-1) ?? "")) return false;
  let at = 0;
  return pieces.every((piece) => {
    const found = text.indexOf(piece, at);
    at = found + piece.length;
    return found >= 0;
  });
}

/** Tells how much of a segment is said: all, something, nothing. */
function rank(segment: Segment | undefined): number {
  if (segment?.kind === "literal") return 2;
  if (segment?.kind === "several") return segment.between.some((text) => text !== "") ? 1 : 0;
  return segment !== undefined && segment.prefix + segment.suffix !== "" ? 1 : 0;
}

/**
 * Chooses among templates that all match one path: the one that is at least as concrete as each other everywhere.
 * Undefined where there is none such: whose path it is would be anybody's guess, the upstream's among them.
 */
export function mostConcrete<T extends { readonly template: Template }>(
  matching: readonly T[],
): T | undefined {
  const beats = (one: Template, other: Template): boolean =>
    one.segments.every((segment, i) => rank(segment) >= rank(other.segments[i]));
  const best = matching.filter((one) => matching.every((other) => beats(one.template, other.template)));
  return best.length === 1 ? best[0] : undefined;
}

/** Templates with the same shape are the same to any path. */
export function shapeOf({ segments }: Template): string {
  return segments
    .map((one) => {
      if (one.kind === "several") return one.between.join("{}");
      return one.kind === "literal" ? `=${one.text}` : `${one.prefix}{}${one.suffix}`;
    })
    .join("/");
}
