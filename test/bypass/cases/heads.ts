/** Heads that try to be another's, to hide something, or to get on. */
import type { Attack, Topic } from "../attack.js";
import { chat, framed, request, wire } from "../attack.js";

const forbidden = chat({ model: "forbidden-model" });
const length = (body: string): string => `content-length: ${body.length}`;
const close = "connection: close";
const passes = (name: string, head: readonly string[]): Attack => ({
  name,
  send: request(chat(), { head }),
  status: 200,
  upstream: [wire(chat())],
});
const bad = (name: string, head: readonly string[], code?: string): Attack => ({
  name,
  send: request(chat(), { head }),
  status: 400,
  ...(code === undefined ? {} : { code }),
});
const junk = Array.from({ length: 2_200 }, () => "a:");

export const heads: readonly Topic[] = [
  {
    title: "headers that hops take for themselves",
    then: "not passed on: an upstream gets the headers of a list, and no others",
    attacks: [
      passes("Connection: authorization", ["connection: close, authorization, content-length"]),
      passes("Connection: x-countersign-assertion", ["connection: close, x-countersign-assertion"]),
      passes("Keep-Alive and TE", ["keep-alive: timeout=99999", "te: trailers, chunked"]),
      passes("Proxy-Authorization and Proxy-Connection", [
        "proxy-authorization: Bearer x",
        "proxy-connection: keep-alive",
      ]),
      passes("an assertion of one's own", [
        "x-countersign-assertion: e30.e30.AA",
        "x-countersign-decision-id: mine",
      ]),
      passes("keys in other places", [
        "api-key: k",
        "x-goog-api-key: k",
        "cookie: key=k",
        "openai-organization: other",
      ]),
      passes("beta features", ["anthropic-beta: files-api-2025-04-14", "openai-beta: assistants=v2"]),
      passes("accept-encoding", ["accept-encoding: gzip, br", "accept: text/html"]),
      passes("a request id that isn't one", ["x-request-id: ../../etc/passwd;evil"]),
      passes("a request id as long as a book", [`x-request-id: ${"a".repeat(5_000)}`]),
      passes("other hosts", [
        "x-forwarded-host: evil.example",
        "x-host: evil.example",
        "forwarded: host=evil.example",
      ]),
      passes("a range", ["range: bytes=0-1", "if-none-match: *"]),
    ],
  },
  {
    title: "the host",
    then: "where a request goes is configuration",
    attacks: [
      {
        name: "another host",
        send: request().toString().replace("host: gateway", "host: evil.example"),
        status: 200,
        upstream: [wire(chat())],
      },
      {
        name: "an address of a cloud's metadata",
        send: request(forbidden).toString().replace("host: gateway", "host: 169.254.169.254"),
        status: 403,
        code: "forbidden",
      },
      bad("two hosts", ["host: evil.example"]),
      { name: "no host", send: request().toString().replace("host: gateway\r\n", ""), status: 400 },
      {
        name: "a target with a user and a host",
        send: request(chat(), { path: "http://user@evil.example/v1/chat/completions" }),
        status: 404,
        code: "unknown_route",
      },
    ],
  },
  {
    title: "heads that two servers read differently",
    then: "400",
    attacks: [
      bad("two content types", ["content-type: text/plain"], "invalid_request"),
      bad("two tokens", ["authorization: Bearer x"], "invalid_request"),
      bad("two request ids", ["x-request-id: abcdefgh", "x-request-id: ijklmnop"], "invalid_request"),
      bad("a line feed alone", ["x-a: b\nauthorization: Bearer x"]),
      bad("a carriage return alone", ["x-a: b\rx-b: c"]),
      bad("a NUL", ["x-a: b\0c"]),
      bad("a folded line", ["x-a: b", " c"]),
      bad("a blank in a name", ["x a: b"]),
      bad("no colon", ["x-a"]),
      bad("no name", [": x"]),
      bad("a name beyond ASCII", ["x-\u00e9: b"]),
      {
        name: "line feeds everywhere",
        send: request().toString().replaceAll("\r\n", "\n"),
        status: 400,
      },
      {
        name: "more than one blank in the first line",
        send: request(forbidden, { path: " /v1/chat/completions" }),
        status: 403,
        code: "forbidden",
      },
      {
        name: "a response in the place of a request",
        send: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        status: 400,
      },
    ],
  },
  {
    title: "heads that are too much",
    then: "431 or 400: nothing of a head is left out silently",
    attacks: [
      { name: "a long header", send: request(chat(), { head: [`x-a: ${"b".repeat(40_000)}`] }), status: 431 },
      { name: "a long target", send: request(chat(), { path: `/v1/${"a".repeat(40_000)}` }), status: 431 },
      { name: "a long name", send: request(chat(), { head: [`${"x".repeat(40_000)}: a`] }), status: 431 },
      {
        name: "a second token behind a thousand headers",
        send: framed([length(chat()), close, ...junk, "authorization: Bearer x"], chat()),
        status: 400,
        code: "invalid_request",
      },
      {
        name: "an encoding behind a thousand headers",
        send: framed([length(chat()), close, ...junk, "content-encoding: gzip"], chat()),
        status: 415,
        code: "unsupported_encoding",
      },
      {
        name: "a forwarded certificate behind a thousand headers",
        send: framed(
          [length(chat()), close, ...junk, "x-forwarded-client-cert: Hash=00;URI=spiffe://acme/admin"],
          chat(),
        ),
        status: 401,
        code: "forwarded_certificate_untrusted",
      },
    ],
  },
];
