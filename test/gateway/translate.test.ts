/** OpenAI's protocol and Anthropic's, by way of what they have in common: nothing is lost, or it is refused by name. */
import { describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import {
  readAnthropicAnswer,
  writeAnthropicAnswer,
} from "../../gateway/models/translate/anthropic-answer.js";
import {
  createAnthropicReader,
  createAnthropicWriter,
} from "../../gateway/models/translate/anthropic-stream.js";
import type {
  AnswerEvent,
  Message,
  ModelAnswer,
  ModelRequest,
  Part,
} from "../../gateway/models/translate/canonical.js";
import { Untranslatable } from "../../gateway/models/translate/canonical.js";
import { readOpenAiAnswer, writeOpenAiAnswer } from "../../gateway/models/translate/openai-answer.js";
import { createOpenAiReader, createOpenAiWriter } from "../../gateway/models/translate/openai-stream.js";
import { readAnthropicRequest } from "../../gateway/models/translate/read-anthropic.js";
import { readOpenAiRequest } from "../../gateway/models/translate/read-openai.js";
import { writeAnthropicRequest } from "../../gateway/models/translate/write-anthropic.js";
import { writeOpenAiRequest } from "../../gateway/models/translate/write-openai.js";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";

const json = (value: unknown): Json => parseJson(JSON.stringify(value));
const plain = (value: Json): unknown => JSON.parse(stringifyJson(value));
const toAnthropic = (body: unknown): unknown =>
  plain(writeAnthropicRequest(readOpenAiRequest(json(body)), 4096));
const toOpenAi = (body: unknown): unknown => plain(writeOpenAiRequest(readAnthropicRequest(json(body))));

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const pixel = "iVBORw0KGgo=";

describe("a request of OpenAI's becomes Anthropic's", () => {
  test("with all that both know", () => {
    expect(
      toAnthropic({
        model: "claude",
        max_completion_tokens: 100,
        temperature: 0.5,
        top_p: 0.9,
        stop: ["END"],
        user: "u-1",
        n: 1,
        stream: true,
        stream_options: { include_usage: true },
        parallel_tool_calls: false,
        tool_choice: { type: "function", function: { name: "weather" } },
        tools: [{ type: "function", function: { name: "weather", description: "d", parameters: schema } }],
        messages: [
          { role: "system", content: "be kind" },
          { role: "developer", content: [{ type: "text", text: "be short" }] },
          {
            role: "user",
            content: [
              { type: "text", text: "what is it?" },
              { type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } },
              { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "auto" } },
              {
                type: "file",
                file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${pixel}` },
              },
            ],
          },
          {
            role: "assistant",
            content: "let me see",
            tool_calls: [
              { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } },
              { id: "c2", type: "function", function: { name: "weather", arguments: "" } },
            ],
          },
          { role: "tool", tool_call_id: "c1", content: "sunny" },
          { role: "tool", tool_call_id: "c2", content: [{ type: "text", text: "none" }] },
          { role: "user", content: "thanks" },
        ],
      }),
    ).toEqual({
      model: "claude",
      max_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      stop_sequences: ["END"],
      metadata: { user_id: "u-1" },
      stream: true,
      system: [
        { type: "text", text: "be kind" },
        { type: "text", text: "be short" },
      ],
      tool_choice: { type: "tool", name: "weather", disable_parallel_tool_use: true },
      tools: [{ name: "weather", description: "d", input_schema: schema }],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "what is it?" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } },
            { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
            {
              type: "document",
              source: { type: "base64", media_type: "application/pdf", data: pixel },
              title: "a.pdf",
            },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "text", text: "let me see" },
            { type: "tool_use", id: "c1", name: "weather", input: { city: "Bern" } },
            { type: "tool_use", id: "c2", name: "weather", input: {} },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "c1", content: "sunny" },
            { type: "tool_result", tool_use_id: "c2", content: "none" },
          ],
        },
        { role: "user", content: "thanks" },
      ],
    });
  });

  test("with what came later to both", () => {
    const openAi = {
      model: "m",
      max_completion_tokens: 5,
      reasoning_effort: "high",
      response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: true } },
      messages: [
        { role: "user", content: "x" },
        { role: "system", content: "late" },
      ],
    };
    const anthropic = {
      model: "m",
      max_tokens: 5,
      output_config: { effort: "high", format: { type: "json_schema", schema } },
      messages: [
        { role: "user", content: "x" },
        { role: "system", content: "late" },
      ],
    };
    expect(toAnthropic(openAi)).toEqual(anthropic);
    expect(toOpenAi({ ...anthropic, cache_control: { type: "ephemeral" } })).toEqual(openAi);
  });

  test("and numbers stay as they came", () => {
    const body = parseJson('{"model":"m","temperature":0.10,"messages":[{"role":"user","content":"x"}]}');
    expect(stringifyJson(writeAnthropicRequest(readOpenAiRequest(body), 7))).toContain('"temperature":0.10');
  });

  const ask = { model: "m", messages: [{ role: "user", content: "x" }] };
  const call = (text: string) => ({
    role: "assistant",
    tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: text } }],
  });
  const refused: readonly (readonly [place: string, body: object])[] = [
    ["n", { ...ask, n: 2 }],
    ["seed", { ...ask, seed: 1 }],
    ["logit_bias", { ...ask, logit_bias: {} }],
    ["logprobs", { ...ask, logprobs: true }],
    ["presence_penalty", { ...ask, presence_penalty: 0.1 }],
    ["store", { ...ask, store: true }],
    ["service_tier", { ...ask, service_tier: "priority" }],
    ["reasoning_effort", { ...ask, reasoning_effort: "minimal" }],
    ["temperature", { ...ask, temperature: 1.5 }],
    ["max_tokens", { ...ask, max_tokens: 5, max_completion_tokens: 6 }],
    ["response_format.type", { ...ask, response_format: { type: "json_object" } }],
    ["stream_options.include_obfuscation", { ...ask, stream_options: { include_obfuscation: true } }],
    ["tools[0].type", { ...ask, tools: [{ type: "custom", custom: { name: "x" } }] }],
    ["tool_choice", { ...ask, tool_choice: "always" }],
    ["a field", { ...ask, "secret value": 1 }],
    ["response_format.json_schema", { ...ask, response_format: { type: "json_schema" } }],
    ["messages[0].role", { ...ask, messages: [{ role: "function", name: "f", content: "x" }] }],
    ["messages[0].name", { ...ask, messages: [{ role: "user", name: "ann", content: "x" }] }],
    [
      "messages[0].content[0].type",
      { ...ask, messages: [{ role: "user", content: [{ type: "input_audio" }] }] },
    ],
    [
      "messages[0].content[0].image_url.detail",
      {
        ...ask,
        messages: [
          { role: "user", content: [{ type: "image_url", image_url: { url: "https://x", detail: "high" } }] },
        ],
      },
    ],
    [
      "messages[0].content[0].image_url.url",
      {
        ...ask,
        messages: [
          { role: "user", content: [{ type: "image_url", image_url: { url: "file:///etc/passwd" } }] },
        ],
      },
    ],
    ["messages[0].tool_calls[0].function.arguments", { ...ask, messages: [call("[1]")] }],
    ["messages[0].tool_calls[0].function.arguments", { ...ask, messages: [call('{"a":1,"a":2}')] }],
    ["messages[0].tool_calls[0].function.arguments", { ...ask, messages: [call("{")] }],
    ["messages[0].audio", { ...ask, messages: [{ role: "assistant", content: "x", audio: { id: "a" } }] }],
  ];
  test.each(refused)("but %s is refused by name", (place, body) => {
    expect(() => toAnthropic(body)).toThrow(new Untranslatable(place));
  });
});

describe("a request of Anthropic's becomes OpenAI's", () => {
  test("with all that both know", () => {
    expect(
      toOpenAi({
        model: "gpt",
        max_tokens: 100,
        system: [{ type: "text", text: "be kind", cache_control: { type: "ephemeral" } }],
        stop_sequences: ["END"],
        stream: true,
        thinking: { type: "disabled" },
        tools: [{ name: "weather", input_schema: schema, cache_control: { type: "ephemeral" } }],
        tool_choice: { type: "any", disable_parallel_tool_use: true },
        messages: [
          { role: "user", content: "hi" },
          {
            role: "assistant",
            content: [
              { type: "text", text: "let me see" },
              { type: "tool_use", id: "c1", name: "weather", input: { city: "Bern" } },
            ],
          },
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "c1",
                content: [{ type: "text", text: "no" }],
                is_error: true,
              },
              { type: "text", text: "and?" },
              { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } },
            ],
          },
        ],
      }),
    ).toEqual({
      model: "gpt",
      max_completion_tokens: 100,
      stop: ["END"],
      stream: true,
      stream_options: { include_usage: true },
      parallel_tool_calls: false,
      tool_choice: "required",
      tools: [{ type: "function", function: { name: "weather", parameters: schema } }],
      messages: [
        { role: "system", content: "be kind" },
        { role: "user", content: "hi" },
        {
          role: "assistant",
          content: "let me see",
          tool_calls: [
            { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Bern"}' } },
          ],
        },
        { role: "tool", tool_call_id: "c1", content: '{"is_error":true,"content":"no"}' },
        {
          role: "user",
          content: [
            { type: "text", text: "and?" },
            { type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } },
          ],
        },
      ],
    });
  });

  const ask = { model: "m", max_tokens: 5, messages: [{ role: "user", content: "x" }] };
  const says = (role: string, ...content: object[]) => ({ ...ask, messages: [{ role, content }] });
  const refused: readonly (readonly [place: string, body: object])[] = [
    ["top_k", { ...ask, top_k: 5 }],
    ["thinking.type", { ...ask, thinking: { type: "enabled", budget_tokens: 1024 } }],
    ["container", { ...ask, container: "c" }],
    ["mcp_servers", { ...ask, mcp_servers: [] }],
    ["tools[0].type", { ...ask, tools: [{ type: "bash_20250124", name: "bash" }] }],
    ["tool_choice", { ...ask, tool_choice: { type: "tool" } }],
    ["output_config.effort", { ...ask, output_config: { effort: "max" } }],
    ["inference_geo", { ...ask, inference_geo: "us" }],
    ["messages[0].role", { ...ask, messages: [{ role: "tool", content: "x" }] }],
    [
      "messages[0].content[0].source",
      says("user", { type: "image", source: { type: "file", file_id: "f" } }),
    ],
    [
      "messages[0].content[0].context",
      says("user", {
        type: "document",
        context: "c",
        source: { type: "base64", media_type: "application/pdf", data: pixel },
      }),
    ],
    ["messages[0].content[0].type", says("assistant", { type: "redacted_thinking", data: "x" })],
    [
      "messages[0].content[0].type",
      says("assistant", { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
    ],
    ["messages[0].content[0]", says("assistant", { type: "thinking", thinking: "hm", signature: "s" })],
    [
      "messages[0].content[1]",
      says("assistant", { type: "tool_use", id: "c", name: "f", input: {} }, { type: "text", text: "after" }),
    ],
    [
      "messages[0].content[1]",
      says("user", { type: "text", text: "before" }, { type: "tool_result", tool_use_id: "c", content: "x" }),
    ],
  ];
  test.each(refused)("but %s is refused by name", (place, body) => {
    expect(() => toOpenAi(body)).toThrow(new Untranslatable(place));
  });
});

const word = fc.stringMatching(/^[a-zA-Z0-9 .\u00e4\u{1f600}]{1,12}$/u);
const id = fc.stringMatching(/^[a-z0-9_]{1,12}$/);
const textPart = word.map((text): Part => ({ kind: "text", text }));
const callPart = fc.record({ id, name: id, city: word }).map(({ id: of, name, city }): Part => ({
  kind: "call",
  id: of,
  name,
  arguments: json({ city }) as never,
}));
const answered = fc
  .tuple(fc.array(textPart, { maxLength: 1 }), fc.array(callPart, { maxLength: 3 }))
  .filter(([texts, calls]) => texts.length + calls.length > 0)
  .map(([texts, calls]) => [...texts, ...calls]);
const usage = fc.record({ input: fc.nat(1_000), output: fc.nat(1_000) });
const answers: fc.Arbitrary<ModelAnswer> = fc
  .record({ id, model: id, parts: answered, usage })
  .map((answer) => ({
    ...answer,
    finish: answer.parts.some(({ kind }) => kind === "call") ? "calls" : "stop",
  }));
const requests: fc.Arbitrary<ModelRequest> = fc
  .record({
    model: id,
    system: fc.array(word, { maxLength: 2 }),
    turns: fc.array(fc.tuple(fc.array(textPart, { minLength: 1, maxLength: 3 }), answered), { maxLength: 3 }),
    maxTokens: fc.integer({ min: 1, max: 9_999 }),
    stop: fc.array(word, { maxLength: 2 }),
    stream: fc.boolean(),
  })
  .map(({ turns, ...rest }) => ({
    ...rest,
    messages: turns.flatMap(([asked, said]): Message[] => [
      { role: "user", parts: asked },
      { role: "assistant", parts: said },
    ]),
    tools: [],
    streamUsage: rest.stream,
  }));

/** The same, for a comparison: what came by way of text is the same value, not the same object. */
const normal = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("there and back", () => {
  test("a request is the same by either protocol", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const openAi = readOpenAiRequest(json(plain(writeOpenAiRequest(request))));
        expect(normal(openAi)).toEqual(normal(request));
        const anthropic = readAnthropicRequest(json(plain(writeAnthropicRequest(request, 1))));
        expect(normal({ ...anthropic, streamUsage: request.streamUsage })).toEqual(normal(request));
      }),
    );
  });

  test("an answer is the same by either protocol", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        expect(normal(readOpenAiAnswer(json(plain(writeOpenAiAnswer(answer, 1)))))).toEqual(normal(answer));
        const anthropic = readAnthropicAnswer(json(plain(writeAnthropicAnswer(answer))));
        expect(normal(anthropic)).toEqual(
          normal({ ...answer, usage: { ...answer.usage, cacheRead: 0, cacheWritten: 0 } }),
        );
      }),
    );
  });
});

/** An answer as events, its texts cut where the numbers say. */
function stream({ id: of, model, parts, finish, usage: used }: ModelAnswer, cut: number): AnswerEvent[] {
  const events: AnswerEvent[] = [{ kind: "begin", id: of, model }];
  for (const [index, part] of parts.entries()) {
    if (part.kind !== "text" && part.kind !== "call") continue;
    const begun =
      part.kind === "call" ? { kind: part.kind, id: part.id, name: part.name } : { kind: part.kind };
    events.push({ kind: "part", index, part: begun });
    const signs = [...(part.kind === "call" ? stringifyJson(part.arguments) : part.text)];
    for (let i = 0; i < signs.length; i += cut) {
      events.push({ kind: "delta", index, text: signs.slice(i, i + cut).join("") });
    }
    events.push({ kind: "partEnd", index });
  }
  return [...events, { kind: "finish", finish, usage: used }, { kind: "end" }];
}

const dataOf = (sse: string): string[] => [...sse.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => data);

/** What events come to, however they were cut. */
function gather(events: readonly AnswerEvent[]): unknown {
  const texts: string[] = [];
  const parts: unknown[] = [];
  let finish: unknown;
  let used: unknown;
  for (const event of events) {
    if (event.kind === "part") parts[event.index] = event.part;
    if (event.kind === "delta") texts[event.index] = (texts[event.index] ?? "") + event.text;
    if (event.kind === "finish") finish = event.finish;
    if ((event.kind === "finish" || event.kind === "usage") && event.usage !== undefined) {
      used = { input: event.usage.input, output: event.usage.output };
    }
  }
  return { parts, texts, finish, used, last: events.at(-1)?.kind };
}

describe("a stream", () => {
  test("says the same by either protocol, wherever it is cut", () => {
    fc.assert(
      fc.property(answers, fc.integer({ min: 1, max: 5 }), (answer, cut) => {
        const events = stream(answer, cut);
        const openAiWriter = createOpenAiWriter(1, true);
        const chunks = dataOf(events.map(openAiWriter).join(""));
        expect(chunks.pop()).toBe("[DONE]");
        const reader = createOpenAiReader();
        const byOpenAi = [...chunks.flatMap((text) => reader.read(parseJson(text))), ...reader.end()];
        expect(gather(byOpenAi)).toEqual(gather(events));

        // from one protocol to the other and back
        const anthropicReader = createAnthropicReader();
        const named = dataOf(byOpenAi.map(createAnthropicWriter()).join(""));
        const byAnthropic = [
          ...named.flatMap((text) => anthropicReader.read(parseJson(text))),
          ...anthropicReader.end(),
        ];
        expect(gather(byAnthropic)).toEqual(gather(events));
      }),
    );
  });

  const chunk = (delta: object, finish: string | null = null) =>
    json({ id: "c", model: "m", choices: [{ index: 0, delta, finish_reason: finish }] });
  const call = (index: number, more: object = {}) =>
    chunk({
      tool_calls: [
        { index, id: `c${index}`, type: "function", function: { name: "f", arguments: "{" }, ...more },
      ],
    });
  const broken: readonly (readonly [string, () => unknown])[] = [
    ["that ends without a reason", () => createOpenAiReader().end()],
    ["that ends without its end", () => createAnthropicReader().end()],
    ["with a reason that nobody knows", () => createOpenAiReader().read(chunk({}, "bored"))],
    [
      "that goes back to an earlier call",
      () => {
        const reader = createOpenAiReader();
        return [call(0), call(1), call(0)].map((data) => reader.read(data));
      },
    ],
    [
      "of a second choice",
      () => createOpenAiReader().read(json({ id: "c", model: "m", choices: [{ index: 1, delta: {} }] })),
    ],
    ["of an unknown event", () => createAnthropicReader().read(json({ type: "surprise" }))],
    [
      "of a block that both don't know",
      () =>
        createAnthropicReader().read(
          json({
            type: "content_block_start",
            index: 0,
            content_block: { type: "server_tool_use", id: "x", name: "y" },
          }),
        ),
    ],
    [
      "that pauses",
      () =>
        createAnthropicReader().read(json({ type: "message_delta", delta: { stop_reason: "pause_turn" } })),
    ],
  ];
  test.each(broken.map(([name, read]) => ({ name, read })))("$name is refused", ({ read }) => {
    expect(read).toThrow(Untranslatable);
  });
});
