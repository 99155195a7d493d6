/** Builds the request that arguments are: the only way to a server, for the route and for MCP. */
import type { Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, JsonNumber, refuse, stringifyJson } from "../../../sidecar/contract.js";
import { readQuery, readTarget } from "../../routes/normalise.js";
import { findOperation, readArguments } from "./find-operation.js";
import type { Api, Body, Method, Operation } from "./operation.js";
import { argument } from "./operation.js";
import { createPairReader, writeOne, writePairs } from "./text.js";

export interface BuiltRequest {
  readonly kind: "built";
  readonly method: Method;
  /** Within the server's own path; with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: { readonly text: string; readonly contentType: string };
}

const headerText = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const longestHeader = 4_096;

const wrong = (detail: string): Refusal => refuse("invalid_arguments", detail);

/**
 * Builds a request.
 * INVARIANT: what is built reads back as these very arguments of this very operation; else nothing is built. So no
 * argument can become another's, another operation, or more than one thing to whoever reads it next.
 */
export function buildRequest(api: Api, operation: Operation, args: JsonObject): BuiltRequest | Refusal {
  const invalid = operation.check(args);
  if (invalid !== undefined) return wrong(invalid);
  const path = writePath(operation, args);
  if (typeof path !== "string") return path;
  const pairs: string[] = [];
  const headers: Record<string, string> = {};
  for (const one of operation.parameters) {
    const value = argument(args, one.key);
    if (value === undefined || one.in === "path") continue;
    if (one.in === "query") {
      const written = writePairs(value, one);
      if (written === undefined) return wrong(`/${one.key}: can't be sent in a query`);
      pairs.push(...written);
      continue;
    }
    const text = writeOne(value, one, (piece) => piece);
    if (text === undefined || !headerText.test(text) || text.length > longestHeader)
      return wrong(`/${one.key}: can't be sent in a header`);
    headers[one.name] = text;
  }
  const body = writeBody(operation.body, args);
  if (body?.kind === "refusal") return body;
  const search = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  const astray = readsBack(api, operation, args, `${path}${search}`, headers);
  if (astray !== undefined) return astray;
  return {
    ...{ kind: "built", method: operation.method, path: `${path}${search}`, headers },
    ...(body === undefined ? {} : { body: { text: body.text, contentType: body.contentType } }),
  };
}

function writePath({ template, parameters }: Operation, args: JsonObject): string | Refusal {
  let path = "";
  for (const segment of template.segments) {
    if (segment.kind === "literal") {
      path += `/${segment.text}`;
      continue;
    }
    // such an operation isn't offered
    if (segment.kind === "several") return wrong("the path can't be built");
    const one = parameters.find(({ in: place, name }) => place === "path" && name === segment.name);
    const value = one === undefined ? undefined : argument(args, one.key);
    const text =
      one === undefined || value === undefined ? undefined : writeOne(value, one, encodeURIComponent);
    if (text === undefined || text === "") return wrong(`/${one?.key ?? ""}: can't be sent in a path`);
    path += `/${segment.prefix}${text}${segment.suffix}`;
  }
  return path;
}

/** Reads what was built as a stranger would; says what is other than it was. */
function readsBack(
  api: Api,
  operation: Operation,
  args: JsonObject,
  built: string,
  headers: Readonly<Record<string, string>>,
): Refusal | undefined {
  const target = readTarget(built);
  if (target.kind === "refusal") return wrong("what can't stand in a path or a query");
  const found = findOperation(api, operation.method, target);
  if (found.kind === "refusal" || found.operation !== operation) return wrong("the path would be another's");
  const said = { values: found.values, query: target.query, headers: new Map(Object.entries(headers)) };
  const read = readArguments(operation, said);
  if (read.kind === "refusal") return read;
  const other = operation.parameters.find(({ key }) => !same(argument(args, key), argument(read.args, key)));
  return other === undefined ? undefined : wrong(`/${other.key}: would be read as something else`);
}

function writeBody(
  body: Body | undefined,
  args: JsonObject,
): { readonly kind: "text"; readonly text: string; readonly contentType: string } | Refusal | undefined {
  const value = body === undefined ? undefined : argument(args, body.key);
  if (body === undefined || value === undefined) return undefined;
  const { key, form, contentType } = body;
  if (form === undefined) return { kind: "text", text: stringifyJson(value), contentType };
  const pairs: string[] = [];
  for (const [name, member] of Object.entries(isObject(value) ? value : {})) {
    const shape = form.get(name);
    const taker = shape && ({ key: name, name, style: "form", explode: true, shape } as const);
    const written = taker && writePairs(member, taker);
    if (written === undefined)
      return wrong(`/${key}/${form.has(name) ? name : "*"}: can't be sent in a form`);
    pairs.push(...written);
  }
  const text = pairs.join("&");
  const back = readForm(text, form);
  if (back.kind === "refusal" || !same(back.value, value))
    return wrong(`/${key}: would be read as something else`);
  return { kind: "text", text, contentType };
}

/** Reads a form (`application/x-www-form-urlencoded`) by what is declared of it. */
export function readForm(
  text: string,
  form: NonNullable<Body["form"]>,
): { readonly kind: "form"; readonly value: JsonObject } | Refusal {
  const members = [...form].map(
    ([name, shape]) => ({ key: name, name, style: "form", explode: true, shape }) as const,
  );
  const reader = createPairReader(members);
  const pairs = readQuery(text);
  if (pairs === undefined) return refuse("invalid_request", "the form can be read in two ways");
  for (const pair of pairs) {
    const why = reader.take(pair);
    if (why !== undefined) return wrong(`the field ${form.has(pair[0]) ? pair[0] : "*"} ${why}`);
  }
  return { kind: "form", value: reader.out };
}

/** Tells whether two values are one, to the last digit. */
function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one instanceof JsonNumber || other instanceof JsonNumber)
    return one instanceof JsonNumber && other instanceof JsonNumber && one.text === other.text;
  if (Array.isArray(one))
    return (
      Array.isArray(other) && one.length === other.length && one.every((item, i) => same(item, other[i]))
    );
  if (!isObject(one)) return one === other;
  if (!isObject(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => same(one[name], argument(other, name)))
  );
}
