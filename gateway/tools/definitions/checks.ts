/** Compiles the schemas of tools when they are first needed, and keeps the latest used. */
import { LRUCache } from "lru-cache";
import type { Json } from "../../../sidecar/contract.js";
import { JsonNumber } from "../../../sidecar/contract.js";
import type { Definition } from "./read-definition.js";
import type { Check } from "./schema/compile.js";
import { compileSchema, tooLong } from "./schema/compile.js";
import { createGuard } from "./schema/guard.js";
import type { ReadSchema } from "./schema/read-schema.js";

export interface Checks {
  arguments(definition: Definition, value: Json): string | undefined;
  result(definition: Definition, value: Json | undefined): string | undefined;
  /** Whether one of its schemas couldn't be compiled when it was needed. */
  isBroken(digest: string): boolean;
}

/** Compiled schemas, each some 10 to 100 KB. */
const most = 1_000;

export function createChecks(): Checks {
  const guard = createGuard();
  const compiled = new LRUCache<string, Check>({ max: most });
  const broken = new LRUCache<string, true>({ max: most });
  const check = (
    digest: string,
    which: "input" | "output",
    schema: ReadSchema,
    value: Json,
  ): string | undefined => {
    const key = `${which} ${digest}`;
    let known = compiled.get(key);
    if (known === undefined) {
      try {
        known = compileSchema(schema, guard);
      } catch {
        broken.set(digest, true);
        known = () => "/: the schema can't be used";
      }
      compiled.set(key, known);
    }
    const wrong = known(value);
    if (wrong === tooLong) compiled.delete(key);
    return wrong;
  };
  return {
    arguments: ({ digest, input }, value) =>
      check(digest, "input", input, value) ?? checkHeaders(input, value),
    result({ digest, output }, value) {
      if (output === undefined) return undefined;
      return value === undefined ? "/: missing" : check(digest, "output", output, value);
    },
    isBroken: (digest) => broken.has(digest),
  };
}

/** Finds an argument that a header repeats and that is no safe integer (MCP 2026-07-28, "Schema Extension"). */
function checkHeaders({ headers }: ReadSchema, value: Json): string | undefined {
  for (const path of headers.values()) {
    let at: Json | undefined = value;
    for (const name of path) {
      at =
        typeof at === "object" && at !== null && Object.hasOwn(at, name)
          ? (at as Record<string, Json>)[name]
          : undefined;
    }
    const number = at instanceof JsonNumber ? at.valueOf() : at;
    if (typeof number === "number" && !Number.isSafeInteger(number))
      return `/${path.join("/")}: x-mcp-header`;
  }
  return undefined;
}
