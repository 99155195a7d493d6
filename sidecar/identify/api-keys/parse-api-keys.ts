import type { Fields, Problems } from "../../contract.js";
import type { ApiKeysConfig } from "./api-keys.js";
import { longestPrefix, prefixForm } from "./format.js";

/** Parses `identity.api_keys`; undefined where it is absent. */
export function parseApiKeys(identity: Fields, problems: Problems): ApiKeysConfig | undefined {
  if (identity.raw("api_keys") === undefined) return undefined;
  const fields = identity.nested("api_keys");
  const config = { file: fields.required("file"), prefix: fields.string("prefix") ?? "cs_live" };
  if (!prefixForm.test(config.prefix) || config.prefix.length > longestPrefix) {
    problems.add(
      fields.at("prefix"),
      `must be lower-case words joined by _, at most ${longestPrefix} characters`,
    );
  }
  fields.end();
  return config;
}
