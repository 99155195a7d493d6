import type { SidecarConfig } from "../config.js";
import { parseSidecarConfig } from "../config.js";
import { applySets, substituteVariables } from "../config/overlay.js";
import type { Json } from "../contract.js";
import { parseJson } from "../contract.js";

/** Reads a configuration with what was set beside it. @throws ConfigRefused with every problem by its place */
export function readConfig(
  { config, sets }: { readonly config: Json; readonly sets: readonly string[] },
  environment: Readonly<Record<string, string | undefined>>,
): SidecarConfig {
  const json = substituteVariables(applySets(config, sets, parseJson), environment);
  return parseSidecarConfig(json, undefined, environment);
}
