/** Says a text in each protocol, whole and as a stream of pieces. */
import type { AnswerForm } from "../../gateway/content/answer/words.js";

export const forms = ["openai", "anthropic", "gemini", "responses"] as const satisfies readonly AnswerForm[];

const events = (list: readonly object[], named: boolean): string =>
  list
    .map((event) => {
      const name = named ? `event: ${(event as { type: string }).type}\n` : "";
      return `${name}data: ${JSON.stringify(event)}\n\n`;
    })
    .join("");

const item = (text: string) => ({
  ...{ type: "message", id: "msg_1", status: "completed", role: "assistant" },
  content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
});
const response = (text: string, status = "completed") => ({
  ...{ id: "resp_1", object: "response", created_at: 1_700_000_000, status, model: "m" },
  output: status === "completed" ? [item(text)] : [],
});

/** A whole answer. */
export const whole: Readonly<Record<AnswerForm, (text: string) => object>> = {
  openai: (content) => ({
    ...{ id: "chatcmpl-1", object: "chat.completion", created: 1_700_000_000, model: "m" },
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }],
  }),
  anthropic: (text) => ({
    ...{ id: "msg_1", type: "message", role: "assistant", model: "m", stop_reason: "end_turn" },
    content: [{ type: "text", text }],
    usage: { input_tokens: 1, output_tokens: 1 },
  }),
  gemini: (text) => ({
    candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts: [{ text }] } }],
    modelVersion: "m",
  }),
  responses: (text) => response(text),
};

/** A stream whose text comes in pieces. */
export const streamed: Readonly<Record<AnswerForm, (pieces: readonly string[]) => string>> = {
  openai(pieces) {
    const chunk = (delta: object, finish: string | null = null) => ({
      ...{ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model: "m" },
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    const all = [
      chunk({ role: "assistant" }),
      ...pieces.map((content) => chunk({ content })),
      chunk({}, "stop"),
    ];
    return `${events(all, false)}data: [DONE]\n\n`;
  },
  anthropic(pieces) {
    const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [] };
    return events(
      [
        { type: "message_start", message: { ...message, usage: { input_tokens: 1, output_tokens: 1 } } },
        { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
        ...pieces.map((text) => ({
          ...{ type: "content_block_delta", index: 0 },
          delta: { type: "text_delta", text },
        })),
        { type: "content_block_stop", index: 0 },
        { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 1 } },
        { type: "message_stop" },
      ],
      true,
    );
  },
  gemini(pieces) {
    const said = (text: string, more: object = {}) => ({
      candidates: [{ index: 0, content: { role: "model", parts: [{ text }] }, ...more }],
    });
    return events([...pieces.map((text) => said(text)), said("", { finishReason: "STOP" })], false);
  },
  responses(pieces) {
    const text = pieces.join("");
    const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
    const part = { type: "output_text", text, annotations: [], logprobs: [] };
    const all = [
      { type: "response.created", response: response("", "in_progress") },
      {
        ...{ type: "response.output_item.added", output_index: 0 },
        item: { ...item(""), status: "in_progress", content: [] },
      },
      { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
      ...pieces.map((delta) => ({ type: "response.output_text.delta", ...at, delta, logprobs: [] })),
      { type: "response.output_text.done", ...at, text, logprobs: [] },
      { type: "response.content_part.done", ...at, part },
      { type: "response.output_item.done", output_index: 0, item: item(text) },
      { type: "response.completed", response: response(text) },
    ];
    return events(
      all.map((event, i) => ({ ...event, sequence_number: i })),
      true,
    );
  },
};

interface Event {
  readonly type?: string;
  readonly delta?: unknown;
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
  readonly candidates?: readonly {
    readonly content?: { readonly parts?: readonly { readonly text?: string }[] };
  }[];
}

export const eventsOf = (text: string): Event[] =>
  [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, data = ""]) => JSON.parse(data) as Event);

/** The text that a client puts together out of a stream's pieces. */
export function textOf(stream: string): string {
  return eventsOf(stream)
    .map(({ type, delta, choices, candidates }) => {
      if (choices !== undefined) return choices[0]?.delta?.content ?? "";
      if (candidates !== undefined)
        return (candidates[0]?.content?.parts ?? []).map(({ text = "" }) => text).join("");
      if (type === "response.output_text.delta") return delta as string;
      const { text = "" } = (type === "content_block_delta" ? delta : {}) as { text?: string };
      return text;
    })
    .join("");
}

/** How a client asks for it. */
export const requests: Readonly<
  Record<AnswerForm, (stream: boolean) => { readonly path: string; readonly body: string }>
> = {
  openai: (stream) => ({
    path: "/v1/chat/completions",
    body: JSON.stringify({ model: "gpt", stream, messages: [{ role: "user", content: "hi" }] }),
  }),
  anthropic: (stream) => ({
    path: "/v1/messages",
    body: JSON.stringify({
      ...{ model: "sonnet", stream, max_tokens: 5 },
      messages: [{ role: "user", content: "hi" }],
    }),
  }),
  gemini: (stream) => ({
    path: `/v1beta/models/flash:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hi" }] }] }),
  }),
  responses: (stream) => ({
    path: "/v1/responses",
    body: JSON.stringify({ model: "gpt", stream, input: "hi" }),
  }),
};
