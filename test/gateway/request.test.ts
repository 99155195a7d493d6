/** The way a request goes to an upstream: pieces in order, errors by their code, nothing held without bound. */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { Pool } from "undici";
import { sendRequest } from "../../gateway/forward/request.js";

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An upstream that does with a connection what a test wants, once a request's head came. */
async function upstream(serve: (socket: Socket) => void): Promise<Pool> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let head = "";
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      head = "";
      serve(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    headersTimeout: 1_000,
    bodyTimeout: 200,
  });
  closing.push(() => pool.destroy());
  return pool;
}

const get = { path: "/", method: "GET" } as const;
const never = new AbortController().signal;
const head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;
const whole = async (body: AsyncIterable<Buffer>): Promise<string> => {
  let out = "";
  for await (const piece of body) out += piece.toString();
  return out;
};
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => String((error as { code?: unknown }).code),
  );

test("pieces come in order, whoever is faster", async () => {
  const pool = await upstream((socket) => {
    socket.write(chunked);
    for (let i = 0; i < 200; i++) socket.write(`3\r\n${String(i).padStart(3, "0")}\r\n`);
    socket.write("0\r\n\r\n");
  });
  const { statusCode, headers, body } = await sendRequest(pool, get, never);
  expect([statusCode, headers["content-type"]]).toEqual([200, "text/plain"]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const expected = Array.from({ length: 200 }, (_, i) => String(i).padStart(3, "0")).join("");
  expect(await whole(body)).toBe(expected);
});

test("what is only information is passed over", async () => {
  const pool = await upstream((socket) =>
    socket.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${head}content-length: 2\r\n\r\nok`),
  );
  const { statusCode, body } = await sendRequest(pool, get, never);
  expect([statusCode, await whole(body)]).toEqual([200, "ok"]);
});

test.each([
  { name: "a body that is cut", sent: `${head}content-length: 10\r\n\r\nhalf`, ends: true, code: /UND_ERR/ },
  { name: "a body that stalls", sent: `${chunked}2\r\nab\r\n`, ends: false, code: /UND_ERR_BODY_TIMEOUT/ },
])("$name: the reader is told, after what came", async ({ sent, ends, code }) => {
  const pool = await upstream((socket) => {
    socket.write(sent);
    if (ends) setTimeout(() => socket.destroy(), 20);
  });
  const { body } = await sendRequest(pool, get, never);
  let came = "";
  const reading = (async () => {
    for await (const piece of body) came += piece.toString();
  })();
  expect(await codeOf(reading)).toMatch(code);
  expect(came).not.toBe("");
});

test("no answer at all: the error by its code", async () => {
  const pool = await upstream((socket) => socket.destroy());
  expect(await codeOf(sendRequest(pool, get, never))).toMatch(/UND_ERR_SOCKET|ECONNRESET/);
});

test("a body that nobody reads doesn't fill the memory: the upstream waits", async () => {
  let sent = 0;
  const pool = await upstream((socket) => {
    socket.write(chunked);
    const piece = Buffer.from(`10000\r\n${"x".repeat(65_536)}\r\n`);
    const more = (): void => {
      while (sent < 200 * piece.length) {
        sent += piece.length;
        if (!socket.write(piece)) return void socket.once("drain", more);
      }
      socket.write("0\r\n\r\n");
    };
    more();
  });
  const { body } = await sendRequest(pool, get, never);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(sent).toBeLessThan(100 * 65_536);
  expect((await whole(body)).length).toBe(200 * 65_536);
});

test("an abort ends the request, before and within the answer", async () => {
  let closed = 0;
  const pool = await upstream((socket) => {
    socket.on("close", () => closed++);
    socket.write(`${chunked}2\r\nab\r\n`);
  });
  const gone = new AbortController();
  gone.abort();
  await expect(sendRequest(pool, get, gone.signal)).rejects.toBeDefined();
  expect(closed).toBe(0);
  const later = new AbortController();
  const { body } = await sendRequest(pool, get, later.signal);
  const reading = whole(body);
  later.abort();
  await expect(reading).rejects.toBeDefined();
  for (let i = 0; i < 200 && closed === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(closed).toBe(1);
});

test("a small body that is let go leaves the connection, a large one drops it", async () => {
  let connections = 0;
  const seen = new Set<Socket>();
  const sizes = [10, 10, 300_000, 10];
  const pool = await upstream((socket) => {
    if (!seen.has(socket)) connections++;
    seen.add(socket);
    const size = sizes.shift() ?? 0;
    socket.write(`${head}content-length: ${size}\r\n\r\n${"x".repeat(size)}`);
  });
  for (let i = 0; i < 4; i++) {
    const { body } = await sendRequest(pool, get, never);
    await body.dump({ limit: 65_536 });
  }
  expect(connections).toBe(2);
});
