/** Reads one listed tool into the definition that is approved, given to clients and enforced: the same for all three. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { canonical } from "./canonical.js";
import type { Dropped } from "./definitions.js";
import { isToolName, longestName } from "./names/name.js";
import { createHash } from "node:crypto";
import type { ReadSchema } from "./schema/read-schema.js";
import { readSchema, SchemaRefused } from "./schema/read-schema.js";

export interface Definition {
  readonly kind: "definition";
  readonly name: string;
  readonly tool: JsonObject;
  readonly digest: string;
  /** Of all that was listed, UTF-16 units. */
  readonly size: number;
  readonly input: ReadSchema;
  readonly output?: ReadSchema;
}

export type Unfit = { readonly kind: "unfit" } & Dropped;

/** Largest canonical form of one tool, UTF-16 units. */
export const longestDefinition = 256 * 1024;

/**
 * What a client may be given of a tool. INVARIANT: the digest covers all of it, so that nothing can reach a model that
 * nobody approved; a member that isn't here isn't passed on.
 */
const members: Readonly<Record<string, (value: Json) => boolean>> = {
  name: isText,
  title: isText,
  description: isText,
  inputSchema: isObject,
  outputSchema: isObject,
  annotations: isObject,
  icons: Array.isArray,
  execution: isObject,
  _meta: isObject,
};

/** Reads a tool as it was listed. What is given on is a copy: the listed value may change. */
export function readDefinition(value: Json): Definition | Unfit {
  const listed = isObject(value) ? value["name"] : undefined;
  const name = typeof listed === "string" ? listed : "";
  const unfit = (why: Dropped["why"]): Unfit => ({ kind: "unfit", name: name.slice(0, longestName), why });
  if (!isObject(value) || typeof listed !== "string") return unfit("invalid");
  if (!isToolName(name)) return unfit("name");
  const given: JsonObject = Object.create(null) as JsonObject;
  for (const [member, isFit] of Object.entries(members)) {
    const one = value[member];
    if (one === undefined) continue;
    if (!isFit(one)) return unfit("invalid");
    given[member] = one;
  }
  const text = canonical(given);
  // what isn't passed on is kept for comparison, and counts, too
  const listedLength = canonical(value).length;
  if (listedLength > longestDefinition) return unfit("invalid");
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  try {
    const { inputSchema, outputSchema } = given;
    if (!isObject(inputSchema) || inputSchema["type"] !== "object") return unfit("schema");
    const input = readSchema(inputSchema);
    const output = outputSchema === undefined ? undefined : readSchema(outputSchema);
    return {
      kind: "definition",
      size: listedLength,
      name,
      tool: given,
      digest,
      input,
      ...(output === undefined ? {} : { output }),
    };
  } catch (error) {
    if (error instanceof SchemaRefused) return unfit("schema");
    throw error;
  }
}

function isText(value: Json): boolean {
  return typeof value === "string";
}
