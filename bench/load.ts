/** A load generator that costs less than what it measures: raw sockets, one request at a time on each. */
import { connect } from "node:net";
import type { Socket } from "node:net";

/** A request whose bytes differ from the next one's only in a counter of fixed width. */
export interface Template {
  readonly bytes: Buffer;
  /** Where the counter's digits stand; -1 for none. */
  readonly at: number;
  /** The counter starts again here, so that as many distinct requests exist. */
  readonly distinct: number;
}

export interface Target {
  readonly socket?: string;
  readonly port?: number;
}

export interface Load {
  readonly target: Target;
  readonly template: Template;
  readonly connections: number;
  /** Milliseconds. */
  readonly duration: number;
}

export interface Measured {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

/** What a counter looks like before it is written. */
export const counter = "0000000000";

/** Builds a template; the counter is where {@link counter} stands in the body. */
export function requestTemplate(
  path: string,
  body: string,
  { distinct = 1e10, headers = {} }: { distinct?: number; headers?: Record<string, string> } = {},
): Template {
  const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${extra.join("")}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const bytes = Buffer.from(head + body);
  const at = body.includes(counter) ? bytes.indexOf(counter, Buffer.byteLength(head)) : -1;
  return { bytes, at, distinct };
}

/** Keeps every connection busy for a while. @throws Error on an answer that isn't 200 */
export async function applyLoad({ target, template, connections, duration }: Load): Promise<Measured> {
  const latencies: number[] = [];
  // faster than any server here: no two runs send the same request
  let next = Math.floor(Date.now() * 100);
  const start = performance.now();
  const end = start + duration;
  await Promise.all(
    Array.from({ length: connections }, () =>
      drive(target, template, () => next++ % template.distinct, end, latencies),
    ),
  );
  const took = performance.now() - start;
  const sorted = Float64Array.from(latencies).sort();
  return {
    perSecond: (sorted.length / took) * 1000,
    p50: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    requests: sorted.length,
  };
}

/** Sends one request and reads its answer. */
export function ask(target: Target, bytes: Buffer): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = open(target);
    const reader = createReader();
    const chunks: Buffer[] = [];
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (!reader.take(chunk)) return;
      socket.destroy();
      const text = Buffer.concat(chunks).toString("latin1");
      resolve({ status: reader.status(), body: text.slice(text.indexOf("\r\n\r\n") + 4) });
    });
    socket.write(bytes);
  });
}

function drive(
  target: Target,
  template: Template,
  take: () => number,
  end: number,
  latencies: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open(target);
    // this connection's own copy: written to only while no request is under way
    const bytes = Buffer.from(template.bytes);
    let sent = 0;
    let reader = createReader();
    const send = (): void => {
      const now = performance.now();
      if (now >= end) {
        socket.destroy();
        resolve();
        return;
      }
      if (template.at >= 0) {
        bytes.write(String(take()).padStart(counter.length, "0"), template.at, "latin1");
      }
      sent = now;
      socket.write(bytes);
    };
    socket.on("error", reject);
    socket.on("close", () => {
      reject(new Error("the server closed a connection"));
    });
    socket.on("connect", send);
    socket.on("data", (chunk) => {
      if (!reader.take(chunk)) return;
      if (reader.status() !== 200) {
        reject(new Error(`answered ${reader.status()}: ${reader.start()}`));
        socket.destroy();
        return;
      }
      latencies.push(performance.now() - sent);
      reader = createReader();
      send();
    });
  });
}

/** Tells when an answer is complete; keeps its first chunks up to the end of the headers only. */
function createReader() {
  let head = "";
  let missing: number | "chunked" | undefined;
  let tail = "";
  return {
    take(chunk: Buffer): boolean {
      if (missing === undefined) {
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return false;
        const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
        missing = length === undefined ? "chunked" : end + 4 + Number(length) - head.length;
        tail = head;
      } else if (missing === "chunked")
        tail = tail.slice(-6) + chunk.toString("latin1", Math.max(0, chunk.length - 6));
      else missing -= chunk.length;
      return missing === "chunked" ? tail.endsWith("\n0\r\n\r\n") : missing <= 0;
    },
    status: () => Number(head.slice(9, 12)),
    start: () => head.slice(head.indexOf("\r\n\r\n") + 4).slice(0, 300),
  };
}

function open({ socket, port }: Target): Socket {
  return socket === undefined
    ? connect({ host: "127.0.0.1", port: port ?? 0, noDelay: true })
    : connect(socket);
}
