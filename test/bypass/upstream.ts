/** An upstream of raw TCP: it remembers every byte that it gets, and answers as a script says, true or not. */
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";

/** What is done with the connection, one step after the other. */
export type Step =
  | string
  | Buffer
  /** Milliseconds of silence. */
  | { readonly wait: number }
  /** The same again and again, as fast as it is taken. */
  | { readonly flood: string; readonly times: number }
  /** One piece for each byte. */
  | { readonly drip: string }
  | "end"
  | "reset";

export interface RawUpstream {
  readonly port: number;
  /** Whole requests, head and body, in latin1, as they came. */
  readonly received: string[];
  /** All bytes, in whatever state. */
  readonly bytes: () => string;
  script: readonly Step[] | undefined;
  forget(): void;
  close(): Promise<void>;
}

export const reply = (body: string, type = "application/json", status = "200 OK"): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
export const streamed = (body: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n${body}`;

const chat = {
  ...{ id: "c", object: "chat.completion", created: 1, model: "m" },
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};
const message = {
  ...{ id: "m", type: "message", role: "assistant", model: "m", stop_reason: "end_turn" },
  content: [{ type: "text", text: "hello" }],
  usage: { input_tokens: 1, output_tokens: 1 },
};
const response = { id: "resp_1", object: "response", status: "completed", model: "m", output: [] };
const gemini = { candidates: [{ content: { role: "model", parts: [{ text: "hello" }] } }] };
const chunk = {
  ...{ id: "c", object: "chat.completion.chunk", created: 1, model: "m" },
  choices: [{ index: 0, delta: { content: "hello" }, finish_reason: "stop" }],
};

/** The right answer, where a case doesn't want another. */
function usual(request: string): readonly Step[] {
  const path = request.split(" ", 2)[1] ?? "";
  if (request.includes('"stream":true'))
    return [streamed(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`), "end"];
  const body = path.includes("/responses")
    ? response
    : path.includes("/messages")
      ? message
      : path.includes("/models/")
        ? gemini
        : chat;
  return [reply(JSON.stringify(body))];
}

export async function startRawUpstream(): Promise<RawUpstream> {
  const received: string[] = [];
  let all = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let text = "";
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      const piece = data.toString("latin1");
      all += piece;
      text += piece;
      for (;;) {
        const head = text.indexOf("\r\n\r\n");
        if (head < 0) return;
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1] ?? 0);
        const whole = head + 4 + length;
        if (text.length < whole) return;
        const request = text.slice(0, whole);
        text = text.slice(whole);
        received.push(request);
        perform(socket, upstream.script ?? usual(request)).catch(() => socket.destroy());
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream: RawUpstream = {
    port: (server.address() as AddressInfo).port,
    received,
    bytes: () => all,
    script: undefined,
    forget() {
      received.length = 0;
      all = "";
      upstream.script = undefined;
      // what a script left open isn't the next one's
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
  return upstream;
}

async function perform(socket: Socket, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    if (step === "end") socket.end();
    else if (step === "reset") socket.resetAndDestroy();
    else if (typeof step === "string" || Buffer.isBuffer(step)) socket.write(step);
    else if ("wait" in step) await new Promise((resolve) => setTimeout(resolve, step.wait));
    else if ("drip" in step) {
      for (const byte of Buffer.from(step.drip)) {
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    } else await flood(socket, step.flood, step.times);
  }
}

async function flood(socket: Socket, text: string, times: number): Promise<void> {
  for (let i = 0; i < times && !socket.destroyed; i++) {
    if (socket.write(text)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off("drain", go).off("close", go);
        resolve();
      };
      socket.on("drain", go).on("close", go);
    });
  }
}
