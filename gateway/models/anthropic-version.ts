/**
 * Reads which version of Anthropic's API a client speaks, and what that version hasn't got. Answers, events of streams and
 * errors are the same in both. Source: platform.claude.com/docs/en/api/versioning and …/api/migration-2026-10-21.
 */
import type { Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";

export const anthropicVersions = ["2023-06-01", "2026-10-21"] as const;
export type AnthropicVersion = (typeof anthropicVersions)[number];

/** Reads the header; the earlier version where there is none, as clients had it before there were two. */
export function readVersion(header: string | readonly string[] | undefined): AnthropicVersion | Refusal {
  if (header === undefined) return "2023-06-01";
  const known = anthropicVersions.find((one) => one === header);
  return known ?? refuse("invalid_request", `anthropic-version is none of ${anthropicVersions.join(", ")}`);
}

/** What 2026-10-21 took away, even with its default value. */
const sampling = ["temperature", "top_p", "top_k"] as const;

/** Finds the version whose words a body uses: what policy put there may be of the earlier one only. */
export function versionOf(body: JsonObject, spoken: AnthropicVersion): AnthropicVersion {
  return sampling.some((name) => body[name] !== undefined) ? "2023-06-01" : spoken;
}

/** Names the first place of a body that a version hasn't got. */
export function notIn(version: AnthropicVersion, body: JsonObject): string | undefined {
  if (version === "2023-06-01") return undefined;
  const gone = sampling.find((name) => body[name] !== undefined);
  if (gone !== undefined) return gone;
  const { messages } = body;
  for (const [i, message] of listOf(messages).entries()) {
    const { role, content } = isObject(message) ? message : {};
    for (const [k, block] of listOf(content).entries()) {
      const at = `messages[${i}].content[${k}]`;
      if (!isObject(block)) continue;
      if (role === "assistant" && block["type"] === "document") return at;
      if (role === "user" && cites(block)) return `${at}.citations`;
    }
  }
  return undefined;
}

/** Tells whether a text says what it cites: that is for answers. A search result is told by a setting, which stays. */
function cites({ type, citations, content }: JsonObject): boolean {
  if (type === "text") return listOf(citations).length > 0;
  return type === "search_result" && listOf(content).some((one) => isObject(one) && cites(one));
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
