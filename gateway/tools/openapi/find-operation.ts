/** Finds the operation that a method and a path are, and the arguments that stand there. */
import type { JsonObject, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Target } from "../../routes/normalise.js";
import type { Api, Operation, Parameter } from "./operation.js";
import { matchTemplate, mostConcrete } from "./template.js";
import { createPairReader, readOne } from "./text.js";

export type Found =
  | { readonly kind: "found"; readonly operation: Operation; readonly values: ReadonlyMap<string, string> }
  | Refusal;

/** Finds the operation. INVARIANT: a path that is a more concrete one's is never another's, whether that is offered or not. */
export function findOperation({ paths }: Api, method: string, { path }: Pick<Target, "path">): Found {
  const segments = path.slice(1).split("/");
  const matching = paths.filter(({ template }) => matchTemplate(template, segments) !== undefined);
  const chosen = mostConcrete(matching);
  if (chosen === undefined)
    return matching.length === 0
      ? refuse("unknown_tool")
      : refuse("path_refused", "two paths of the document take it");
  const operation = chosen.operations.get(method);
  // its template may have other names than the first of the same shape
  const values = operation && matchTemplate(operation.template, segments);
  if (operation !== undefined && values !== undefined) return { kind: "found", operation, values };
  return refuse(chosen.operations.size === 0 ? "unknown_tool" : "method_not_allowed");
}

/** What of a request says arguments, beside its body. */
export interface Said {
  /** Of the path, by name, decoded. */
  readonly values: ReadonlyMap<string, string>;
  readonly query: Target["query"];
  /** Those of declared names, in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Reads the arguments, beside the body's. What isn't declared, or is there twice, is refused by its name. */
export function readArguments(
  { parameters }: Pick<Operation, "parameters">,
  { values, query, headers }: Said,
): { readonly kind: "arguments"; readonly args: JsonObject } | Refusal {
  const reader = createPairReader(parameters.filter((one) => one.in === "query"));
  for (const pair of query) {
    const wrong = reader.take(pair);
    if (wrong !== undefined)
      return refuse("invalid_arguments", `the query parameter ${shown(pair[0])} ${wrong}`);
  }
  const args = reader.out;
  for (const one of parameters) {
    const text = one.in === "path" ? values.get(one.name) : headers.get(one.name);
    if (one.in !== "query" && text !== undefined) args[one.key] = readOne(tidy(text, one), one);
  }
  return { kind: "arguments", args };
}

/** Blanks around a header's commas mean nothing (RFC 9110, section 5.6.1). */
function tidy(text: string, { in: place, shape }: Parameter): string {
  return place === "header" && shape.kind === "list" ? text.replace(/[ \t]{0,64},[ \t]{0,64}/g, ",") : text;
}

/** A name that a caller chose: short, and of plain characters only. */
export function shown(name: string): string {
  return name.slice(0, 128).replace(/[^\x21-\x7e]/g, "?");
}
