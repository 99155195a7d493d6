/** `mask` by JSON pointers, in requests and answers of each protocol: to the letter, or a deny. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { maskEvents, maskAnswer } from "../../gateway/content/mask-answer.js";
import type { AnswerForm } from "../../gateway/content/answer/words.js";
import type { Masking } from "../../gateway/content/mask-text.js";
import { maskText, patternsOf } from "../../gateway/content/mask-text.js";
import { enforce } from "../../gateway/enforce/enforce.js";
import { readMasking } from "../../gateway/enforce/mask.js";
import { modelDuties } from "../../gateway/enforce/registry.js";
import { anthropic } from "../../gateway/models/anthropic.js";
import { geminiWords } from "../../gateway/models/operations/gemini-words.js";
import { responses } from "../../gateway/models/operations/responses.js";
import { openai } from "../../gateway/models/openai.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { forms, requests, streamed, textOf, whole } from "./answers-lab.js";
import { snippets } from "./content-set.js";
import type { World } from "./world.js";
import { chatBody, json, post, startWorld } from "./world.js";

const email = "jane.doe@mail.example.com";
const parse = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject;
const words = {
  openai: openai.words,
  anthropic: anthropic.words,
  gemini: geminiWords,
  responses: responses.words,
};

const mask = (form: AnswerForm, properties: object, body: unknown): unknown => {
  const obligation = { id: "o", type: "mask", properties: parse({ phase: "request", ...properties }) };
  const before = parse(body);
  const text = stringifyJson(before);
  const out = enforce(before, [obligation], modelDuties, words[form]);
  // what was decided on stays as it was
  expect(stringifyJson(before)).toBe(text);
  return out === undefined ? undefined : JSON.parse(stringifyJson(out));
};

const call = (given: string) => ({
  role: "assistant",
  tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: given } }],
});
const png = "data:image/png;base64,AAAA";

interface Case {
  readonly name: string;
  readonly on: AnswerForm;
  readonly properties: object;
  readonly body: object;
  readonly becomes: object | undefined;
}
const cases: readonly Case[] = [
  {
    name: "all texts of messages",
    on: "openai",
    properties: { pointers: ["/messages/*/content"] },
    body: { model: "m", messages: [{ role: "user", content: "a" }, call('{"x":1}')], user: "u" },
    becomes: { model: "m", messages: [{ role: "user", content: "[masked]" }, call('{"x":1}')], user: "u" },
  },
  {
    name: "the first message's, and a field",
    on: "openai",
    properties: { pointers: ["/messages/0/content", "/user"], replacement: "-" },
    body: {
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: "b" },
      ],
      user: "u",
    },
    becomes: {
      messages: [
        { role: "user", content: "-" },
        { role: "user", content: "b" },
      ],
      user: "-",
    },
  },
  {
    name: "parts, but what they are",
    on: "openai",
    properties: { pointers: ["/messages/*/content"] },
    body: { messages: [{ role: "user", content: [{ type: "text", text: "a" }] }] },
    becomes: { messages: [{ role: "user", content: [{ type: "text", text: "[masked]" }] }] },
  },
  {
    name: "patterns there, and not elsewhere",
    on: "openai",
    properties: { pointers: ["/messages/*/content"], patterns: ["email"] },
    body: { messages: [{ role: "user", content: `to ${email}` }], user: email },
    becomes: { messages: [{ role: "user", content: "to [email]" }], user: email },
  },
  {
    name: "arguments stay JSON",
    on: "openai",
    properties: { pointers: ["/messages/*/tool_calls/*/function/arguments"] },
    body: { messages: [call('{"to":"x","n":4,"deep":[{"a":"b"}]}')] },
    becomes: { messages: [call('{"to":"[masked]","n":"[masked]","deep":[{"a":"[masked]"}]}')] },
  },
  {
    name: "one of the arguments",
    on: "openai",
    properties: { pointers: ["/messages/*/tool_calls/*/function/arguments/to"] },
    body: { messages: [call('{"to":"x","cc":"y"}')] },
    becomes: { messages: [call('{"to":"[masked]","cc":"y"}')] },
  },
  {
    name: "a name with a slash",
    on: "anthropic",
    properties: { pointers: ["/messages/*/content/*/input/a~1b~0c"] },
    body: {
      messages: [
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "t", name: "f", input: { "a/b~c": "x", d: "y" } }],
        },
      ],
    },
    becomes: {
      messages: [
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "t", name: "f", input: { "a/b~c": "[masked]", d: "y" } }],
        },
      ],
    },
  },
  {
    name: "instructions",
    on: "anthropic",
    properties: { pointers: ["/system"] },
    body: { system: [{ type: "text", text: "s" }], messages: [{ role: "user", content: "a" }] },
    becomes: { system: [{ type: "text", text: "[masked]" }], messages: [{ role: "user", content: "a" }] },
  },
  {
    name: "Gemini's parts",
    on: "gemini",
    properties: { pointers: ["/contents/*/parts/*/text", "/systemInstruction/parts"] },
    body: {
      contents: [{ role: "user", parts: [{ text: "a" }] }],
      systemInstruction: { parts: [{ text: "s" }] },
    },
    becomes: {
      contents: [{ role: "user", parts: [{ text: "[masked]" }] }],
      systemInstruction: { parts: [{ text: "[masked]" }] },
    },
  },
  {
    name: "outputs of calls",
    on: "responses",
    properties: { pointers: ["/input/*/output"] },
    body: {
      input: [
        { type: "function_call_output", call_id: "c", output: "x" },
        { role: "user", content: "a" },
      ],
    },
    becomes: {
      input: [
        { type: "function_call_output", call_id: "c", output: "[masked]" },
        { role: "user", content: "a" },
      ],
    },
  },
  {
    name: "what isn't there",
    on: "openai",
    properties: { pointers: ["/user", "/messages/9/content"] },
    body: { messages: [{ role: "user", content: "a" }] },
    becomes: { messages: [{ role: "user", content: "a" }] },
  },
  {
    name: "an image isn't shown because it is none of the texts",
    on: "openai",
    properties: { pointers: ["/messages/*/content"] },
    body: { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: png } }] }] },
    becomes: undefined,
  },
  {
    name: "an image's address neither",
    on: "openai",
    properties: { pointers: ["/messages/*/content"] },
    body: {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://x.example" } }] }],
    },
    becomes: undefined,
  },
  {
    name: "arguments that aren't JSON",
    on: "openai",
    properties: { pointers: ["/messages/*/tool_calls/*/function/arguments/to"] },
    body: { messages: [call('{"to":"x"')] },
    becomes: undefined,
  },
  {
    name: "a name where a list is",
    on: "openai",
    properties: { pointers: ["/messages/content"] },
    body: { messages: [{ role: "user", content: "a" }] },
    becomes: undefined,
  },
];

test.each(cases)("$name ($on)", ({ on, properties, body, becomes }) => {
  expect(mask(on, properties, body)).toEqual(becomes);
});

describe("can't be done", () => {
  const attacks: readonly (readonly [on: AnswerForm, pointers: unknown])[] = [
    ...(
      [
        ...["/model", "/stream", "/temperature", "/messages/*/role", "/messages/*/content/*/type", "/n"],
        ...["/messages/*/tool_calls/*/id", "/messages/*/tool_calls/*/function/name", "/messages/*/name"],
        ...["/tools/*/function/parameters", "/messages/*/tool_call_id", "/metadata/__proto__", "/__proto__"],
        ...["/messages/__proto__/content", "/messages/constructor", "/messages/*/content/prototype"],
        ...["", "/", "//", "messages", "#/messages", "/messages/", "/messages//content", "/messages/-"],
        ...[
          "/messages/~2",
          "/messages/~",
          "/messages~1*~1content",
          "/*",
          "/*/*/content",
          "/messages/00/content",
        ],
        ...["/messages/-1/content", "/messages/1e3/content", "/messages/٣/content", "/Messages/*/content"],
        ...["/message/*/content", "/messages/*/contents", "/input", "/contents/*/parts"],
        `/messages${"/content".repeat(20)}`,
        `/metadata/${"x".repeat(300)}`,
      ] as const
    ).map((pointer) => ["openai", [pointer]] as const),
    ["openai", []],
    ["openai", "/messages"],
    ["openai", [1]],
    ["openai", Array.from({ length: 40 }, () => "/messages")],
    ["anthropic", ["/messages/*/content/*/thinking"]],
    ["anthropic", ["/contents"]],
    ["gemini", ["/messages/*/content"]],
    ["gemini", ["/contents/*/parts/*/inlineData/data"]],
    ["responses", ["/messages/*/content"]],
    ["responses", ["/previous_response_id"]],
  ];
  test.each(attacks)("%s %j", (on, pointers) => {
    const body = { model: "m", messages: [{ role: "user", content: "a" }], contents: [], input: "a" };
    expect(mask(on, { pointers }, body)).toBeUndefined();
  });

  test("without patterns and pointers", () => {
    expect(mask("openai", {}, { messages: [] })).toBeUndefined();
  });
});

const pointers: Readonly<Record<AnswerForm, string>> = {
  openai: "/choices/*/message/content",
  anthropic: "/content/*/text",
  gemini: "/candidates/*/content/parts/*/text",
  responses: "/output/*/content/*/text",
};
const reading = (form: AnswerForm, properties: object): Masking => {
  const { answer = [] } = words[form].said ?? {};
  const masking = readMasking(parse({ phase: "response", ...properties }), "response", answer);
  if (masking === undefined) throw new Error("not understood");
  return masking;
};
const run = async (form: AnswerForm, masking: Masking, text: string, size: number): Promise<string> => {
  async function* cut(): AsyncGenerator<Buffer> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size)
      yield await Promise.resolve(bytes.subarray(at, at + size));
  }
  let out = "";
  for await (const piece of maskEvents(cut(), masking, form, 2 ** 20)) out += piece.toString();
  return out;
};
const cutInto = (text: string, size: number): string[] => {
  const characters = [...text];
  const parts: string[] = [];
  for (let at = 0; at < characters.length; at += size) parts.push(characters.slice(at, at + size).join(""));
  return parts;
};

describe.each(forms)("an answer of %s", (form) => {
  test("a stream says what the masked text says, however it is cut", async () => {
    const masking = { patterns: patternsOf(["pii", "secrets"]) ?? [] };
    const texts = fc.array(fc.constantFrom(...snippets.map(({ text }) => text)), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 400 }),
        async (some, size, bytes) => {
          const text = some.join("\n");
          const out = await run(form, masking, streamed[form](cutInto(text, size)), bytes);
          expect(textOf(out)).toBe(maskText(text, masking));
          const numbers = [...out.matchAll(/"sequence_number":(\d+)/g)].map(([, n]) => Number(n));
          expect(numbers).toEqual(numbers.map((_n, i) => i));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("is hidden by a pointer, whole and streamed", async () => {
    const masking = reading(form, { pointers: [pointers[form]] });
    const answer = stringifyJson(maskAnswer(parse(whole[form]("said")), masking));
    expect([answer.includes("said"), answer.includes("[masked]")]).toEqual([false, true]);
    for (const size of [1, 3, 900]) {
      const out = await run(form, masking, streamed[form](["sa", "i", "d"]), size);
      expect([textOf(out), out.includes("said")]).toEqual(["[masked]", false]);
    }
  });

  test("patterns count where pointers lead", async () => {
    const here = reading(form, { pointers: [pointers[form]], patterns: ["email"] });
    expect(textOf(await run(form, here, streamed[form](cutInto(`to ${email}.`, 4)), 50))).toBe("to [email].");
  });

  test.each([
    ["/model"],
    ["/choices/0/message/content"],
    ["/usage"],
    ["/output/0"],
    ["/content/*/type"],
    ["/id"],
  ])("nothing is hidden by %s", (pointer) => {
    expect(() => reading(form, { pointers: [pointer] })).toThrow();
  });
});

describe("through the gateway", () => {
  let world: World | undefined;
  afterEach(() => world?.close());
  const obliged = (properties: object) => () => ({
    allow: true,
    obligations: [{ id: "m", type: "mask", properties: parse(properties) }],
  });

  test("the request is sent as it was masked", async () => {
    world = await startWorld();
    world.sidecar.decide = obliged({ phase: "request", pointers: ["/messages/*/content"] });
    expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(200);
    expect(JSON.parse(world.model.received[0]?.body ?? "")).toMatchObject({
      model: "small",
      messages: [{ role: "user", content: "[masked]" }],
    });
  });

  test.each([["/model"], ["/messages/*/role"], ["/__proto__"]])(
    "%s is a deny, and nothing is sent",
    async (pointer) => {
      world = await startWorld();
      world.sidecar.decide = obliged({ phase: "request", pointers: [pointer] });
      expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(403);
      expect(world.model.received).toEqual([]);
    },
  );

  test("operations are masked, too: what is embedded, and answers of responses", async () => {
    world = await startWorld();
    world.sidecar.decide = obliged({ phase: "request", patterns: ["email"] });
    await post(world, "/v1/embeddings", JSON.stringify({ model: "small", input: [`to ${email}`] }));
    expect(JSON.parse(world.model.received[0]?.body ?? "")).toMatchObject({ input: ["to [email]"] });
    world.sidecar.decide = obliged({ phase: "response", patterns: ["email"] });
    world.model.answer = (_req, res, body) => {
      if (!body.includes('"stream":true')) json(res, whole.responses(`to ${email}`));
      else {
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.end(streamed.responses(cutInto(`to ${email}`, 5)));
      }
    };
    for (const stream of [false, true]) {
      const { path, body } = requests.responses(stream);
      const text = await (await post(world, path, body.replace("gpt", "small"))).text();
      expect(text).not.toContain("jane");
      expect(stream ? textOf(text) : text).toContain("to [email]");
    }
  });

  test("what was kept of a response is masked when it is read, too", async () => {
    world = await startWorld();
    world.model.answer = (_req, res) => {
      json(res, whole.responses(`to ${email}`));
    };
    const { path, body } = requests.responses(false);
    const made = (await (await post(world, path, body.replace("gpt", "small"))).json()) as { id: string };
    world.sidecar.decide = obliged({ phase: "response", patterns: ["email"] });
    const headers = { authorization: "Bearer caller-token-e30.e30.c2ln" };
    const text = await (await fetch(`${world.url}/v1/responses/${made.id}`, { headers })).text();
    expect([text.includes("to [email]"), text.includes("jane")]).toEqual([true, false]);
  });

  test("a pointer is in the client's words where its model speaks another protocol", async () => {
    world = await startWorld();
    world.sidecar.decide = obliged({ phase: "response", pointers: ["/content/*/text"] });
    world.model.answer = (_req, res) => {
      json(res, whole.openai("said"));
    };
    const body = JSON.stringify({
      model: "small",
      max_tokens: 5,
      messages: [{ role: "user", content: "hi" }],
    });
    const text = await (await post(world, "/v1/messages", body)).text();
    expect([text.includes("said"), text.includes("[masked]")]).toEqual([false, true]);
  });
});
