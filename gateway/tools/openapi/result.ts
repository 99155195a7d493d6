/** What an API said, as the result of a tool (MCP 2025-11-25, CallToolResult). */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { Content, Sent } from "./send.js";

/** Makes the result of a tool. */
export function resultOf(sent: Extract<Sent, { kind: "answered" | "refused" }>): JsonObject {
  const { status, content } = sent;
  if (sent.kind === "refused") {
    const said = textOf(content);
    const text = `the API refused the request with status ${status}${said === "" ? "" : `: ${said}`}`;
    return { content: [{ type: "text", text }], isError: true };
  }
  const text = textOf(content);
  const structured = content.kind === "json" && isObject(content.value) ? content.value : undefined;
  return {
    content: [{ type: "text", text: text === "" ? `done, with status ${status} and no content` : text }],
    ...(structured === undefined ? {} : { structuredContent: structured }),
  };
}

/** Makes the result of a tool that wasn't used. */
export function failure(text: string): JsonObject {
  const content: Json[] = [{ type: "text", text }];
  return { content, isError: true };
}

function textOf(content: Content): string {
  if (content.kind === "json") return stringifyJson(content.value);
  return content.kind === "text" ? content.text : "";
}
