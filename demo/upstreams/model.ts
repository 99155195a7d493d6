/** A model server that speaks OpenAI's API; its answers follow from the request alone. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerResponse } from "node:http";
import type { Received, Upstream } from "./listen.js";
import { listenOn, receive } from "./listen.js";

export interface ModelServerOptions {
  readonly port: number;
  /** The only key that is accepted. */
  readonly apiKey: string;
  /** Milliseconds between two chunks of a stream; 0. */
  readonly chunkMs?: number;
}

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly content?: unknown }[];
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

const created = 1_760_000_000;

/** Starts the model server on loopback. */
export function startModelServer({ port, apiKey, chunkMs = 0 }: ModelServerOptions): Promise<Upstream> {
  const received: Received[] = [];
  return listenOn(port, received, (req, res) => {
    void (async () => {
      const noted = await receive(req, received);
      res.on("close", () => {
        if (!res.writableFinished) noted.aborted = true;
      });
      if (req.headers.authorization !== `Bearer ${apiKey}`)
        return fail(res, 401, "invalid_api_key", "Incorrect API key");
      if (req.method === "POST" && req.url === "/v1/chat/completions") return chat(res, noted, chunkMs);
      fail(res, 404, "unknown_url", "Unknown request URL");
    })();
  });
}

async function chat(res: ServerResponse, { body }: Received, chunkMs: number): Promise<void> {
  const request = JSON.parse(body.toString()) as ChatRequest;
  const { model, messages } = request;
  const most = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const full = `This is ${model}. You sent ${messages.length} message${messages.length === 1 ? "" : "s"}; I answer the last one.`;
  const words = full.split(" ");
  const kept = words.slice(0, most);
  const finish = kept.length < words.length ? "length" : "stop";
  const usage = {
    prompt_tokens: messages.reduce((sum, { content }) => sum + String(content ?? "").split(/\s+/).length, 0),
    completion_tokens: kept.length,
    total_tokens: 0,
  };
  usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
  const base = { id: "chatcmpl-demo", created, model };
  if (request.stream !== true) {
    const message = { role: "assistant", content: kept.join(" "), refusal: null };
    const choices = [{ index: 0, message, finish_reason: finish, logprobs: null }];
    res.writeHead(200, { "content-type": "application/json" });
    res.end(JSON.stringify({ ...base, object: "chat.completion", choices, usage }));
    return;
  }
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const event = (choices: unknown[], more: object = {}): void => {
    res.write(`data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices, ...more })}\n\n`);
  };
  event([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);
  for (const [i, word] of kept.entries()) {
    if (res.destroyed) return;
    event([{ index: 0, delta: { content: i === 0 ? word : ` ${word}` }, finish_reason: null }]);
    if (chunkMs > 0) await sleep(chunkMs);
  }
  event([{ index: 0, delta: {}, finish_reason: finish }]);
  if (request.stream_options?.include_usage === true) event([], { usage });
  res.end("data: [DONE]\n\n");
}

function fail(res: ServerResponse, status: number, code: string, message: string): void {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code } }));
}
