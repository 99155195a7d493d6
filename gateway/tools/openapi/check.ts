/** Checks arguments by the same code as those of any tool. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { compileSchema } from "../definitions/schema/compile.js";
import { createGuard } from "../definitions/schema/guard.js";
import { readSchema } from "../definitions/schema/read-schema.js";
import { OpenApiRefused } from "./parse-document.js";

/** Says what is wrong by place, never by value; undefined: nothing. */
export type Check = (value: Json) => string | undefined;

/** Creates what makes checks of schemas. It throws OpenApiRefused where a schema can't be taken. */
export function createChecks(): (schema: JsonObject) => Check {
  const guard = createGuard();
  return (schema) => {
    try {
      return compileSchema(readSchema(schema), guard);
    } catch (error) {
      const { name, message } = error as { name?: unknown; message?: unknown };
      throw new OpenApiRefused(name === "SchemaRefused" ? String(message) : "a schema can't be compiled");
    }
  };
}
