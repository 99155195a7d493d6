/** Checks arguments by the same code as those of any tool. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { compileSchema } from "../definitions/schema/compile.js";
import { createGuard } from "../definitions/schema/guard.js";
import { readSchema } from "../definitions/schema/read-schema.js";
import { OpenApiRefused } from "./parse-document.js";

/** Says what is wrong by place, never by value; undefined: nothing. */
export type Check = (value: Json) => string | undefined;

/**
 * Creates what makes checks of schemas: read at once, compiled when a value is first checked, since most never are.
 * It throws OpenApiRefused where a schema can't be taken.
 */
export function createChecks(): (schema: JsonObject) => Check {
  const guard = createGuard();
  return (schema) => {
    const read = readOrRefuse(schema);
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

function readOrRefuse(schema: JsonObject): ReturnType<typeof readSchema> {
  try {
    return readSchema(schema);
  } catch (error) {
    const { name, message } = error as { name?: unknown; message?: unknown };
    if (name !== "SchemaRefused") throw error;
    throw new OpenApiRefused(String(message));
  }
}
