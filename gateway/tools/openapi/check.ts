/** Checks arguments by the same code as those of any tool. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { compileSchema } from "../definitions/schema/compile.js";
import type { Guard } from "../definitions/schema/guard.js";
import { createGuard } from "../definitions/schema/guard.js";
import { compilePattern } from "../definitions/schema/pattern.js";
import { readSchema } from "../definitions/schema/read-schema.js";
import { OpenApiRefused } from "./parse-document.js";

/** Says what is wrong by place, never by value; undefined: nothing. */
export type Check = (value: Json) => string | undefined;

/**
 * Creates what makes checks of schemas: read at once, compiled when a value is first checked, since most never are.
 * It throws OpenApiRefused where a schema can't be taken.
 */
export function createChecks(): (schema: JsonObject) => Check {
  const watched = createGuard();
  return (schema) => {
    const read = readOrRefuse(schema);
    // a watchdog is a thread, started and ended each time: the schema is the operator's own, and only the caller is hostile
    const guard: Guard = hasSlowPattern(schema) ? watched : (run) => run();
    let compiled: Check | undefined;
    return (value) => {
      try {
        compiled ??= compileSchema(read, guard);
      } catch {
        // INVARIANT: what can't be checked isn't valid
        return "/: the schema can't be used";
      }
      return compiled(value);
    };
  };
}

/** Tells whether a pattern may take longer than a time linear in the text: one that RE2 doesn't know. */
function hasSlowPattern(schema: Json): boolean {
  if (Array.isArray(schema)) return schema.some(hasSlowPattern);
  if (!isObject(schema)) return false;
  const { pattern, patternProperties } = schema;
  const patterns = [pattern, ...Object.keys(isObject(patternProperties) ? patternProperties : {})];
  const slow = patterns.some((one) => typeof one === "string" && !isLinear(one));
  return slow || Object.values(schema).some(hasSlowPattern);
}

/** What is none at all counts as slow. */
function isLinear(pattern: string): boolean {
  try {
    return compilePattern(pattern).linear;
  } catch {
    return false;
  }
}

function readOrRefuse(schema: JsonObject): ReturnType<typeof readSchema> {
  try {
    return readSchema(schema);
  } catch (error) {
    const { name, message } = error as { name?: unknown; message?: unknown };
    if (name !== "SchemaRefused") throw error;
    throw new OpenApiRefused(String(message));
  }
}
