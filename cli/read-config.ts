import { readFileSync } from "node:fs";
import yaml from "js-yaml";
import type { Json } from "../sidecar/contract.js";
import { parseJson } from "../sidecar/contract.js";
import { UsageError } from "./main.js";

/** Reads a YAML or JSON configuration file. @throws UsageError that names the file and the place. */
export function readConfigFile(path: string | undefined): Json {
  if (path === undefined) return {};
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new UsageError(`cannot read the configuration file ${path}`);
  }
  try {
    return path.endsWith(".json")
      ? parseJson(text)
      : ((yaml.load(text, { schema: yaml.CORE_SCHEMA }) ?? {}) as Json);
  } catch (error) {
    const mark = (error as { mark?: { line: number; column: number } }).mark;
    const place = mark === undefined ? "" : `:${mark.line + 1}:${mark.column + 1}`;
    throw new UsageError(`${path}${place}: not valid YAML or JSON`);
  }
}
