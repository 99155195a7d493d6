/** Takes what is said to a model, and what it says, apart into texts and media, by who said them. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson } from "../../sidecar/contract.js";
import type { Role } from "./detector.js";
import type { Media } from "./media.js";
import {
  bytesOf,
  geminiMedium,
  isOpaque,
  isText,
  mediaOfBlock,
  mediaOfPart,
  mediaTypeOf,
  sizeOf,
} from "./media.js";

export interface RequestParts {
  readonly texts: readonly { readonly role: Role; readonly text: string }[];
  readonly media: readonly Media[];
}

const roleOf: Readonly<Record<string, Role>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
  model: "assistant",
  tool: "tool",
  function: "tool",
};
/** Whose words a field of a request holds that has no messages. */
const roleOfField: Readonly<Record<string, Role>> = {
  ...{ system: "system", instructions: "system", systemInstruction: "system" },
  ...{ input: "user", prompt: "user", suffix: "user", content: "user", contents: "user", requests: "user" },
};
/** Blocks within messages that others than the message's author wrote. */
const roleOfBlock: Readonly<Record<string, Role>> = {
  tool_result: "tool",
  mcp_tool_result: "tool",
  function_call_output: "tool",
  custom_tool_call_output: "tool",
  computer_call_output: "tool",
  local_shell_call_output: "tool",
  code_execution_tool_result: "tool",
  bash_code_execution_tool_result: "tool",
  text_editor_code_execution_tool_result: "tool",
  tool_search_tool_result: "tool",
  search_result: "retrieved",
  document: "retrieved",
  web_search_tool_result: "retrieved",
  web_fetch_tool_result: "retrieved",
  web_search_call: "retrieved",
  file_search_call: "retrieved",
};
/** Fields of Gemini's parts and answers that others than the author wrote. */
const roleOfPart: Readonly<Record<string, Role>> = {
  functionResponse: "tool",
  codeExecutionResult: "tool",
  toolResponse: "tool",
  groundingMetadata: "retrieved",
  citationMetadata: "retrieved",
  urlContextMetadata: "retrieved",
};
/** What an answer is put together by: made by providers, and no text. */
const notSaid = new Set([
  ...[
    "id",
    "object",
    "created",
    "created_at",
    "completed_at",
    "model",
    "modelVersion",
    "responseId",
    "status",
  ],
  ...["item_id", "call_id", "tool_call_id", "previous_response_id", "response_id", "sequence_number"],
  ...["system_fingerprint", "service_tier", "usage", "usageMetadata", "obfuscation", "signature"],
  ...["thoughtSignature", "embedding", "values", "stop_reason", "finish_reason", "finishReason"],
]);

/** Within values that tools take, no name means anything; within a medium, its bytes are counted already. */
type Within = "request" | "values" | "medium";

/** Names as programs choose them; longer ones may be content. */
const plainName = /^[A-Za-z_$][\w$-]{0,14}$/;

/** Reads all that a body says: every string and number in it is a text, or counted as media. */
export function readParts(body: JsonObject): RequestParts {
  const { texts, media, walk } = createReader(new Set());
  for (const [name, value] of Object.entries(body)) {
    if (name === "messages" && Array.isArray(value)) {
      for (const message of value) {
        const said = isObject(message) ? message["role"] : undefined;
        walk(message, own(roleOf, typeof said === "string" ? said : "") ?? "other");
      }
    } else if (name !== "model") walk(value, own(roleOfField, name) ?? "other");
  }
  return { texts, media };
}

/** Reads all that an answer, or a part of one, says. */
export function readAnswer(answer: Json): RequestParts {
  const { texts, media, walk } = createReader(notSaid);
  walk(answer, "assistant");
  return { texts, media };
}

/** Reads what a tool is called with. */
export function readValues(value: Json): RequestParts["texts"] {
  const { texts, walk } = createReader(new Set());
  walk(value, "assistant", "values");
  return texts;
}

interface Reader extends RequestParts {
  walk(value: Json, role: Role, within?: Within): void;
}

/** @param skipped names of what isn't said by anybody */
function createReader(skipped: ReadonlySet<string>): Reader {
  const texts: { role: Role; text: string }[] = [];
  const media: Media[] = [];

  function walk(value: Json, role: Role, within: Within): void {
    if (typeof value === "string") {
      if (value !== "") texts.push({ role, text: value });
    } else if (typeof value === "number" || value instanceof JsonNumber) {
      const text = value instanceof JsonNumber ? value.text : String(value);
      if (text.length >= 7) texts.push({ role, text });
    } else if (Array.isArray(value)) for (const item of value) walk(item, role, within);
    else if (isObject(value)) walkObject(value, role, within);
  }

  function walkObject(object: JsonObject, outer: Role, within: Within): void {
    const { type } = object;
    const block = within !== "values" && typeof type === "string" ? type : "";
    const role = own(roleOfBlock, block) ?? outer;
    const kind = own(mediaOfBlock, block);
    let inside = within;
    if (kind !== undefined && !isText(object)) {
      media.push({ role, kind, type: mediaTypeOf(object), ...sizeOf(object, 3) });
      inside = "medium";
    }
    for (const [name, value] of Object.entries(object)) {
      if (inside !== "values" && skipped.has(name)) continue;
      if (!plainName.test(name)) texts.push({ role, text: name });
      if (inside !== "values" && isWord(name, value)) continue;
      if (inside === "request" && mediaOfPart.includes(name) && isObject(value)) {
        media.push({ role, ...geminiMedium(value) });
        walk(value, role, "medium");
        continue;
      }
      if (block === "image_generation_call" && name === "result") continue;
      if (inside !== "values" && type !== "text" && isOpaque(name, value)) {
        // INVARIANT: what isn't read is counted
        if (inside !== "medium") {
          media.push({ role, kind: "files", type: "unknown", bytes: bytesOf(value) });
        }
      } else if (name === "arguments" && typeof value === "string") walkJson(value, role);
      else {
        const written = inside === "request" ? own(roleOfPart, name) : undefined;
        walk(value, written ?? role, isValues(object, name) ? "values" : inside);
      }
    }
  }

  function walkJson(text: string, role: Role): void {
    try {
      walk(parseJson(text), role, "values");
    } catch {
      walk(text, role, "values");
    }
  }

  return {
    texts,
    media,
    walk(value, role, within = "request") {
      walk(value, role, within);
    },
  };
}

/** What says how a request is put together; a word of these letters is nothing that is looked for. */
const isWord = (name: string, value: Json): boolean =>
  (name === "role" || name === "type") && typeof value === "string" && /^[a-z_]{1,32}$/.test(value);

/** What a call of a tool brings. */
const isValues = ({ type }: JsonObject, name: string): boolean =>
  name === "arguments" || name === "args" || (name === "input" && typeof type === "string");

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
