/** Converse's words: what becomes of each part of a request and of an answer, and what has none. */
import { describe, expect, test } from "@jest/globals";
import { createConverseReader, readConverse } from "../../../gateway/upstreams/bedrock/read-converse.js";
import { writeConverse } from "../../../gateway/upstreams/bedrock/write-converse.js";
import { writeAnthropicAnswer } from "../../../gateway/models/translate/anthropic-answer.js";
import {
  createAnthropicReader,
  createAnthropicWriter,
} from "../../../gateway/models/translate/anthropic-stream.js";
import { Untranslatable } from "../../../gateway/models/translate/canonical.js";
import { readAnthropicRequest } from "../../../gateway/models/translate/read-anthropic.js";
import type { Json } from "../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../sidecar/contract.js";

const json = (value: unknown): Json => parseJson(JSON.stringify(value));
const plain = (value: Json): unknown => JSON.parse(stringifyJson(value));
const body = (more: object): Json =>
  json({ model: "m", max_tokens: 9, messages: [{ role: "user", content: "hi" }], ...more });
const write = (more: object): unknown => plain(writeConverse(readAnthropicRequest(body(more))));
const said = (content: unknown, role = "user"): object => ({ messages: [{ role, content }] });

describe("a request", () => {
  const schema = { type: "object", properties: { a: { type: "number", minimum: 1.5 } } };
  const asked = {
    messages: [{ role: "user", content: [{ text: "hi" }] }],
    inferenceConfig: { maxTokens: 9 },
  };
  test.each<[string, object, object]>([
    [
      "instructions",
      {
        system: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      { system: [{ text: "a" }, { text: "b" }] },
    ],
    ["a caller's id", { metadata: { user_id: "u-1" } }, { requestMetadata: { user_id: "u-1" } }],
    ["effort", { output_config: { effort: "low" } }, { outputConfig: { effort: "low" } }],
    [
      "a schema of the answer",
      { output_config: { format: { type: "json_schema", schema } } },
      {
        outputConfig: {
          textFormat: { type: "json_schema", structure: { jsonSchema: { schema: JSON.stringify(schema) } } },
        },
      },
    ],
    [
      "a strict tool, any of which must be called",
      { tools: [{ name: "f", input_schema: schema, strict: true }], tool_choice: { type: "any" } },
      {
        toolConfig: {
          tools: [{ toolSpec: { name: "f", inputSchema: { json: schema }, strict: true } }],
          toolChoice: { any: {} },
        },
      },
    ],
    [
      "a PDF, whose name is made harmless",
      said([
        {
          ...{ type: "document", title: "q4/report\n<script>.pdf" },
          source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
        },
      ]),
      {
        messages: [
          {
            role: "user",
            content: [
              { document: { format: "pdf", name: "q4 report script pdf", source: { bytes: "JVBERi0=" } } },
            ],
          },
        ],
      },
    ],
    [
      "what a model thought",
      said(
        [
          { type: "thinking", thinking: "hm", signature: "s" },
          { type: "text", text: "yes" },
        ],
        "assistant",
      ),
      {
        messages: [
          {
            role: "assistant",
            content: [
              { reasoningContent: { reasoningText: { text: "hm", signature: "s" } } },
              { text: "yes" },
            ],
          },
        ],
      },
    ],
  ])("with %s", (_name, more, expected) => {
    expect(write(more)).toEqual({ ...asked, ...expected });
  });

  test.each<[string, object, string]>([
    [
      "one call at a time",
      {
        tools: [{ name: "f", input_schema: {} }],
        tool_choice: { type: "auto", disable_parallel_tool_use: true },
      },
      "tool_choice.disable_parallel_tool_use",
    ],
    ["a caller's id of other signs", { metadata: { user_id: "ü\n" } }, "metadata.user_id"],
    [
      "an image of another kind",
      said([{ type: "image", source: { type: "base64", media_type: "image/tiff", data: "AA" } }]),
      "messages[0].content[0].source",
    ],
    [
      "a document of another kind",
      said([{ type: "document", source: { type: "text", media_type: "text/plain", data: "x" } }]),
      "messages[0]",
    ],
    ["instructions within", said("be kind", "system"), "messages[0].role"],
    ["a budget to think", { thinking: { type: "enabled", budget_tokens: 1024 } }, "thinking"],
  ])("with %s is refused by name", (_name, more, place) => {
    expect(() => write(more)).toThrow(Untranslatable);
    expect(() => write(more)).toThrow(place);
  });
});

const named = { id: "msg_1", model: "m" };
const answer = (content: unknown, more: object = {}): Json =>
  json({
    output: { message: { role: "assistant", content } },
    stopReason: "end_turn",
    usage: {
      inputTokens: 5,
      outputTokens: 2,
      totalTokens: 7,
      cacheReadInputTokens: 3,
      cacheWriteInputTokens: 1,
    },
    metrics: { latencyMs: 1 },
    ...more,
  });

describe("an answer", () => {
  test("keeps its order, its thoughts and what came from a cache", () => {
    const content = [
      { reasoningContent: { reasoningText: { text: "hm", signature: "s" } } },
      { text: "yes" },
      { toolUse: { toolUseId: "t", name: "f", input: { a: 1.5 } } },
    ];
    expect(
      plain(writeAnthropicAnswer(readConverse(answer(content, { stopReason: "tool_use" }), named))),
    ).toEqual({
      ...{ id: "msg_1", type: "message", role: "assistant", model: "m" },
      content: [
        { type: "thinking", thinking: "hm", signature: "s" },
        { type: "text", text: "yes" },
        { type: "tool_use", id: "t", name: "f", input: { a: 1.5 } },
      ],
      ...{ stop_reason: "tool_use", stop_sequence: null },
      usage: {
        ...{ input_tokens: 5, output_tokens: 2 },
        ...{ cache_read_input_tokens: 3, cache_creation_input_tokens: 1 },
      },
    });
  });
  test.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["tool_use", "calls"],
    ["guardrail_intervened", "refused"],
    ["content_filtered", "refused"],
  ])("that ended by %s ended by %s", (stopReason, finish) => {
    expect(readConverse(answer([{ text: "x" }], { stopReason }), named).finish).toBe(finish);
  });
  test.each<[string, Json]>([
    ["a reason that isn't known", answer([{ text: "x" }], { stopReason: "malformed_tool_use" })],
    ["a block that isn't known", answer([{ video: {} }])],
    ["a block of two kinds", answer([{ text: "x", video: {} }])],
    ["thoughts that may not be read", answer([{ reasoningContent: { redactedContent: "AA" } }])],
    [
      "a call that a server made",
      answer([{ toolUse: { toolUseId: "t", name: "f", input: {}, type: "server_tool_use" } }]),
    ],
    ["no message", json({ stopReason: "end_turn" })],
  ])("with %s is none", (_name, value) => {
    expect(() => readConverse(value, named)).toThrow(Untranslatable);
  });
});

describe("a stream", () => {
  const delta = (contentBlockIndex: number, delta: object): [string, object] => [
    "contentBlockDelta",
    { contentBlockIndex, delta },
  ];
  const stop = (contentBlockIndex: number): [string, object] => ["contentBlockStop", { contentBlockIndex }];
  const read = (events: readonly (readonly [string, object])[]) => {
    const reader = createConverseReader(named);
    return [...events.flatMap(([type, value]) => reader.read(type, json(value))), ...reader.end()];
  };
  test("of thoughts and text begins each block, and ends as Anthropic's does", () => {
    const events = read([
      ["messageStart", { role: "assistant" }],
      delta(0, { reasoningContent: { text: "hm" } }),
      delta(0, { reasoningContent: { signature: "s" } }),
      stop(0),
      delta(1, { text: "yes" }),
      stop(1),
      stop(2),
      ["messageStop", { stopReason: "end_turn" }],
      ["metadata", { usage: { inputTokens: 5, outputTokens: 2, totalTokens: 7 } }],
    ]);
    const reader = createAnthropicReader();
    const again = events
      .map(createAnthropicWriter())
      .join("")
      .split("\n\n")
      .filter((text) => text !== "")
      .flatMap((text) => reader.read(parseJson(text.replace(/^event: .*\ndata: /, ""))));
    expect(again.map(({ kind }) => kind)).toEqual([
      ...["begin", "part", "delta", "signature", "partEnd", "part", "delta", "partEnd", "finish"],
    ]);
    expect(reader.end()).toEqual([{ kind: "end" }]);
    expect(again.at(-1)).toMatchObject({ finish: "stop", usage: { input: 5, output: 2 } });
  });
  const start = [
    "contentBlockStart",
    { contentBlockIndex: 0, start: { toolUse: { toolUseId: "t", name: "f" } } },
  ] as const;
  test.each<[string, readonly (readonly [string, object])[]]>([
    ["a block that begins twice", [start, start]],
    ["arguments without a call", [delta(0, { toolUse: { input: "{}" } })]],
    ["text within a call", [start, delta(0, { text: "x" })]],
    ["a start that isn't known", [["contentBlockStart", { contentBlockIndex: 0, start: { image: {} } }]]],
    [
      "a start without a number",
      [["contentBlockStart", { start: { toolUse: { toolUseId: "t", name: "f" } } }]],
    ],
    ["an event that isn't known", [["contentBlockDone", {}]]],
    ["another's role", [["messageStart", { role: "user" }]]],
    ["no end", [delta(0, { text: "x" })]],
  ])("with %s is none", (_name, events) => {
    expect(() => read(events)).toThrow(Untranslatable);
  });
});
