/** What the configuration says of a server whose tools are the operations of an OpenAPI document (docs/gateway-openapi.md). */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Fields, Problems } from "../../../sidecar/contract.js";

export interface OpenApiConfig {
  readonly file: string;
  /** SHA-256 of the file as it was read. INVARIANT: a server whose file changed is another server. */
  readonly digest: string;
  /** The file's content: what is decided on is what was read with the configuration. */
  readonly text: string;
  /** Globs over operation ids; what none of them matches isn't offered. */
  readonly operations: readonly string[];
}

/** The largest document, bytes. */
const largest = 16 * 2 ** 20;

/** Reads `openapi` and `operations` of a tool server; undefined where it is none of an OpenAPI document. */
export function readOpenApi(fields: Fields, problems: Problems): OpenApiConfig | undefined {
  if (!fields.has("openapi")) return undefined;
  const nested = fields.nested("openapi");
  const file = nested.required("file");
  nested.end();
  const operations = fields.strings("operations") ?? [];
  if (operations.length === 0)
    problems.add(fields.at("operations"), 'is required with openapi: ids of operations, or "*" for all');
  for (const glob of operations)
    if (!/^[\w.:/*-]{1,256}$/.test(glob))
      problems.add(fields.at("operations"), "an id holds letters, digits and . _ : / -");
  const bytes = readDocument(file);
  if (typeof bytes === "string") {
    if (file !== "") problems.add(nested.at("file"), bytes);
    return undefined;
  }
  const digest = createHash("sha256").update(bytes).digest("hex");
  return { file, digest, text: bytes.toString("utf8"), operations };
}

/** Gives the file's bytes, or what is wrong with it. */
function readDocument(file: string): Buffer | string {
  try {
    const { size } = statSync(file);
    if (size > largest) return `is larger than ${largest} bytes`;
    const bytes = readFileSync(file);
    // it may have grown in between
    return bytes.byteLength > largest ? `is larger than ${largest} bytes` : bytes;
  } catch {
    return "can't be read";
  }
}
