/** Turns a document into what is served of it. */
import { createHash } from "node:crypto";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { matches } from "../definitions/mapping.js";
import { createChecks } from "./check.js";
import type { OpenApiConfig } from "./config.js";
import type { Api, Operation } from "./operation.js";
import { methods } from "./operation.js";
import { OpenApiRefused, parseDocument } from "./parse-document.js";
import { readOperation } from "./read-operation.js";
import { follow } from "./refs.js";
import type { Template } from "./template.js";
import { readTemplate, shapeOf } from "./template.js";

const mostOperations = 5_000;

export type ReadApi = (config: Pick<OpenApiConfig, "text" | "operations">) => Promise<Api>;

/** Creates what reads documents; it is slow to make, keeps the last one that it read, and is to be let go. */
export function createReadApi(): ReadApi {
  const validator = new Validator({ logger: false });
  return (config) => readApi(config, validator);
}

/**
 * Reads a document, with the operations that the configuration lists.
 * @throws OpenApiRefused where it isn't valid, where two names are one, or where an operation that is listed by its own
 *   name can't be offered
 */
async function readApi(
  { text, operations: globs }: Parameters<ReadApi>[0],
  validator: Validator,
): Promise<Api> {
  const document = parseDocument(text);
  const { openapi, info } = document;
  const [, version] = (typeof openapi === "string" ? /^(3\.[01])\.[0-9]{1,3}$/.exec(openapi) : null) ?? [];
  if (version !== "3.0" && version !== "3.1")
    throw new OpenApiRefused("the document isn't OpenAPI 3.0 or 3.1");
  checkReferences(document);
  await checkDocument(document, validator);

  const isListed = (id: string): boolean => id.length <= 256 && globs.some((glob) => matches(id, glob));
  const checkOf = createChecks();
  const leftOut: { operation: string; why: string }[] = [];
  const tools = new Map<string, Operation>();
  const ids = new Set<string>();
  const paths = new Map<
    string,
    { readonly template: Template; readonly operations: Map<string, Operation> }
  >();
  const taken = new Set<string>();
  let count = 0;
  for (const [path, item] of Object.entries(isObject(document["paths"]) ? document["paths"] : {})) {
    if (!path.startsWith("/")) continue;
    const template = readTemplate(path);
    const shape = shapeOf(template);
    const pathItem = follow(document, item);
    // the same path with other names of its parameters: allowed by nobody, and done for other methods
    const { operations: offered } = paths.get(shape) ?? { operations: new Map<string, Operation>() };
    if (!paths.has(shape)) paths.set(shape, { template, operations: offered });
    for (const method of methods) {
      const operation = pathItem[method.toLowerCase()];
      if (!isObject(operation)) continue;
      if (++count > mostOperations) throw new OpenApiRefused(`more than ${mostOperations} operations`);
      if (taken.has(`${method} ${shape}`)) throw new OpenApiRefused(`two paths are the same: ${path}`);
      taken.add(`${method} ${shape}`);
      const id = idOf(operation, method, path);
      if (ids.has(id)) throw new OpenApiRefused(`two operations are called ${shown(id)}`);
      ids.add(id);
      if (!isListed(id)) continue;
      const tool = toolOf(id);
      try {
        const one = readOperation({
          document,
          version,
          id,
          tool,
          method,
          template,
          pathItem,
          operation,
          checkOf,
        });
        if (tools.has(tool)) throw new OpenApiRefused(`two operations would be the tool ${tool}`);
        tools.set(tool, one);
        offered.set(method, one);
      } catch (error) {
        if (!(error instanceof OpenApiRefused)) throw error;
        // what was asked for by name isn't left out in silence
        if (globs.includes(id) || tools.has(tool)) throw new OpenApiRefused(`${shown(id)}: ${error.message}`);
        leftOut.push({ operation: shown(id), why: error.message });
      }
    }
  }
  const missing = globs.find((glob) => !glob.includes("*") && !ids.has(glob));
  if (missing !== undefined) throw new OpenApiRefused(`there is no operation ${missing}`);
  return { ...aboutOf(info), paths: [...paths.values()], tools, leftOut };
}

/** The longest name of a tool that clients of models take, characters. */
const longestName = 64;

function toolOf(id: string): string {
  const name = id.replace(/[^A-Za-z0-9_-]/g, "_");
  if (name.length <= longestName) return name;
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 8);
  return `${name.slice(0, longestName - 9)}_${digest}`;
}

/** An operation without a name is called by its method and path. */
function idOf({ operationId }: JsonObject, method: string, path: string): string {
  if (typeof operationId === "string" && operationId !== "") return operationId;
  const words = path.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_|_$/g, "");
  return words === "" ? method.toLowerCase() : `${method.toLowerCase()}_${words}`;
}

/** INVARIANT: no reference leaves the document, wherever it stands: nobody who comes later has one to follow. */
function checkReferences(value: Json): void {
  if (Array.isArray(value)) return void value.forEach(checkReferences);
  if (!isObject(value)) return;
  const { $ref } = value;
  if (typeof $ref === "string" && !$ref.startsWith("#/"))
    throw new OpenApiRefused("a $ref leads out of the document");
  Object.values(value).forEach(checkReferences);
}

async function checkDocument(document: JsonObject, validator: Validator): Promise<void> {
  // the validator takes plain objects, and may change them
  const copy = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
  const { valid, errors } = await validator.validate(copy);
  if (valid) return;
  const [first] = Array.isArray(errors) ? errors : [];
  const place =
    first === undefined ? "" : ` at ${shown(first.instancePath === "" ? "/" : first.instancePath)}`;
  throw new OpenApiRefused(`the document isn't valid OpenAPI${place}`);
}

function aboutOf(info: Json | undefined): Pick<Api, "title" | "version" | "description"> {
  const { title, version, description } = isObject(info) ? info : {};
  return {
    title: typeof title === "string" ? title : "",
    version: typeof version === "string" ? version : "",
    ...(typeof description === "string" ? { description } : {}),
  };
}

/** A document's own words, short and of plain characters. */
function shown(text: string): string {
  return text.slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
}
