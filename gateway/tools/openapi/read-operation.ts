/** Reads one operation of a document: what it takes as arguments, and what it is as a tool. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { Dialect } from "./bundle.js";
import { createBundle } from "./bundle.js";
import type { Check } from "./check.js";
import type { Method, Operation, Parameter } from "./operation.js";
import { OpenApiRefused } from "./parse-document.js";
import { readAnswers, readBody } from "./read-body.js";
import type { DeclaredParameter } from "./read-parameter.js";
import { readParameter } from "./read-parameter.js";
import { follow } from "./refs.js";
import { shapeOf } from "./shape.js";
import type { Template } from "./template.js";

export interface Declared {
  readonly document: JsonObject;
  readonly version: Dialect["version"];
  readonly id: string;
  readonly tool: string;
  readonly method: Method;
  readonly template: Template;
  readonly pathItem: JsonObject;
  readonly operation: JsonObject;
  readonly checkOf: (schema: JsonObject) => Check;
}

/** @throws OpenApiRefused with the reason why it can't be offered */
export function readOperation(declared: Declared): Operation {
  const { document, version, id, tool, method, template, operation, checkOf } = declared;
  const bundle = createBundle({ document, version, direction: "request" });
  const parameters = parametersOf(declared).flatMap((one) => readParameter(one, bundle) ?? []);
  checkPath(template, parameters);
  const bodiless = method === "GET" || method === "HEAD" || method === "OPTIONS";
  const given = operation["requestBody"];
  if (bodiless && given !== undefined) throw new OpenApiRefused(`a ${method} has a body`);
  const body = given === undefined ? undefined : readBody(document, given, bundle);
  const keys = keysOf(parameters.map(({ parameter }) => parameter));
  const bodyKey = ["body", "request_body"].find((key) => !keys.includes(key));
  if (bodyKey === undefined) throw new OpenApiRefused("there is no name left for its body");

  const properties = Object.create(null) as JsonObject;
  const required: string[] = [];
  const keyed = parameters.map(({ parameter, schema, required: must }, i): Parameter => {
    const key = keys[i] ?? "";
    properties[key] = schema;
    if (must) required.push(key);
    return { key, ...parameter };
  });
  if (body !== undefined) {
    properties[bodyKey] = body.schema;
    if (body.body.required) required.push(bodyKey);
  }
  const inputSchema: JsonObject = {
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    ...defsOf(bundle.defs),
  };
  const answers = readAnswers(document, operation["responses"]);
  // the answer to a HEAD is without
  const output = method === "HEAD" ? undefined : outputOf(declared, answers.object);
  const definition: JsonObject = {
    name: tool,
    ...wordsOf(operation),
    inputSchema,
    ...(output === undefined ? {} : { outputSchema: output.schema }),
    annotations: annotationsOf(method),
  };
  return {
    ...{ id, tool, method, template, parameters: keyed, definition },
    ...(body === undefined ? {} : { body: { key: bodyKey, ...body.body } }),
    accept: answers.accept,
    declared: answers.declared,
    check: checkOf(inputSchema),
    checkResult: (structured) =>
      output === undefined ? undefined : structured === undefined ? "/: missing" : output.check(structured),
  };
}

/** The path's parameters, and the operation's own, which stand above them. */
function parametersOf({ document, pathItem, operation }: Declared): JsonObject[] {
  const all = new Map<string, JsonObject>();
  for (const list of [pathItem["parameters"], operation["parameters"]]) {
    const seen = new Set<string>();
    for (const one of Array.isArray(list) ? list : []) {
      const parameter = follow(document, one);
      const key = `${String(parameter["in"])} ${String(parameter["name"])}`;
      if (seen.has(key)) throw new OpenApiRefused("a parameter is declared twice");
      seen.add(key);
      all.set(key, parameter);
    }
  }
  return [...all.values()];
}

/** INVARIANT: what stands in the path is declared, and what is declared for it stands there. */
function checkPath({ segments }: Template, parameters: readonly DeclaredParameter[]): void {
  if (segments.some(({ kind }) => kind === "several"))
    throw new OpenApiRefused("two of the path's parameters stand in one segment");
  const there = segments.flatMap((one) => (one.kind === "parameter" ? [one.name] : []));
  const declared = parameters.flatMap(({ parameter }) => (parameter.in === "path" ? [parameter.name] : []));
  if (there.length !== declared.length || !there.every((name) => declared.includes(name)))
    throw new OpenApiRefused("the path's parameters aren't those that are declared");
}

/** Names members of the arguments: as clients of models take them, and each once. */
function keysOf(parameters: readonly Omit<Parameter, "key">[]): string[] {
  const plain = parameters.map(({ name }) => name.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 64));
  const keys = parameters.map((one, i) => {
    const name = plain[i] ?? "";
    const shared = plain.filter((other) => other === name).length > 1;
    return shared ? `${one.in}_${name}` : name;
  });
  if (new Set(keys).size < keys.length) throw new OpenApiRefused("two parameters have the same name");
  return keys;
}

function defsOf(defs: JsonObject): JsonObject {
  return Object.keys(defs).length === 0 ? {} : { $defs: defs };
}

function wordsOf({ summary, description }: JsonObject): JsonObject {
  const told = typeof description === "string" ? description : summary;
  return {
    ...(typeof summary === "string" ? { title: summary } : {}),
    ...(typeof told === "string" ? { description: told } : {}),
  };
}

/** What of MCP's annotations the method says (RFC 9110, section 9.2). */
function annotationsOf(method: Method): JsonObject {
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return { readOnlyHint: true };
  return {
    readOnlyHint: false,
    ...(method === "POST" ? {} : { destructiveHint: true }),
    ...(method === "PUT" || method === "DELETE" ? { idempotentHint: true } : {}),
  };
}

interface Output {
  readonly schema: JsonObject;
  readonly check: Check;
}

/** A schema of results is told where every success is one object; else there is none. */
function outputOf({ document, version, checkOf }: Declared, schema: Json | undefined): Output | undefined {
  if (schema === undefined) return undefined;
  try {
    const bundle = createBundle({ document, version, direction: "response" });
    const one = bundle.add(schema, "open");
    const { type } = one;
    if (shapeIsObject(one, bundle.defs) && (type === undefined || type === "object")) {
      const output = { ...one, type: "object", ...defsOf(bundle.defs) };
      return { schema: output, check: checkOf(output) };
    }
    return undefined;
  } catch (error) {
    // results are then decided without
    if (error instanceof OpenApiRefused) return undefined;
    throw error;
  }
}

function shapeIsObject(schema: JsonObject, defs: JsonObject): boolean {
  try {
    return shapeOf(schema, defs).kind === "object";
  } catch {
    // an object of objects is one, too
    const target = schema["$ref"];
    const at = typeof target === "string" ? defs[target.slice("#/$defs/".length)] : schema;
    return isObject(at) && (at["type"] === "object" || isObject(at["properties"]));
  }
}
