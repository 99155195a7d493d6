/** What the provider of the benchmark answers: one kilobyte plain, fifty chunks streamed; the same bytes each time. */

/** Where a request says how it wants to be streamed: any gateway passes a message's text on. */
export type Pace =
  | { readonly kind: "burst" }
  | { readonly kind: "each" }
  | { readonly kind: "clock"; readonly everyMs: number; readonly chunks: number };

/** Chunks of a stream, beside `[DONE]`. */
export const chunksPerStream = 50;
const answerBytes = 1_024;
const created = 1_735_689_600;
const common = { id: "chatcmpl-bench0000000000000000", created, model: "gpt-4o" };

/** The text of the streamed answer. */
export const streamedText = Array.from({ length: chunksPerStream }, (_, at) => wordAt(at)).join("");

/** Writes a pace into a message. */
export function paceMark(pace: Pace): string {
  return pace.kind === "clock" ? `[[clock ${pace.everyMs} ${pace.chunks}]]` : `[[${pace.kind}]]`;
}

/** Reads the pace out of a request's body; `burst` where it says none. */
export function readPace(body: string): Pace {
  const mark = /\[\[(burst|each|clock)(?: (\d+) (\d+))?\]\]/.exec(body);
  if (mark?.[1] === "clock") return { kind: "clock", everyMs: Number(mark[2]), chunks: Number(mark[3]) };
  return { kind: mark?.[1] === "each" ? "each" : "burst" };
}

/** The plain answer's body: 1,024 bytes. */
export function plainAnswer(): string {
  const make = (content: string): string =>
    JSON.stringify({
      ...common,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content, refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: { prompt_tokens: 250, completion_tokens: 120, total_tokens: 370 },
    });
  const words = "Leave is granted by the lead of the team. ".repeat(40);
  return make(words.slice(0, answerBytes - make("").length));
}

/** The events of a stream, `[DONE]` included. @param content what the chunk at a place says */
export function streamEvents(chunks: number, content: (at: number) => string = wordAt): string[] {
  const events = Array.from({ length: chunks }, (_, at) => chunkEvent(at, chunks, content(at)));
  return [...events, doneEvent];
}

export const doneEvent = "data: [DONE]\n\n";

/** Writes one chunk as OpenAI does. */
export function chunkEvent(at: number, chunks: number, content: string): string {
  const choice = {
    index: 0,
    delta: at === 0 ? { role: "assistant", content } : { content },
    logprobs: null,
    finish_reason: at === chunks - 1 ? "stop" : null,
  };
  return `data: ${JSON.stringify({ ...common, object: "chat.completion.chunk", choices: [choice] })}\n\n`;
}

/** The chunk that follows where a request asks for usage. */
export const usageEvent = `data: ${JSON.stringify({ ...common, object: "chat.completion.chunk", choices: [], usage: { prompt_tokens: 250, completion_tokens: 50, total_tokens: 300 } })}\n\n`;

function wordAt(at: number): string {
  return `${at === 0 ? "" : " "}word${String(at).padStart(3, "0")}`;
}
