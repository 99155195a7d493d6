/**
 * Chroma's filters, strictly read: `where` on metadata, `where_document` on what a document says (Chroma's documentation,
 * "Metadata Filtering" and "Full Text Search and Regex"; what the server takes was tried with 1.5.9).
 */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse } from "../../../../sidecar/contract.js";

/** What a filter may be at most. A pattern's repetitions are counted by the digits in its braces. */
const limits = { depth: 16, nodes: 256, listed: 1_024, text: 4_096, pattern: 256, patterns: 4 } as const;
const longRepetition = /\{[^}]*\d{3}/;

/** How the text of a document is called among fields. */
export const documentField = "#document";

export interface Filters {
  readonly kind: "filters";
  readonly where?: JsonObject;
  readonly whereDocument?: JsonObject;
  /** What they look at. */
  readonly fields: readonly string[];
}

/** Reads both filters of a request; what isn't known is refused. */
export function readFilters(where: Json | undefined, whereDocument: Json | undefined): Filters | Refusal {
  const seen = { nodes: 0, patterns: 0, fields: new Set<string>() };
  if (!absent(where) && !isWhere(where, seen, 1)) return refuse("filter_refused", "where");
  if (!absent(whereDocument) && !isWhereDocument(whereDocument, seen, 1))
    return refuse("filter_refused", "where_document");
  return {
    kind: "filters",
    ...(isObject(where) ? { where } : {}),
    ...(isObject(whereDocument) ? { whereDocument } : {}),
    fields: [...seen.fields],
  };
}

interface Seen {
  nodes: number;
  patterns: number;
  readonly fields: Set<string>;
}

function absent(value: Json | undefined): value is null | undefined {
  return value === undefined || value === null;
}

/** Gives the one member of an object that has one. */
function only(value: Json | undefined): readonly [key: string, value: Json] | undefined {
  const [member, ...others] = isObject(value) ? Object.entries(value) : [];
  return others.length === 0 ? member : undefined;
}

function within(seen: Seen, depth: number): boolean {
  return ++seen.nodes <= limits.nodes && depth <= limits.depth;
}

function isWhere(value: Json | undefined, seen: Seen, depth: number): boolean {
  const member = only(value);
  if (member === undefined || !within(seen, depth)) return false;
  const [key, said] = member;
  if (key === "$and" || key === "$or")
    return Array.isArray(said) && said.length > 0 && said.every((one) => isWhere(one, seen, depth + 1));
  if (key === documentField) return isOnDocument(said, seen);
  // `#` and `chroma:` are the server's own: `chroma:document` would be the text under another name
  if (key === "" || /^(?:\$|#|chroma:)/.test(key)) return false;
  seen.fields.add(key);
  if (isScalar(said)) return true;
  const test = only(said);
  if (test === undefined) return false;
  const [operator, than] = test;
  switch (operator) {
    case "$eq":
    case "$ne":
    case "$contains":
    case "$not_contains":
      return isScalar(than);
    case "$gt":
    case "$gte":
    case "$lt":
    case "$lte":
      return isNumber(than);
    case "$in":
    case "$nin":
      return (
        Array.isArray(than) &&
        than.length > 0 &&
        than.length <= limits.listed &&
        than.every((one) => isScalar(one) && kindOf(one) === kindOf(than[0]))
      );
    default:
      return false;
  }
}

function isWhereDocument(value: Json | undefined, seen: Seen, depth: number): boolean {
  const member = only(value);
  if (member === undefined || !within(seen, depth)) return false;
  const [key, said] = member;
  if (key !== "$and" && key !== "$or") return isOnDocument(value, seen);
  return Array.isArray(said) && said.length > 0 && said.every((one) => isWhereDocument(one, seen, depth + 1));
}

/** The server's patterns are linear in what they read (Rust's `regex`), yet read every document: few, and short. */
function isOnDocument(value: Json | undefined, seen: Seen): boolean {
  const member = only(value);
  if (member === undefined) return false;
  const [operator, than] = member;
  if (typeof than !== "string" || than === "" || than.length > limits.text) return false;
  seen.fields.add(documentField);
  if (operator === "$contains" || operator === "$not_contains") return true;
  if (operator !== "$regex" && operator !== "$not_regex") return false;
  return than.length <= limits.pattern && ++seen.patterns <= limits.patterns && !longRepetition.test(than);
}

function isNumber(value: Json | undefined): boolean {
  return typeof value === "number" || value instanceof JsonNumber;
}

function isScalar(value: Json | undefined): boolean {
  return (
    typeof value === "boolean" ||
    isNumber(value) ||
    (typeof value === "string" && value.length <= limits.text)
  );
}

function kindOf(value: Json | undefined): string {
  return isNumber(value) ? "number" : typeof value;
}
