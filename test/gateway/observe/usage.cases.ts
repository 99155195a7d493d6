/** Streams of every protocol, as data: their events, what a provider says of usage in them, and the request. */

export interface StreamCase {
  readonly name: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the model whose upstream speaks so. */
  readonly model: string;
  readonly begin: readonly string[];
  /** Each says `word`. */
  readonly piece: string;
  readonly end: readonly string[];
  /** What the end says. */
  readonly usage: Readonly<Record<string, unknown>>;
  /** What the record says where it is cut after ten pieces. */
  readonly cut: Readonly<Record<string, unknown>>;
}

const event = (data: Readonly<Record<string, unknown>>, name?: string): string =>
  `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;
const typed = (data: { readonly type: string } & Readonly<Record<string, unknown>>): string =>
  event(data, data.type);

const chunk = (choices: readonly object[], more: object = {}): string =>
  event({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices, ...more });
const told = {
  prompt_tokens: 100,
  completion_tokens: 50,
  total_tokens: 150,
  prompt_tokens_details: { cached_tokens: 60 },
  completion_tokens_details: { reasoning_tokens: 20 },
};
const allTold = { input_tokens: 100, output_tokens: 50, cached_tokens: 60, reasoning_tokens: 20 };
/** The text of {@link prompt}, by the rule: 40 characters of ASCII. */
const prompt = "0123456789".repeat(4);
/** Ten times " word" are 50 characters. */
const tenPieces = 13;

const messages = [{ role: "user", content: prompt }];

export const chatCase: StreamCase = {
  name: "chat completions",
  path: "/v1/chat/completions",
  model: "small",
  body: { messages, stream: true },
  begin: [chunk([{ index: 0, delta: { role: "assistant", content: "" } }], { usage: null })],
  piece: chunk([{ index: 0, delta: { content: " word" } }], { usage: null }),
  end: [
    chunk([{ index: 0, delta: {}, finish_reason: "stop" }], { usage: null }),
    chunk([], { usage: told }),
    "data: [DONE]\n\n",
  ],
  usage: { ...allTold, asked: true },
  cut: { input_tokens: 10, output_tokens: tenPieces, estimated: true },
};

const anthropicStart = {
  type: "message_start",
  message: {
    ...{ id: "msg", type: "message", role: "assistant", model: "m", content: [], stop_reason: null },
    usage: {
      input_tokens: 30,
      cache_read_input_tokens: 60,
      cache_creation_input_tokens: 10,
      output_tokens: 1,
    },
  },
};

export const cases: readonly StreamCase[] = [
  chatCase,
  {
    name: "messages",
    path: "/v1/messages",
    model: "claude",
    body: { messages, max_tokens: 100, stream: true },
    begin: [
      typed(anthropicStart),
      typed({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
      typed({ type: "ping" }),
    ],
    piece: typed({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: " word" } }),
    end: [
      typed({ type: "content_block_stop", index: 0 }),
      typed({
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: 50, output_tokens_details: { thinking_tokens: 20 } },
      }),
      typed({ type: "message_stop" }),
    ],
    usage: {
      ...{ input_tokens: 100, output_tokens: 50, cached_tokens: 60, cache_write_tokens: 10 },
      reasoning_tokens: 20,
    },
    cut: {
      ...{ input_tokens: 100, output_tokens: tenPieces, cached_tokens: 60, cache_write_tokens: 10 },
      estimated: true,
    },
  },
  {
    name: "completions",
    path: "/v1/completions",
    model: "small",
    body: { prompt, stream: true },
    begin: [],
    piece: event({
      id: "c",
      model: "m",
      choices: [{ index: 0, text: " word", finish_reason: null }],
      usage: null,
    }),
    end: [event({ id: "c", model: "m", choices: [], usage: told }), "data: [DONE]\n\n"],
    usage: { ...allTold, asked: true },
    cut: { input_tokens: 10, output_tokens: tenPieces, estimated: true },
  },
  {
    name: "responses",
    path: "/v1/responses",
    model: "small",
    body: { input: prompt, stream: true },
    begin: [typed({ type: "response.created", response: { id: "resp_1", object: "response", output: [] } })],
    piece: typed({
      ...{ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0 },
      delta: " word",
    }),
    end: [
      typed({
        type: "response.completed",
        response: {
          ...{ id: "resp_1", object: "response", output: [] },
          usage: {
            input_tokens: 100,
            input_tokens_details: { cached_tokens: 60 },
            output_tokens: 50,
            output_tokens_details: { reasoning_tokens: 20 },
            total_tokens: 150,
          },
        },
      }),
    ],
    usage: allTold,
    cut: { input_tokens: 10, output_tokens: tenPieces, estimated: true },
  },
  {
    name: "Gemini, which tells usage as it goes",
    path: "/v1beta/models/gem:streamGenerateContent?alt=sse",
    model: "",
    body: { contents: [{ role: "user", parts: [{ text: prompt }] }] },
    begin: [],
    piece: event({
      candidates: [{ content: { role: "model", parts: [{ text: " word" }] }, index: 0 }],
      usageMetadata: { promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 7 },
    }),
    end: [
      event({
        candidates: [{ content: { role: "model", parts: [] }, finishReason: "STOP", index: 0 }],
        usageMetadata: {
          ...{ promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 30 },
          thoughtsTokenCount: 20,
        },
      }),
    ],
    usage: allTold,
    // the provider's figure so far
    cut: { input_tokens: 100, output_tokens: 7, cached_tokens: 60 },
  },
];
