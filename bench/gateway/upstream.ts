/**
 * The provider of the benchmark, a process of its own on bare sockets: it must never be what is waited for. It reads a
 * request's head, its length and its pace, and writes bytes that were made before.
 */
import { createServer } from "node:net";
import type { Socket } from "node:net";
import {
  chunkEvent,
  chunksPerStream,
  doneEvent,
  plainAnswer,
  readPace,
  streamEvents,
  usageEvent,
} from "./answers.js";
import { createClockwork } from "./clockwork.js";

const [, , apiKey = ""] = process.argv;
const authorization = `Bearer ${apiKey}`;

const plain = answer("200 OK", "application/json", plainAnswer());
const refused = answer("401 Unauthorized", "application/json", '{"error":{"message":"wrong key"}}');
const streamHead =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
const end = "0\r\n\r\n";
const events = streamEvents(chunksPerStream);
/** The writes of a stream, and all of it in one; without usage, and with. */
const streams = [events, [...events.slice(0, -1), usageEvent, doneEvent]].map((all) => {
  const frames = all.map((event, at) => (at === all.length - 1 ? frame(event) + end : frame(event)));
  return {
    whole: Buffer.from(streamHead + frames.join("")),
    each: frames.map((text) => Buffer.from(text)),
  };
});
const clockwork = createClockwork();

const server = createServer({ noDelay: true }, (socket) => {
  let held: Buffer | undefined;
  socket.on("error", () => {
    socket.destroy();
  });
  socket.on("data", (chunk) => {
    held = held === undefined ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      const request = readRequest(held);
      if (request === undefined) return;
      respond(socket, request.head, request.body);
      if (request.bytes >= held.length) {
        held = undefined;
        return;
      }
      held = held.subarray(request.bytes);
    }
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.stderr.write(`listens on http://127.0.0.1:${port}\n`);
});

interface Request {
  readonly head: string;
  readonly body: string;
  /** Of head and body. */
  readonly bytes: number;
}

/** Takes a whole request off the front; undefined while it isn't there yet. */
function readRequest(held: Buffer): Request | undefined {
  const headEnd = held.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = held.toString("latin1", 0, headEnd + 2);
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
  const start = headEnd + 4;
  if (length !== undefined) {
    const bytes = start + Number(length);
    return held.length < bytes ? undefined : { head, body: held.toString("latin1", start, bytes), bytes };
  }
  if (!/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) return { head, body: "", bytes: start };
  const last = held.indexOf("0\r\n\r\n", start);
  return last < 0
    ? undefined
    : { head, body: held.toString("latin1", start, last), bytes: last + end.length };
}

function respond(socket: Socket, head: string, body: string): void {
  if (!head.includes(authorization)) {
    socket.write(refused);
    return;
  }
  if (!/"stream": ?true/.test(body)) {
    socket.write(plain);
    return;
  }
  const pace = readPace(body);
  if (pace.kind === "clock") {
    socket.write(streamHead, "latin1");
    clockwork.add(pace.everyMs, pace.chunks, (at) => {
      if (socket.destroyed) return false;
      // INVARIANT: the time is taken as late as can be: what it takes to write is the gateway's delay in either run
      const text = frame(chunkEvent(at, pace.chunks, stamp()));
      socket.write(at === pace.chunks - 1 ? text + frame(doneEvent) + end : text, "latin1");
      return true;
    });
    return;
  }
  const stream = streams[/"include_usage": ?true/.test(body) ? 1 : 0];
  if (stream === undefined) return;
  if (pace.kind === "burst") {
    socket.write(stream.whole);
    return;
  }
  socket.write(streamHead, "latin1");
  let next = 0;
  const write = (): void => {
    const event = stream.each[next++];
    if (socket.destroyed || event === undefined) return;
    socket.write(event);
    setImmediate(write);
  };
  setImmediate(write);
}

/** Microseconds of the machine's own clock, which all processes share; sixteen digits. */
function stamp(): string {
  return String(process.hrtime.bigint() / 1_000n).padStart(16, "0");
}

function frame(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function answer(status: string, type: string, body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
