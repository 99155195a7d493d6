/** Requests whose end, or whose number, two servers could see differently. */
import type { Attack, Topic } from "../attack.js";
import { chat, framed, request, wire } from "../attack.js";

const forbidden = chat({ model: "forbidden-model" });
const hidden = request(forbidden).toString();
const chunk = (text: string, extension = ""): string =>
  `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
const chunked = `${chunk(chat())}0\r\n\r\n`;
const te = "transfer-encoding: chunked";
const bad = (name: string, lines: readonly string[], rest: string): Attack => ({
  name,
  send: framed(lines, rest),
  status: 400,
});
const close = "connection: close";

export const framing: readonly Topic[] = [
  {
    title: "two lengths",
    then: "400, and the connection is closed",
    attacks: [
      bad("a length and chunks", [`content-length: ${chunked.length}`, te], chunked + hidden),
      bad("chunks and a length of 0", [te, "content-length: 0"], chunked + hidden),
      bad("two different lengths", ["content-length: 5", `content-length: ${chat().length}`], chat()),
      bad(
        "the same length twice",
        [`content-length: ${chat().length}`, `content-length: ${chat().length}`],
        chat(),
      ),
      bad("two lengths in one line", [`content-length: ${chat().length}, 0`], chat()),
      bad("a sign", [`content-length: +${chat().length}`], chat()),
      bad("negative", ["content-length: -1"], chat()),
      bad("hexadecimal", ["content-length: 0x3a"], chat()),
      bad("huge", ["content-length: 18446744073709551616"], chat()),
      bad("in words", ["content-length: all"], chat()),
      bad("a fraction", [`content-length: ${chat().length}.0`], chat()),
      bad("a blank within", ["content-length: 5 9"], chat()),
      bad("empty", ["content-length:"], chat()),
      bad("a blank before the colon", [`content-length : ${chat().length}`], chat()),
    ],
  },
  {
    title: "transfer encodings in disguise",
    then: "400, or read as chunks and nothing else",
    attacks: [
      ...[
        "xchunked",
        "identity",
        "gzip",
        "chunked, identity",
        "chunked;q=1",
        '"chunked"',
        "chunkedx",
        "",
        "\u000bchunked",
        "chunked\u000b",
      ].map((value) =>
        bad(`transfer-encoding: ${JSON.stringify(value)}`, [`transfer-encoding: ${value}`], chunked),
      ),
      bad("a blank before the colon", ["transfer-encoding : chunked"], chunked),
      bad("a folded line", ["transfer-encoding:", " chunked"], chunked),
      bad("a tab in front of the name", ["\ttransfer-encoding: chunked"], chunked),
      bad("twice", [te, te], chunked),
      bad("once as something else", [te, "transfer-encoding: identity"], chunked),
      bad("two in other letters", ["Transfer-Encoding: chunked", "transfer-encoding: x"], chunked),
      {
        name: "an underscore is another header",
        send: framed(["transfer_encoding: chunked", `content-length: ${chat().length}`, close], chat()),
        status: 200,
        upstream: [wire(chat())],
      },
      {
        name: "capitals are the same",
        send: framed(["TRANSFER-ENCODING: CHUNKED", close], chunked),
        status: 200,
        upstream: [wire(chat())],
      },
      {
        name: "gzip and chunked: what is in the chunks is read as it is",
        send: framed(["transfer-encoding: gzip, chunked", close], `${chunk(forbidden)}0\r\n\r\n`),
        status: 403,
        code: "forbidden",
      },
    ],
  },
  {
    title: "chunks that lie",
    then: "400, and the connection is closed",
    attacks: [
      bad("a negative size", [te], `-1\r\n${chat()}\r\n0\r\n\r\n`),
      bad("a huge size", [te], `ffffffffffffffffff\r\n${chat()}`),
      bad("0x", [te], `0x${chat().length.toString(16)}\r\n${chat()}\r\n0\r\n\r\n`),
      bad("a sign", [te], `+${chat().length.toString(16)}\r\n${chat()}\r\n0\r\n\r\n`),
      bad("a blank before the size", [te], ` ${chunk(chat())}0\r\n\r\n`),
      bad("no size", [te], `\r\n${chat()}\r\n0\r\n\r\n`),
      bad("a size too small", [te], `5\r\n${chat()}\r\n0\r\n\r\n`),
      bad("line feeds alone", [te], chunked.replaceAll("\r\n", "\n")),
      bad("a line feed alone after a size", [te], chunked.replace("\r\n", "\n")),
      bad("a line feed alone after a chunk", [te], `${chat().length.toString(16)}\r\n${chat()}\n0\r\n\r\n`),
      bad("a carriage return alone", [te], chunked.replace("\r\n", "\r")),
      bad(
        "an extension with a line feed",
        [te],
        `${chat().length.toString(16)};a=\n\r\n${chat()}\r\n0\r\n\r\n`,
      ),
      { name: "an extension without an end", send: framed([te], `1;${"x".repeat(40_000)}`), status: 413 },
      bad("a length among trailers", [te], `${chunk(chat())}0\r\ncontent-length: 3\r\n\r\n`),
      {
        name: "extensions mean nothing",
        send: framed([te, close], `${chunk(chat(), ";model=forbidden-model")}0;x="y"\r\n\r\n`),
        status: 200,
        upstream: [wire(chat())],
      },
      {
        name: "one byte to a chunk",
        send: framed([te, close], `${[...chat()].map((letter) => chunk(letter)).join("")}0\r\n\r\n`),
        status: 200,
        upstream: [wire(chat())],
      },
      {
        name: "trailers aren't headers",
        send: framed(
          [te, close, "trailer: x-api-key"],
          `${chunk(chat())}0\r\nx-api-key: k\r\nauthorization: Bearer x\r\n\r\n`,
        ),
        status: 200,
        upstream: [wire(chat())],
      },
      {
        name: "a body that never ends is cut",
        send: framed([te], chunk("x".repeat(1_000_000)).repeat(5)),
        status: 413,
        code: "body_too_large",
      },
    ],
  },
  {
    title: "a request behind another",
    then: "each is decided by itself, with its own token",
    attacks: [
      {
        name: "an allowed one, then a forbidden one",
        send: Buffer.concat([request(chat(), { keep: true }), request(forbidden)]),
        status: [200, 403],
        code: "forbidden",
        upstream: [wire(chat())],
      },
      {
        name: "a forbidden one, then an allowed one",
        send: Buffer.concat([request(forbidden, { keep: true }), request(chat())]),
        status: [403, 200],
        upstream: [wire(chat())],
      },
      {
        name: "without a token, behind one with",
        send: Buffer.concat([
          request(chat(), { keep: true }),
          Buffer.from(request(chat()).toString().replace("authorization: Bearer {token}\r\n", "")),
        ]),
        status: [200, 401],
        code: "unauthenticated",
        upstream: [wire(chat())],
      },
      {
        name: "in the body of one that is refused for its head",
        send: request(hidden, { path: "/v1/nothing" }),
        status: 404,
        code: "unknown_route",
      },
      {
        name: "in the body of a GET",
        send: request(hidden, { method: "GET", path: "/v1/models" }),
        status: 400,
        code: "invalid_request",
      },
      {
        name: "in what is more than the length says",
        send: Buffer.concat([request(chat(), { keep: true }), Buffer.from(hidden)]),
        status: [200, 403],
        code: "forbidden",
        upstream: [wire(chat())],
      },
      {
        name: "garbage behind",
        send: [request(chat(), { keep: true }), 500, Buffer.from("\0\0\0 forbidden-model")],
        status: [200, 400],
        upstream: [wire(chat())],
      },
      {
        name: "behind an empty line",
        send: Buffer.concat([request(chat(), { keep: true }), Buffer.from("\r\n"), request(forbidden)]),
        status: [200, 403],
        upstream: [wire(chat())],
      },
      {
        name: "in pieces, with pauses",
        send: [
          ...[0, 1, 2, 3].flatMap((part) => [request().subarray(part * 60, part * 60 + 60), 20]),
          request().subarray(240),
        ],
        status: 200,
        upstream: [wire(chat())],
      },
    ],
  },
  {
    title: "other versions and protocols",
    then: "400, or decided like any other",
    attacks: [
      { name: "HTTP/1.0", send: request(chat(), { version: "1.0" }), status: 200, upstream: [wire(chat())] },
      {
        name: "HTTP/1.0, forbidden",
        send: request(forbidden, { version: "1.0" }),
        status: 403,
        code: "forbidden",
      },
      {
        name: "HTTP/1.0 with chunks",
        send: framed([te, close], chunked, "POST /v1/chat/completions HTTP/1.0"),
        status: 400,
      },
      { name: "HTTP/0.9", send: "GET /v1/models\r\n\r\n", status: 400 },
      { name: "HTTP/2 without asking", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 400 },
      { name: "HTTP/1.2", send: request(chat(), { version: "1.2" }), status: 400 },
      { name: "HTTP/9.9", send: request(chat(), { version: "9.9" }), status: 400 },
      {
        name: "h2c is no way around",
        send: request(forbidden, { head: ["upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"] }),
        status: 403,
        code: "forbidden",
      },
      {
        name: "an upgrade to a web socket on a route of models",
        send: framed(
          [
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
            `content-length: ${forbidden.length}`,
          ],
          forbidden,
        ).replace("content-type", "connection: close\r\ncontent-type"),
        status: 400,
      },
      {
        name: "Expect: 100-continue, forbidden",
        send: [...[request(forbidden, { head: ["expect: 100-continue"] })]],
        status: 403,
        code: "forbidden",
      },
      { name: "another expectation", send: request(forbidden, { head: ["expect: 200-ok"] }), status: 417 },
      {
        name: "a TLS greeting on a plain port",
        send: Buffer.from("1603010200010001fc0303", "hex"),
        status: 400,
      },
    ],
  },
];
