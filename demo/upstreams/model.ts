/** A model provider for the demo: OpenAI's chat completions and Anthropic's messages, with made-up answers. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { isRecord, readRecord, sendJson, startUpstream } from "./receive.js";
import type { Received, Upstream } from "./receive.js";

export interface ModelServerOptions {
  readonly port: number;
  /** What callers must send as bearer token. */
  readonly apiKey: string;
  /** Milliseconds between the chunks of a stream; 0 unless given. Who says only "slowly" gets half a second. */
  readonly slow?: number;
}

/** What the list names; any other name is answered too. */
const models = ["gpt-4o", "gpt-4o-mini", "llama-3.1-70b", "medical-llm"];
/** 2025-01-01; a fixed time keeps answers the same from run to run. */
const CREATED = 1_735_689_600;

interface Completion {
  readonly id: string;
  readonly model: string;
  readonly words: readonly string[];
  readonly finish: "stop" | "length";
  readonly usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

/** Starts the provider: `POST /v1/chat/completions`, `POST /v1/messages` and `GET /v1/models`. A token is a word here. */
export function startModelServer({ port, apiKey, slow = 0 }: ModelServerOptions): Promise<Upstream> {
  return startUpstream(port, async (asked, _req, res) => {
    const path = asked.path.split("?")[0];
    if (asked.method === "POST" && path === "/v1/messages") {
      const key = asked.headers["x-api-key"];
      const known = typeof key === "string" && holdsKey(`Bearer ${key}`, apiKey);
      return answerMessage(asked, res, known);
    }
    if (!holdsKey(asked.headers.authorization, apiKey))
      return sendError(res, 401, "Incorrect API key provided.", "invalid_api_key");
    if (asked.method === "GET" && path === "/v1/models") return sendJson(res, 200, modelList());
    if (asked.method === "POST" && path === "/v1/chat/completions") return answerChat(asked, res, slow);
    sendError(res, 404, `Invalid URL (${asked.method} ${path})`, null);
  });
}

async function answerChat(asked: Received, res: ServerResponse, slow: number): Promise<void> {
  const body = readRecord(asked.body);
  if (body === undefined) return sendError(res, 400, "The body is not a JSON object.", null);
  const { model, messages } = body;
  if (typeof model !== "string" || model === "")
    return sendError(res, 400, "You must name a model.", null, "model");
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isRecord))
    return sendError(res, 400, "'messages' must be a non-empty array of objects.", null, "messages");
  const limit = readLimit(body);
  if (limit === "invalid") return sendError(res, 400, "Invalid token limit.", null, "max_tokens");
  const completion = complete(asked.body, model, messages, limit);
  const wanted = wantedCall(messages);
  if (wanted !== undefined && Array.isArray(body["tools"]))
    return sendJson(res, 200, callAnswer(completion, wanted));
  if (body["stream"] !== true) return sendJson(res, 200, plainAnswer(completion));
  const options = body["stream_options"];
  const pause = messages.at(-1)?.["content"] === "slowly" ? Math.max(slow, 500) : slow;
  await stream(res, completion, isRecord(options) && options["include_usage"] === true, pause);
}

/** Makes the answer up from the request alone: the same request gets the same answer. */
function complete(
  bytes: Buffer,
  model: string,
  messages: readonly Record<string, unknown>[],
  limit: number,
): Completion {
  const count = messages.length;
  const text =
    `This is ${model} of the demo. I was sent ${count} message${count === 1 ? "" : "s"} ` +
    "and answer every request with this sentence, so that you can see what was let through.";
  const all = text.split(" ");
  const words = all.slice(0, limit);
  const prompt = messages.reduce((sum, message) => sum + countWords(message["content"]), 0);
  return {
    id: `chatcmpl-${createHash("sha256").update(bytes).digest("hex").slice(0, 24)}`,
    model,
    words,
    finish: words.length < all.length ? "length" : "stop",
    usage: {
      prompt_tokens: prompt,
      completion_tokens: words.length,
      total_tokens: prompt + words.length,
    },
  };
}

function plainAnswer({ id, model, words, finish, usage }: Completion): unknown {
  const message = { role: "assistant", content: words.join(" "), refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }];
  return { id, object: "chat.completion", created: CREATED, model, choices, usage };
}

/** `call:NAME` in the last message makes the model want to call it. */
function wantedCall(messages: readonly Record<string, unknown>[]): string | undefined {
  const content = messages.at(-1)?.["content"];
  return typeof content === "string" ? /\bcall:(\w+)/.exec(content)?.[1] : undefined;
}

function callAnswer({ id, model, usage }: Completion, name: string): unknown {
  const named = { name, arguments: JSON.stringify({ path: "/workspace/plan.md" }) };
  const call = { id: "call_1", type: "function", function: named };
  const message = { role: "assistant", content: null, refusal: null, tool_calls: [call] };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: "tool_calls" }];
  return { id, object: "chat.completion", created: CREATED, model, choices, usage };
}

/** Answers as Anthropic does. */
function answerMessage(asked: Received, res: ServerResponse, known: boolean): void {
  const refuse = (status: number, type: string, message: string): void => {
    sendJson(res, status, { type: "error", error: { type, message } });
  };
  if (!known) return refuse(401, "authentication_error", "invalid x-api-key");
  const body = readRecord(asked.body);
  const { model, messages, max_tokens: limit } = body ?? {};
  if (typeof model !== "string" || !Array.isArray(messages) || !messages.every(isRecord)) {
    return refuse(400, "invalid_request_error", "model and messages are required");
  }
  if (typeof limit !== "number") return refuse(400, "invalid_request_error", "max_tokens: field required");
  const completion = complete(asked.body, model, messages, limit);
  const whole = message(completion);
  if (body?.["stream"] === true) streamMessage(res, completion, whole);
  else sendJson(res, 200, whole);
}

function message({ id, model, words, finish, usage }: Completion) {
  return {
    id: id.replace("chatcmpl-", "msg_"),
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "text", text: words.join(" ") }],
    stop_reason: finish === "stop" ? "end_turn" : "max_tokens",
    stop_sequence: null,
    usage: { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens },
  };
}

/** Writes server-sent events as Anthropic does: the message's beginning, its one block, its end. */
function streamMessage(res: ServerResponse, { words }: Completion, whole: ReturnType<typeof message>): void {
  const { stop_reason, stop_sequence, usage } = whole;
  const begun = {
    ...{ ...whole, content: [], stop_reason: null },
    usage: { ...usage, output_tokens: 1 },
  };
  const events: { type: string }[] = [
    { type: "message_start", ...{ message: begun } },
    { type: "content_block_start", ...{ index: 0, content_block: { type: "text", text: "" } } },
    ...words.map((word, at) => ({
      ...{ type: "content_block_delta", index: 0 },
      delta: { type: "text_delta", text: at === 0 ? word : ` ${word}` },
    })),
    { type: "content_block_stop", ...{ index: 0 } },
    {
      ...{ type: "message_delta", delta: { stop_reason, stop_sequence } },
      ...{ usage: { output_tokens: usage.output_tokens } },
    },
    { type: "message_stop" },
  ];
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  res.end(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""));
}

/** Writes server-sent events as OpenAI does: role, words, finish, usage where asked for, `[DONE]`. */
async function stream(
  res: ServerResponse,
  { id, model, words, finish, usage }: Completion,
  withUsage: boolean,
  slow: number,
): Promise<void> {
  const head = { id, object: "chat.completion.chunk", created: CREATED, model };
  const choice = (delta: unknown, finish_reason: string | null) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(withUsage ? { usage: null } : {}),
  });
  const chunks: unknown[] = [
    choice({ role: "assistant", content: "" }, null),
    ...words.map((word, at) => choice({ content: at === 0 ? word : ` ${word}` }, null)),
    choice({}, finish),
    ...(withUsage ? [{ ...head, choices: [], usage }] : []),
  ];
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const gone = new AbortController();
  res.once("close", () => gone.abort());
  for (const chunk of chunks) {
    if (gone.signal.aborted) return;
    res.write(`data: ${JSON.stringify(chunk)}\n\n`);
    if (slow > 0) await sleep(slow, undefined, { signal: gone.signal }).catch(() => undefined);
  }
  if (!gone.signal.aborted) res.end("data: [DONE]\n\n");
}

/** Reads the smaller of the two limits that OpenAI has had for an answer's length. */
function readLimit(body: Record<string, unknown>): number | "invalid" {
  let limit = Infinity;
  for (const name of ["max_tokens", "max_completion_tokens"]) {
    const value = body[name] ?? Infinity;
    if (typeof value !== "number" || value < 1 || (value !== Infinity && !Number.isInteger(value)))
      return "invalid";
    limit = Math.min(limit, value);
  }
  return limit;
}

function countWords(content: unknown): number {
  if (typeof content === "string") return content.split(/\s+/).filter(Boolean).length;
  if (!Array.isArray(content)) return 0;
  return content.reduce<number>((sum, part) => sum + (isRecord(part) ? countWords(part["text"]) : 0), 0);
}

function modelList(): unknown {
  const data = models.map((id) => ({ id, object: "model", created: CREATED, owned_by: "demo" }));
  return { object: "list", data };
}

function holdsKey(header: string | undefined, apiKey: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${apiKey}`));
}

function sendError(
  res: ServerResponse,
  status: number,
  message: string,
  code: string | null,
  param: string | null = null,
): void {
  sendJson(res, status, { error: { message, type: "invalid_request_error", param, code } });
}
