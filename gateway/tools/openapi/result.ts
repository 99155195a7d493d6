/** What an API said, as the result of a tool (MCP 2025-11-25, CallToolResult). */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonRefused, parseJson, stringifyJson } from "../../../sidecar/contract.js";
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

/**
 * Makes a result of the content alone, as it is given by HTTP: looked at and dealt with as any tool's result is.
 */
export function bareResult({ kind, content }: Extract<Sent, { kind: "answered" | "refused" }>): JsonObject {
  const text = textOf(content);
  const structured = content.kind === "json" && isObject(content.value) ? content.value : undefined;
  return {
    content: content.kind === "none" ? [] : [{ type: "text", text }],
    ...(structured === undefined ? {} : { structuredContent: structured }),
    ...(kind === "refused" ? { isError: true } : {}),
  };
}

/** Gives the content that is left of a result; undefined where what is left isn't of its kind any more. */
export function contentLeft(
  { content, structuredContent }: JsonObject,
  before: Content,
): Content | undefined {
  if (before.kind === "none") return before;
  if (structuredContent !== undefined) return { kind: "json", value: structuredContent };
  const [block] = Array.isArray(content) ? content : [];
  const text = isObject(block) ? block["text"] : undefined;
  if (typeof text !== "string") return undefined;
  if (before.kind === "text") return { ...before, text };
  try {
    const value = parseJson(text);
    // an object that lost its structure was cut
    return isObject(before.value) ? undefined : { kind: "json", value };
  } catch (error) {
    if (error instanceof JsonRefused) return undefined;
    throw error;
  }
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
