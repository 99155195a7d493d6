/** Upstreams that lie, flood, hang, break off, or send somebody elsewhere. */
import { gzipSync } from "node:zlib";
import type { Attack, Topic } from "../attack.js";
import { chat, request, wire } from "../attack.js";
import type { Step } from "../upstream.js";
import { reply, streamed } from "../upstream.js";

const ok = JSON.stringify({
  id: "c",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
});
const event = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}\n\n';
const streams = chat({ stream: true });
const answered = (name: string, answer: readonly Step[], gets: Partial<Attack> = {}): Attack => ({
  name,
  send: request(),
  answer,
  status: 502,
  upstream: [wire(chat())],
  ...gets,
});
const flowing = (name: string, answer: readonly Step[], gets: Partial<Attack> = {}): Attack => ({
  name,
  send: request(streams),
  answer,
  status: 502,
  upstream: [wire(streams, { stream: true })],
  ...gets,
});
const redirect = (status: number, to: string): Attack =>
  answered(`${status} to ${to}`, [`HTTP/1.1 ${status} Go\r\nlocation: ${to}\r\ncontent-length: 0\r\n\r\n`], {
    code: "upstream_invalid",
    never: ["evil.example", "location"],
  });
const invalid = { code: "upstream_invalid" };
const gone = { code: "upstream_unavailable" };
const late = { status: 504, code: "upstream_timeout", hasty: true } as const;
const cut = { status: 200, says: ["hello", "the stream was cut"] };
const chunks = (text: string): string =>
  streamed(`${text.length.toString(16)}\r\n${text}\r\n`).replace(
    "connection: close",
    "transfer-encoding: chunked",
  );
const head = (lines: readonly string[], body = ok): string =>
  ["HTTP/1.1 200 OK", "content-type: application/json", ...lines, "", body].join("\r\n");

export const answers: readonly Topic[] = [
  {
    title: "redirects",
    then: "502 `upstream_invalid`: nobody is followed, with or without a key",
    attacks: [
      ...[301, 302, 303, 307, 308].map((status) =>
        redirect(status, "http://evil.example/v1/chat/completions"),
      ),
      redirect(307, "/v1/chat/completions"),
      redirect(307, "http://169.254.169.254/latest/meta-data/"),
      answered("300 with a choice", [reply("{}", "application/json", "300 Multiple Choices")], invalid),
      answered("a refresh", [head(["refresh: 0; url=http://evil.example", `content-length: ${ok.length}`])], {
        status: 200,
        never: ["refresh"],
      }),
    ],
  },
  {
    title: "answers of another kind",
    then: "502 `upstream_invalid`; what a client gets is said here to be JSON, or events, in UTF-8",
    attacks: [
      answered("HTML", [reply("<h1>hello</h1>", "text/html")], invalid),
      answered("events where none were asked for", [reply(event, "text/event-stream")], invalid),
      flowing("JSON where events were asked for", [reply(ok)], invalid),
      answered("no JSON", [reply("hello")], invalid),
      answered("a list", [reply("[]")], invalid),
      answered("a key twice", [reply(ok.replace("{", '{"choices":[],'))], invalid),
      answered("an empty answer", ["HTTP/1.1 204 No Content\r\n\r\n"], invalid),
      answered(
        "utf-16",
        [
          Buffer.concat([
            Buffer.from(head(["content-length: 40"], "")),
            Buffer.from('{"choices":[],"a":1}', "utf16le"),
          ]),
        ],
        invalid,
      ),
      answered(
        "gzip",
        [
          Buffer.concat([
            Buffer.from(head(["content-encoding: gzip", `content-length: ${gzipSync(ok).length}`], "")),
            gzipSync(ok),
          ]),
        ],
        invalid,
      ),
      answered(
        "gzip that isn't said",
        [Buffer.concat([Buffer.from(head([`content-length: ${gzipSync(ok).length}`], "")), gzipSync(ok)])],
        invalid,
      ),
      answered(
        "gzip that is none",
        [head(["content-encoding: gzip", `content-length: ${ok.length}`])],
        invalid,
      ),
      answered("another charset, said", [reply(ok, "application/json; charset=utf-16")], {
        status: 200,
        says: ["hello"],
        never: ["utf-16"],
      }),
      flowing(
        "another charset of events, said",
        [streamed(event).replace("event-stream", "event-stream; charset=utf-7"), "end"],
        {
          status: 200,
          says: ["hello"],
          never: ["utf-7"],
        },
      ),
      answered(
        "an error in another charset",
        [reply('{"error":{"message":"no"}}', "application/json; charset=utf-7", "400 Bad Request")],
        {
          status: 400,
          says: ["no"],
          never: ["utf-7"],
        },
      ),
      answered(
        "headers of its own",
        [
          head([
            "set-cookie: a=b",
            "x-countersign-rule: none",
            "access-control-allow-origin: *",
            "location: http://evil.example",
            `content-length: ${ok.length}`,
          ]),
        ],
        {
          status: 200,
          never: ["set-cookie", "x-countersign-rule", "access-control-allow-origin", "evil.example"],
        },
      ),
      answered(
        "our key, quoted in an error",
        [reply('{"error":{"message":"bad key provider-key-5f2b"}}', "application/json", "400 Bad Request")],
        { ...invalid, never: ["provider-key"] },
      ),
      answered(
        "an error about our key",
        [reply('{"error":{"message":"no such key"}}', "application/json", "401 Unauthorized")],
        { ...invalid, never: ["no such key"] },
      ),
      answered(
        "an error of the server's",
        [reply('{"error":{"message":"inside"}}', "application/json", "500 Internal Server Error")],
        { ...invalid, never: ["inside"] },
      ),
    ],
  },
  {
    title: "lengths that lie",
    then: "half of an answer is none; more than an answer isn't the next one's",
    attacks: [
      answered("less than its length", [head([`content-length: ${ok.length + 10}`]), "end"], {}),
      answered(
        "more than its length",
        [head([`content-length: ${ok.length}`], `${ok}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n`)],
        { status: 200, says: ["hello"] },
      ),
      {
        name: "an answer for the next one in advance",
        send: Buffer.concat([request(chat(), { keep: true }), request(chat())]),
        answer: [reply(ok) + reply('{"poisoned":true}')],
        status: [200, 200],
        never: ["poisoned"],
        upstream: [wire(chat()), wire(chat())],
      },
      answered("two lengths", [head([`content-length: ${ok.length}`, "content-length: 5"])], gone),
      answered(
        "a length and chunks",
        [
          head(
            [`content-length: ${ok.length}`, "transfer-encoding: chunked"],
            `${ok.length.toString(16)}\r\n${ok}\r\n0\r\n\r\n`,
          ),
        ],
        {},
      ),
      answered("a negative length", [head(["content-length: -5"])], gone),
      answered("a huge length", [head(["content-length: 99999999999999999999"])], gone),
      answered("chunks that lie", [head(["transfer-encoding: chunked"], `-1\r\n${ok}\r\n0\r\n\r\n`)], {}),
      answered(
        "chunks without an end",
        [head(["transfer-encoding: chunked"], `${ok.length.toString(16)}\r\n${ok}\r\n`), "end"],
        {},
      ),
      answered(
        "trailers",
        [
          head(
            ["transfer-encoding: chunked", "trailer: x-countersign-rule"],
            `${ok.length.toString(16)}\r\n${ok}\r\n0\r\nx-countersign-rule: none\r\n\r\n`,
          ),
        ],
        {
          status: 200,
          says: ["hello"],
          never: ["x-countersign-rule: none"],
        },
      ),
      flowing(
        "a stream's trailers",
        [
          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
          `${event.length.toString(16)}\r\n${event}\r\n0\r\nx-evil: none\r\n\r\n`,
        ],
        {
          status: 200,
          says: ["hello"],
          never: ["x-evil"],
        },
      ),
    ],
  },
  {
    title: "upstreams that hang, break off or flood",
    then: "502 or 504, and within a stream an event that says so",
    attacks: [
      answered("nothing at all", [], late),
      answered("half of a head", ["HTTP/1.1 200 OK\r\ncontent-"], late),
      answered("half of a body", [head(["content-length: 500"])], { hasty: true }),
      flowing("a stream that goes silent", [streamed(event)], { ...cut, hasty: true }),
      flowing("a stream that is reset", [chunks(event), { wait: 100 }, "reset"], cut),
      flowing(
        "a stream that is reset within an event",
        [chunks(`${event}data: {"choices`), { wait: 100 }, "reset"],
        cut,
      ),
      flowing(
        "a stream that is shorter than its length",
        [streamed(event).replace("connection: close", "content-length: 5000"), { wait: 100 }, "end"],
        cut,
      ),
      answered("reset before the head", ["reset"], gone),
      answered("closed before the head", ["end"], gone),
      answered(
        "a head without an end",
        ["HTTP/1.1 200 OK\r\n", { flood: `x-a: ${"b".repeat(1_000)}\r\n`, times: 5_000 }],
        gone,
      ),
      answered(
        "a line without an end",
        ["HTTP/1.1 200 OK\r\nx-a: ", { flood: "b".repeat(1_000), times: 5_000 }],
        gone,
      ),
      answered(
        "a body beyond bearing",
        [
          head(["transfer-encoding: chunked"], ""),
          { flood: `10000\r\n${" ".repeat(65_536)}\r\n`, times: 400 },
          `${ok.length.toString(16)}\r\n${ok}\r\n0\r\n\r\n`,
        ],
        invalid,
      ),
      flowing(
        "an event without an end",
        [streamed("data: "), { flood: "x".repeat(65_536), times: 400 }, "end"],
        { status: 200, says: ["the stream was cut"] },
      ),
      flowing(
        "data lines without an end",
        [streamed(""), { flood: `data: ${"x".repeat(65_530)}\n`, times: 400 }, "end"],
        { status: 200, says: ["the stream was cut"] },
      ),
      answered(
        "1xx without an end",
        [{ flood: "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", times: 50_000 }],
        late,
      ),
      answered("102, then an answer", ["HTTP/1.1 102 Processing\r\n\r\n", reply(ok)], {
        status: 200,
        says: ["hello"],
      }),
      answered(
        "101",
        ["HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"],
        {},
      ),
      answered("100 as an answer", ["HTTP/1.1 100 Continue\r\n\r\n"], {}),
      answered("another protocol", ["SSH-2.0-OpenSSH_9.6\r\n"], gone),
      answered("HTTP/2", ["HTTP/2 200\r\ncontent-type: application/json\r\n\r\n{}"], gone),
      answered(
        "a status that is none",
        ["HTTP/1.1 999 What\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"],
        {},
      ),
      answered(
        "a header with a line feed",
        [head(["retry-after: 1\nx-evil: 1", `content-length: ${ok.length}`])],
        { never: ["x-evil: 1"] },
      ),
    ],
  },
];
