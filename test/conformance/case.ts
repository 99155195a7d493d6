/** OPA's own test cases, as `sidecar/rego/toolchain/cases` writes them. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson } from "../../sidecar/contract.js";
import { root } from "../world.js";

export type Version = "v0" | "v1";

export interface Case {
  readonly version: Version;
  /** Folder that the case lies in. */
  readonly category: string;
  /** `category/file.yaml` */
  readonly file: string;
  readonly note: string;
  readonly query: string;
  readonly modules: readonly string[];
  readonly data: JsonObject;
  readonly input: Json | undefined;
  /** The input as text of a Rego value, where it is no JSON. */
  readonly inputText: string | undefined;
  readonly wantResult: readonly JsonObject[] | undefined;
  readonly wantErrorCode: string | undefined;
  readonly wantError: string | undefined;
  /** Lists in results are sorted before they are compared. */
  readonly sortBindings: boolean;
  /** The error shows only where built-in errors end the evaluation. */
  readonly strictError: boolean;
  readonly experimental: boolean;
}

const toolchain = join(root, "sidecar/rego/toolchain");

/** Names the file within the cache that holds the cases of this version. */
export async function casesFile(): Promise<string> {
  const sources = await Promise.all(
    ["cases/main.go", "go.mod", "go.sum"].map((name) => readFile(join(toolchain, name))),
  );
  const stamp = createHash("sha256").update(Buffer.concat(sources)).digest("hex").slice(0, 16);
  return `cases-${stamp}.jsonl`;
}

/** Reads all cases, from the folder `cache` where the module's version hasn't changed. */
export async function loadCases(cache: string): Promise<Case[]> {
  const kept = join(cache, await casesFile());
  const text = await readFile(kept, "utf8").catch(async () => {
    const { stdout } = await promisify(execFile)("go", ["run", "./cases"], {
      cwd: toolchain,
      maxBuffer: 256 * 2 ** 20,
    });
    await mkdir(dirname(kept), { recursive: true });
    await writeFile(`${kept}.${process.pid}`, stdout);
    await rename(`${kept}.${process.pid}`, kept);
    return stdout;
  });
  return text.trimEnd().split("\n").map(readCase);
}

function readCase(line: string): Case {
  const found = parseJson(line, { depth: 10_000, lenient: true });
  if (!isObject(found)) throw new Error("a case is an object");
  const optional = (name: string): string | undefined =>
    found[name] === undefined ? undefined : textOf(found, name);
  const version = textOf(found, "version");
  if (version !== "v0" && version !== "v1") throw new Error(`an unknown version ${version}`);
  if (found.env !== undefined) throw new Error(`${textOf(found, "note")} needs an environment`);
  const wanted = found.want_result;
  return {
    version,
    category: textOf(found, "category"),
    file: textOf(found, "file"),
    note: textOf(found, "note"),
    query: textOf(found, "query"),
    modules: textsOf(found, "modules"),
    data: isObject(found.data) ? found.data : {},
    input: found.input,
    inputText: optional("input_text"),
    wantResult: Array.isArray(wanted) ? wanted.filter((one) => isObject(one)) : undefined,
    wantErrorCode: optional("want_error_code"),
    wantError: optional("want_error"),
    sortBindings: found.sort_bindings === true,
    strictError: found.strict_error === true,
    experimental: found.experimental_keywords === true,
  };
}

function textOf(from: JsonObject, name: string): string {
  const value = from[name];
  if (typeof value !== "string") throw new Error(`${name} is no string`);
  return value;
}

function textsOf(from: JsonObject, name: string): readonly string[] {
  const list = from[name] ?? [];
  if (!Array.isArray(list)) throw new Error(`${name} is no list`);
  return list.map((item) => {
    if (typeof item !== "string") throw new Error(`${name} holds other things than strings`);
    return item;
  });
}
