import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, plainNumber } from "../../../../sidecar/contract.js";
import { longText as text, unread } from "../strict.js";
import { pathsOf, templatesOf } from "./expression/ast.js";
import { parseExpression } from "./expression/parse.js";
import type { CallerFilter } from "./operation.js";

/** Reads a filter and its templates' values: what isn't understood is refused. */
export function readFilter(given: Json | undefined, exprParams: Json | undefined): CallerFilter {
  const filter = given === undefined ? "" : text(given, "filter");
  if (filter.trim() === "") {
    if (exprParams !== undefined && !(isObject(exprParams) && Object.keys(exprParams).length === 0))
      unread("filter_refused", "exprParams without a filter");
    return {};
  }
  const expression = parseExpression(filter);
  if (expression === undefined) return unread("filter_refused", "filter");
  const wanted = new Set(templatesOf(expression));
  if (exprParams === undefined) {
    if (wanted.size > 0) unread("filter_refused", "exprParams");
    return { expression };
  }
  if (!isObject(exprParams)) return unread("filter_refused", "exprParams");
  const params = Object.create(null) as JsonObject;
  for (const [name, value] of Object.entries(exprParams)) {
    if (!wanted.delete(name) || !isValue(value)) unread("filter_refused", "exprParams");
    params[name] = value;
  }
  if (wanted.size > 0) unread("filter_refused", "exprParams");
  return wanted.size === 0 && Object.keys(params).length === 0 ? { expression } : { expression, params };
}

function isValue(value: Json): boolean {
  if (Array.isArray(value)) return value.every((one) => !Array.isArray(one) && isValue(one));
  return typeof value === "string" || typeof value === "boolean" || plainNumber(value) !== undefined;
}

/** The store's paths that a filter reads. */
export function filterPaths({ expression }: CallerFilter): string[] {
  return expression === undefined ? [] : pathsOf(expression);
}
