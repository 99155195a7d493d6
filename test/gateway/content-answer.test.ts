/** `mask` with the phase `response`: what detectors find doesn't reach the client, however the answer is cut. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { CantMaskAnswer, maskAnswer, maskEvents } from "../../gateway/content/mask-answer.js";
import { maskText, patternsOf } from "../../gateway/content/mask-text.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { snippets } from "./content-set.js";
import type { World } from "./world.js";
import { chatBody, json, post, startWorld } from "./world.js";

const email = "jane.doe@mail.example.com";
const masking = { patterns: patternsOf(["pii", "secrets"]) ?? [] };
const parse = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject;

const chunk = (delta: object, finish: string | null = null, more: object = {}) => ({
  ...{ id: "c1", object: "chat.completion.chunk", created: 1_700_000_000, model: "m" },
  choices: [{ index: 0, delta, finish_reason: finish, ...more }],
});
const start = (index: number, content_block: object) => ({
  type: "content_block_start",
  index,
  content_block,
});
const block = (index: number, delta: object) => ({ type: "content_block_delta", index, delta });
const stop = (index: number) => ({ type: "content_block_stop", index });
const openAiText = (events: readonly object[]): string =>
  `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}data: [DONE]\n\n`;
const anthropicText = (events: readonly { readonly type: string }[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

async function run(text: string, protocol: "openai" | "anthropic", size = 7): Promise<string> {
  async function* cut(): AsyncGenerator<Buffer> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size)
      yield await Promise.resolve(bytes.subarray(at, at + size));
  }
  let out = "";
  for await (const piece of maskEvents(cut(), masking, protocol, 2 ** 20)) out += piece.toString();
  return out;
}
interface Said {
  readonly type?: string;
  readonly choices?: readonly {
    readonly delta: Record<string, unknown>;
    readonly finish_reason: string | null;
  }[];
  readonly delta?: Record<string, unknown>;
}
const eventsOf = (text: string): Said[] =>
  [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, data = ""]) => JSON.parse(data) as Said);
const joined = (events: readonly Said[], field: string): string =>
  events
    .flatMap(({ choices, delta }) => [...(choices ?? []).map((choice) => choice.delta), delta ?? {}])
    .map((delta) => (typeof delta[field] === "string" ? delta[field] : ""))
    .join("");

test("a stream says what the masked text says, however it is cut", async () => {
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
        const characters = [...text];
        const pieces: string[] = [];
        for (let at = 0; at < characters.length; at += size)
          pieces.push(characters.slice(at, at + size).join(""));
        const expected = maskText(text, masking);
        const chunks = [...pieces.map((content) => chunk({ content })), chunk({}, "stop")];
        const openai = eventsOf(await run(openAiText(chunks), "openai", bytes));
        expect(joined(openai, "content")).toBe(expected);
        expect(openai.at(-1)?.choices?.[0]?.finish_reason).toBe("stop");
        const blocks = [
          start(0, { type: "text", text: "" }),
          ...pieces.map((piece) => block(0, { type: "text_delta", text: piece })),
          stop(0),
        ];
        const anthropic = eventsOf(await run(anthropicText(blocks), "anthropic", bytes));
        expect(joined(anthropic, "text")).toBe(expected);
        expect(anthropic.at(-1)?.type).toBe("content_block_stop");
      },
    ),
    { numRuns: 60 },
  );
});

describe("a stream", () => {
  test("of calls: arguments are held until they are whole, and stay JSON", async () => {
    const named = (more: object) => ({ tool_calls: [{ index: 0, ...more }] });
    const out = await run(
      openAiText([
        chunk(
          named({ id: "t", type: "function", function: { name: "f", arguments: '{"to":"jane.doe@mail.' } }),
        ),
        chunk(named({ function: { arguments: 'example.com","card":4242424242424242}' } })),
        chunk({}, "tool_calls"),
      ]),
      "openai",
    );
    expect(out).toContain(String.raw`"arguments":"{\"to\":\"[email]\",\"card\":\"[card]\"}"`);
    expect(out).toContain('"name":"f"');
    const blocks = [
      start(0, { type: "tool_use", id: "t", name: "f", input: {} }),
      block(0, { type: "input_json_delta", partial_json: '{"to":"jane.doe@mail.' }),
      block(0, { type: "input_json_delta", partial_json: 'example.com"}' }),
      stop(0),
    ];
    expect(joined(eventsOf(await run(anthropicText(blocks), "anthropic")), "partial_json")).toBe(
      '{"to":"[email]"}',
    );
  });

  test("of several choices, thoughts and refusals: each by itself", async () => {
    const events = [
      chunk({ role: "assistant", content: "a jane.doe@" }),
      {
        ...chunk({ content: "b jane.doe@" }),
        choices: [{ index: 1, delta: { content: "b jane.doe@" }, finish_reason: null }],
      },
      chunk({ reasoning_content: email, refusal: email }),
      chunk({ content: "mail.example.com" }, "stop"),
      { ...chunk({}), choices: [{ index: 1, delta: { content: "x.example" }, finish_reason: "stop" }] },
    ];
    const out = eventsOf(await run(openAiText(events), "openai"));
    expect(joined(out, "content").replaceAll("[email]", "@")).toMatch(/^(?=.*a @)(?=.*b @).*$/);
    expect([joined(out, "reasoning_content"), joined(out, "refusal")]).toEqual(["[email]", "[email]"]);
  });

  test("doesn't say it again by the probabilities of its tokens", async () => {
    const logprobs = { content: [{ token: "jane.doe@", logprob: -1 }] };
    const out = await run(
      openAiText([chunk({ content: email }, null, { logprobs }), chunk({}, "stop")]),
      "openai",
    );
    expect(out).not.toContain("jane");
  });

  test("of an error: masked whole, and nothing added", async () => {
    const out = await run(`data: ${JSON.stringify({ error: { message: email } })}\n\n`, "openai");
    expect(out).toBe('data: {"error":{"message":"[email]"}}\n\n');
  });

  test("of citations: masked whole", async () => {
    const citation = { type: "citations_delta", citation: { type: "page_location", cited_text: email } };
    const out = await run(
      anthropicText([start(0, { type: "text", text: "" }), block(0, citation), stop(0)]),
      "anthropic",
    );
    expect(out).toContain('"cited_text":"[email]"');
  });

  test.each([
    ["a text that ends nowhere", openAiText([chunk({ content: email })]), "openai"],
    [
      "a text that goes on after its end",
      openAiText([chunk({}, "stop"), chunk({ content: email })]),
      "openai",
    ],
    ["what is spoken", openAiText([chunk({ audio: { transcript: "ja" } }), chunk({}, "stop")]), "openai"],
    ["a block that ends nowhere", anthropicText([start(0, { type: "text", text: email })]), "anthropic"],
    [
      "a delta that isn't known",
      anthropicText([start(0, { type: "x" }), block(0, { type: "novel_delta", novel: "ja" }), stop(0)]),
      "anthropic",
    ],
    [
      "a name",
      openAiText([
        chunk({ tool_calls: [{ index: 0, function: { name: email, arguments: "" } }] }),
        chunk({}, "stop"),
      ]),
      "openai",
    ],
    ["no object", "data: 1\n\n", "openai"],
  ] as const)("can't be masked where there is %s", async (_name, text, protocol) => {
    await expect(run(text, protocol)).rejects.toBeInstanceOf(CantMaskAnswer);
  });
});

describe("a whole answer", () => {
  test.each([
    [
      {
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: email, reasoning_content: email },
            logprobs: { content: [] },
          },
        ],
      },
      {
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: "[email]", reasoning_content: "[email]" },
            logprobs: null,
          },
        ],
      },
    ],
    [
      {
        type: "message",
        role: "assistant",
        content: [
          { type: "thinking", thinking: email, signature: "s" },
          { type: "tool_use", id: "t", name: "f", input: { to: email } },
        ],
      },
      {
        type: "message",
        role: "assistant",
        content: [
          { type: "thinking", thinking: "[email]", signature: "s" },
          { type: "tool_use", id: "t", name: "f", input: { to: "[email]" } },
        ],
      },
    ],
  ])("is masked %#", (before, after) => {
    expect(JSON.parse(stringifyJson(maskAnswer(parse(before), masking)))).toEqual(after);
  });

  test("that is spoken can't be", () => {
    const answer = parse({ choices: [{ message: { audio: { data: "AAAA", transcript: email } } }] });
    expect(() => maskAnswer(answer, masking)).toThrow(CantMaskAnswer);
  });
});

describe("through the gateway", () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
  });
  const response = { id: "m", type: "mask", properties: parse({ patterns: ["email"], phase: "response" }) };
  const say = (content: string, stream: boolean) => (_req: unknown, res: Parameters<typeof json>[0]) => {
    if (!stream)
      json(res, { choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }] });
    else {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.end(openAiText([...[...content].map((one) => chunk({ content: one })), chunk({}, "stop")]));
    }
  };

  test.each([false, true])("the client doesn't see it, streamed: %s", async (stream) => {
    world = await startWorld();
    world.sidecar.decide = () => ({ allow: true, obligations: [response] });
    world.model.answer = say(`write to ${email} now`, stream);
    const answer = await post(world, "/v1/chat/completions", chatBody({ stream }));
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(stream ? joined(eventsOf(text), "content") : text).toContain("write to [email] now");
    // the request goes as it is
    expect(world.model.received[0]?.body).toContain('"content":"hi"');
  });

  test("a client of another protocol doesn't, either", async () => {
    world = await startWorld();
    world.sidecar.decide = () => ({ allow: true, obligations: [response] });
    world.model.answer = say(`write to ${email} now`, true);
    const body = { model: "small", max_tokens: 5, stream: true, messages: [{ role: "user", content: "hi" }] };
    const answer = await post(world, "/v1/messages", JSON.stringify(body));
    expect(joined(eventsOf(await answer.text()), "text")).toBe("write to [email] now");
  });

  test("holds though policy selected another model, whose own decision asks for nothing", async () => {
    world = await startWorld();
    const select = { id: "s", type: "select_model", properties: parse({ model: "large" }) };
    world.sidecar.decide = ({ resource }) => ({
      allow: true,
      obligations: resource.id === "small" ? [response, select] : [],
    });
    world.model.answer = say(email, false);
    const text = await (await post(world, "/v1/chat/completions", chatBody())).text();
    expect(text).toContain("[email]");
    expect(world.model.received[0]?.body).toContain('"large"');
  });

  test("an upstream's error is masked, too", async () => {
    world = await startWorld();
    world.sidecar.decide = () => ({ allow: true, obligations: [response] });
    world.model.answer = (_req, res) => {
      json(res, { error: { message: `no ${email}`, type: "invalid_request_error" } }, 400);
    };
    expect(await (await post(world, "/v1/chat/completions", chatBody())).text()).toContain("no [email]");
  });

  test.each([
    { patterns: ["nose"], phase: "response" },
    { patterns: ["email"], phase: "response", pointer: "/a" },
  ])("what isn't understood is a deny, and nothing is sent: %j", async (properties) => {
    world = await startWorld();
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [{ ...response, properties: parse(properties) }],
    });
    const answer = await post(world, "/v1/chat/completions", chatBody());
    expect([answer.status, await answer.text()]).toEqual([
      403,
      expect.stringContaining("obligation_unsatisfiable"),
    ]);
    expect(world.model.received).toEqual([]);
  });

  test("an operation whose answers aren't read is a deny", async () => {
    world = await startWorld();
    world.sidecar.decide = () => ({ allow: true, obligations: [response] });
    const body = { model: "small", input: "hi", voice: "alloy" };
    const answer = await post(world, "/v1/audio/speech", JSON.stringify(body));
    expect(answer.status).toBe(403);
    expect(world.model.received).toEqual([]);
  });
});
