import { readFileSync } from "node:fs";
import type { ApiKeyConfig } from "./config.js";

/** Reads a configured secret from where it is, each time anew; undefined where the environment hasn't got it. */
export function readSecret(
  source: ApiKeyConfig,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if ("value" in source) return source.value;
  return "env" in source ? environment[source.env] : readFileSync(source.file, "utf8").trim();
}
