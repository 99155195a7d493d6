import { request } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { badInputs } from "./bad-input.cases.js";
import type { World } from "./world.js";
import { allow, callerToken, chatBody, post, sendRaw, startWorld } from "./world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld({ config: { max_body_bytes: 100_000 } });
});
afterAll(() => world.close());
beforeEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
  world.model.received.length = 0;
});

/** Sends exactly this path: fetch would tidy it up. */
function send(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        port: world.port,
        host: "127.0.0.1",
        method,
        path,
        headers: {
          authorization: `Bearer ${callerToken}`,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          ...headers,
        },
      },
      (res) => {
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (part) => (text += String(part)));
        res.on("end", () => {
          resolve({ status: res.statusCode ?? 0, text });
        });
        res.on("error", reject);
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

describe("what leads nowhere", () => {
  test.each(badInputs)("$name: $status $code", async (bad) => {
    const { status, text } = await send(
      bad.method ?? "POST",
      bad.path ?? "/v1/chat/completions",
      bad.headers ?? {},
      bad.body ?? chatBody(),
    );
    expect(status).toBe(bad.status);
    expect((JSON.parse(text) as { error: { code: string } }).error.code).toBe(bad.code);
    expect(world.model.received).toEqual([]);
    expect(world.sidecar.asked).toHaveLength(bad.asked === true ? 1 : 0);
    // and the next one is served
    expect((await post(world, "/v1/chat/completions", chatBody())).status).toBe(200);
  });

  test("10 MB without a length are refused while they come", async () => {
    const body = Array.from({ length: 160 }, () => Buffer.alloc(65_536, 0x20));
    const answer = await fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: ReadableStream.from(body),
      duplex: "half",
    } as RequestInit);
    expect(answer.status).toBe(413);
    expect(world.sidecar.asked).toEqual([]);
  });
});

describe("what was decided is what is sent", () => {
  test.each([
    ['"seed":9007199254740993', '"seed":9007199254740993'],
    ['"temperature":1e400', '"temperature":1e400'],
    ['"temperature":1.0', '"temperature":1.0'],
    ['"temperature":-0', '"temperature":-0'],
    ['"metadata":{"__proto__":"x","a":"\\u00e9\\n"}', '"metadata":{"__proto__":"x","a":"é\\n"}'],
  ])("%s arrives as %s", async (given, expected) => {
    const body = chatBody().replace(/\}$/, `,${given}}`);
    expect((await post(world, "/v1/chat/completions", body)).status).toBe(200);
    expect(world.model.received[0]?.body).toBe(
      `{"model":"small","messages":[{"role":"user","content":"hi"}],${expected}}`,
    );
  });
});

describe("bytes on the wire", () => {
  const head = (more: string): string =>
    `POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${callerToken}\r\n` +
    `Content-Type: application/json\r\n${more}\r\n`;
  const chat = chatBody();
  const length = `Content-Length: ${chat.length}\r\n`;
  const last = "Connection: close\r\n";

  test.each([
    ["a length and chunks", `${head(`${length}Transfer-Encoding: chunked\r\n`)}0\r\n\r\n`],
    ["two lengths", head(`${length}Content-Length: 3\r\n`) + chat],
    ["a length with a sign", head(`Content-Length: +${chat.length}\r\n`) + chat],
    ["an unknown transfer encoding", `${head("Transfer-Encoding: xchunked\r\n")}0\r\n\r\n`],
    ["a chunk size that is no number", `${head("Transfer-Encoding: chunked\r\n")}zz\r\n\r\n`],
    ["a bare line feed in the head", `${head(length).replace("\r\nHost", "\nHost: x\r\nHost")}${chat}`],
    ["a space before a colon", head(`${length}X-A : b\r\n`) + chat],
    ["a folded header", head(`${length}X-A: b\r\n c\r\n`) + chat],
    ["no host", head(length).replace("Host: gateway\r\n", "") + chat],
    ["two tokens", head(`${length}${last}Authorization: Bearer other\r\n`) + chat],
    ["two content types", head(`${length}${last}Content-Type: text/plain\r\n`) + chat],
    ["two hosts", head(`${length}${last}Host: other\r\n`) + chat],
    ["a GET with a body", `GET /v1/models HTTP/1.1\r\nHost: g\r\n${last}Content-Length: 2\r\n\r\n{}`],
  ])("%s: 400, and nothing is asked or forwarded", async (_name, bytes) => {
    expect(await sendRaw(world.port, bytes)).toMatch(/^HTTP\/1\.1 400 /);
    expect(world.sidecar.asked).toEqual([]);
    expect(world.model.received).toEqual([]);
  });

  test.each([
    ["an absolute target", "POST http://127.0.0.1/v1/chat/completions HTTP/1.1"],
    ["a dot segment", "POST /v1/x/../chat/completions HTTP/1.1"],
    ["an asterisk", "OPTIONS * HTTP/1.1"],
  ])("%s: 404", async (_name, line) => {
    const bytes = head(`${length}${last}`).replace(/^.*\r\n/, `${line}\r\n`) + chat;
    expect(await sendRaw(world.port, bytes)).toMatch(/^HTTP\/1\.1 404 /);
    expect(world.model.received).toEqual([]);
  });

  test("each of several requests on one connection is decided for itself", async () => {
    world.sidecar.decide = (call) => ({ allow: call.resource.id === "small" });
    const large = chatBody({ model: "large" });
    const bytes =
      head(length) +
      chat +
      head(`Content-Length: ${large.length}\r\n`) +
      large +
      head(`${length}${last}`) +
      chat;
    const answers = await sendRaw(world.port, bytes);
    expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
      "200",
      "403",
      "200",
    ]);
    expect(world.model.received.map(({ body }) => (JSON.parse(body) as { model: string }).model)).toEqual([
      "small",
      "small",
    ]);
  });

  test("what follows a refused body on its connection is not taken for a request", async () => {
    const inner = head(`${length}${last}`) + chat;
    const bytes = head(`Content-Length: ${inner.length}\r\n`).replace("json", "text") + inner;
    const answers = await sendRaw(world.port, bytes);
    expect(answers.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(world.model.received).toEqual([]);
  });

  test("a body that ends early forwards nothing", async () => {
    await sendRaw(world.port, head("Content-Length: 10000\r\n") + chat, 1_500);
    expect(world.sidecar.asked).toEqual([]);
    expect(world.model.received).toEqual([]);
  });
});

test("a caller's token, prompt or credential is never in the log", async () => {
  await post(world, "/v1/chat/completions", chatBody({ messages: "prompt-canary" }));
  expect(world.log.join("\n")).not.toMatch(/caller-token|prompt-canary|provider-key/);
});
