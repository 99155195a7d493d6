/** A model provider's answers: what it was asked in short, or the calls that a prompt makes it want. */
import type { ServerResponse } from "node:http";

const created = 1_735_689_600;
const usage = { prompt_tokens: 40, completion_tokens: 12, total_tokens: 52 };

interface Asked {
  readonly model: string;
  readonly messages?: readonly { readonly content?: unknown }[];
}

/** `call:NAME {…}` at the end of a prompt makes it want that call. */
function wanted({ messages }: Asked): { name: string; arguments: string } | undefined {
  const content = messages?.at(-1)?.content;
  const [, name, args] = (typeof content === "string" && /call:(\w+) (\{.*\})$/s.exec(content)) || [];
  return name === undefined || args === undefined ? undefined : { name, arguments: args };
}

function textOf({ model, messages }: Asked): string {
  const content = JSON.stringify(messages?.at(-1)?.content ?? "");
  const marker = /T\d+Z/.exec(content)?.[0] ?? "";
  return `${marker} ${model} makes of it: ${content.length} letters, of which it keeps the gist.`;
}

export function completionOf(body: Record<string, unknown>): object {
  const asked = body as unknown as Asked;
  const message = { role: "assistant", content: textOf(asked), refusal: null };
  return {
    ...{ id: "chatcmpl-1", object: "chat.completion", created, model: asked.model, usage },
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
  };
}

/** Answers as Anthropic does. */
export function messageOf(body: Record<string, unknown>): object {
  const asked = body as unknown as Asked;
  return {
    ...{ id: "msg_1", type: "message", role: "assistant", model: asked.model },
    content: [{ type: "text", text: textOf(asked) }],
    ...{ stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: 40, output_tokens: 12 } },
  };
}

/** Streams words, or the pieces of a call. */
export function streamCompletion(res: ServerResponse, body: Record<string, unknown>): void {
  const asked = body as unknown as Asked;
  const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created, model: asked.model };
  const piece = (delta: unknown, finish_reason: string | null = null): unknown => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  });
  const call = wanted(asked);
  const begun = { index: 0, id: "call_1", type: "function", function: { name: call?.name, arguments: "" } };
  const pieces =
    call === undefined
      ? textOf(asked)
          .split(/(?= )/)
          .map((content) => piece({ content }))
      : [
          piece({ tool_calls: [begun] }),
          ...(call.arguments.match(/.{1,24}/gs) ?? []).map((part) =>
            piece({ tool_calls: [{ index: 0, function: { arguments: part } }] }),
          ),
        ];
  const all = [
    piece({ role: "assistant", content: call === undefined ? "" : null }),
    ...pieces,
    piece({}, call === undefined ? "stop" : "tool_calls"),
  ];
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (const one of all) res.write(`data: ${JSON.stringify(one)}\n\n`);
  res.end("data: [DONE]\n\n");
}
