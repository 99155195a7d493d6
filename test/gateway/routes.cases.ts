/** What a named route must refuse, as bytes on the wire. Nothing of it reaches the upstream, nor the decision point. */
import { callerToken } from "./world.js";

export interface RawCase {
  readonly name: string;
  /** The request's bytes. */
  readonly bytes: string;
  /** Our code; undefined where node's own parser answers 400 or closes. */
  readonly code?: string;
}

const head = (line: string, headers: readonly string[] = [], body = ""): string =>
  [`${line} HTTP/1.1`, "Host: gateway", `Authorization: Bearer ${callerToken}`, ...headers, "", body].join(
    "\r\n",
  );

const path = (name: string, target: string): RawCase => ({
  name,
  bytes: head(`GET ${target}`, ["Connection: close"]),
  code: "path_refused",
});

export const pathCases: readonly RawCase[] = [
  path("dot segments", "/routes/ui/a/../b"),
  path("dot segments at the end", "/routes/ui/a/.."),
  path("a single dot", "/routes/ui/./a"),
  path("dots as escapes", "/routes/ui/a/%2e%2e/b"),
  path("one dot as an escape", "/routes/ui/a/.%2E/b"),
  path("a double slash", "/routes/ui/a//b"),
  path("a double slash at the beginning", "/routes/ui//a"),
  path("a slash as an escape", "/routes/ui/a%2Fb"),
  path("a backslash", "/routes/ui/a\\b"),
  path("a backslash as an escape", "/routes/ui/a%5Cb"),
  path("an escape within an escape", "/routes/ui/a%252Fb"),
  path("a null byte", "/routes/ui/a%00b"),
  path("a line feed", "/routes/ui/a%0Ab"),
  path("a carriage return", "/routes/ui/a%0d%0aX:b"),
  path("parameters of a segment", "/routes/ui/a;v=1/b"),
  path("parameters as escapes", "/routes/ui/a%3Bv=1/b"),
  path("a needless escape", "/routes/ui/%61dmin"),
  path("half an escape", "/routes/ui/a%2"),
  path("no escape at all", "/routes/ui/a%zz"),
  path("UTF-8 in a longer form", "/routes/ui/a%c0%af"),
  path("bytes that aren't UTF-8", "/routes/ui/a%ff"),
  path("a full-width slash", "/routes/ui/a%EF%BC%8Fb"),
  path("a full-width dot", "/routes/ui/%EF%BC%8E%EF%BC%8E/b"),
  path("a question mark as an escape", "/routes/ui/a%3Fb"),
  path("a fragment as an escape", "/routes/ui/a%23b"),
  path("a semicolon in the query", "/routes/ui/a?x=1;y=2"),
  path("a null byte in the query", "/routes/ui/a?x=%00"),
  path("a parameter without a name", "/routes/ui/a?=1"),
  path("an ampersand hidden in a name", "/routes/ui/a?x%26y=1"),
  path("an equals sign hidden in a name", "/routes/ui/a?x%3Dy=1"),
  path("an empty parameter", "/routes/ui/a?x=1&&y=2"),
  path("a backslash in the query", "/routes/ui/a?x=\\"),
  path("too many parameters", `/routes/ui/a?${"x&".repeat(257)}x`),
  path("too long", `/routes/ui/${"a".repeat(9_000)}`),
];

const other = (name: string, code: string, line: string, headers: string[] = [], body = ""): RawCase => ({
  name,
  code,
  bytes: head(
    line,
    [...headers, ...(headers.some((h) => /^connection/i.test(h)) ? [] : ["Connection: close"])],
    body,
  ),
});

export const requestCases: readonly RawCase[] = [
  other("an absolute URI", "unknown_route", "GET http://elsewhere/routes/ui/a"),
  other("an absolute URI of the gateway", "unknown_route", "GET http://gateway/routes/ui/a"),
  other("a name in another case", "unknown_route", "GET /Routes/ui/a"),
  other("a route that isn't", "unknown_route", "GET /routes/none/a"),
  other("a route without a path", "unknown_route", "GET /routes/ui"),
  other("dots for a name", "unknown_route", "GET /routes/../v1/models"),
  other("an escape in the name", "unknown_route", "GET /routes/%75i/a"),
  other("a method that isn't listed", "method_not_allowed", "DELETE /routes/ui/a"),
  other("TRACE", "method_not_allowed", "TRACE /routes/ui/a"),
  other("a method of WebDAV", "method_not_allowed", "PROPFIND /routes/ui/a"),
  other("two Host headers", "invalid_request", "GET /routes/ui/a", ["Host: other"]),
  other("two lengths", "invalid_request", "GET /routes/ui/a", ["Range: bytes=0-1", "Range: bytes=2-3"]),
  other("a cookie twice", "invalid_request", "GET /routes/ui/a", ["Cookie: session=a; session=b"]),
  other("a cookie twice, in two headers", "invalid_request", "GET /routes/ui/a", [
    "Cookie: session=a",
    "Cookie: session=b",
  ]),
  other("a GET with a body", "invalid_request", "GET /routes/ui/a", ["Content-Length: 1"], "x"),
  other("a body in an encoding", "unsupported_encoding", "POST /routes/ui/a", [
    "Content-Type: text/plain",
    "Content-Encoding: gzip",
    "Content-Length: 1",
  ]),
  other("a type that is none", "unsupported_media_type", "POST /routes/ui/a", [
    "Content-Type: text",
    "Content-Length: 0",
  ]),
  other("a type with an escape", "unsupported_media_type", "POST /routes/ui/a", [
    'Content-Type: multipart/form-data; boundary="a\\"b"',
    "Content-Length: 0",
  ]),
  other("a body that is too large", "body_too_large", "POST /routes/ui/a", [
    "Content-Type: text/plain",
    "Content-Length: 100000",
  ]),
  other("an origin that isn't listed", "origin_not_allowed", "GET /routes/ui/a", [
    "Origin: https://evil.example",
  ]),
];

const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const toWebSocket = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];

export const upgradeCases: readonly RawCase[] = [
  other("an upgrade of a model's route", "upgrade_refused", "GET /v1/models", [...toWebSocket, key]),
  other("an upgrade of a tool server", "upgrade_refused", "POST /mcp/files", [...toWebSocket, key]),
  other("an upgrade of what isn't", "unknown_route", "GET /nothing", [...toWebSocket, key]),
  other("an upgrade of a route without WebSocket", "upgrade_refused", "GET /routes/ui/a", [
    ...toWebSocket,
    key,
  ]),
  other("an upgrade of a model server's route", "upgrade_refused", "GET /routes/lama/api/tags", [
    ...toWebSocket,
    key,
  ]),
  other("h2c", "upgrade_refused", "GET /routes/live/a", [
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
  ]),
  other("h2c on a model's route", "upgrade_refused", "POST /v1/chat/completions", [
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
    "Content-Length: 0",
  ]),
  other("a POST", "upgrade_refused", "POST /routes/live/a", [...toWebSocket, key, "Content-Length: 0"]),
  other(
    "a POST with a request for a body",
    "upgrade_refused",
    "POST /routes/live/a",
    [...toWebSocket, key, "Content-Length: 40"],
    "GET /routes/live/secret HTTP/1.1\r\nHost: x\r\n\r\n",
  ),
  other(
    "a request behind the handshake",
    "upgrade_refused",
    "GET /routes/live/a",
    [...toWebSocket, key],
    "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n",
  ),
  other("a chunked body", "invalid_request", "GET /routes/live/a", [
    ...toWebSocket,
    key,
    "Transfer-Encoding: chunked",
  ]),
  other("two protocols", "upgrade_refused", "GET /routes/live/a", [
    "Connection: Upgrade",
    "Upgrade: websocket, h2c",
    "Sec-WebSocket-Version: 13",
    key,
  ]),
  other("another version", "upgrade_refused", "GET /routes/live/a", [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 8",
    key,
  ]),
  other("no key", "upgrade_refused", "GET /routes/live/a", toWebSocket),
  other("a key that is none", "upgrade_refused", "GET /routes/live/a", [
    ...toWebSocket,
    "Sec-WebSocket-Key: x",
  ]),
  other("two keys", "upgrade_refused", "GET /routes/live/a", [...toWebSocket, key, key]),
  other("a subprotocol that isn't listed", "subprotocol_not_allowed", "GET /routes/live/a", [
    ...toWebSocket,
    key,
    "Sec-WebSocket-Protocol: graphql-ws",
  ]),
  other("a subprotocol that is none", "upgrade_refused", "GET /routes/live/a", [
    ...toWebSocket,
    key,
    "Sec-WebSocket-Protocol: a b",
  ]),
  other("an origin that isn't listed", "origin_not_allowed", "GET /routes/live/a", [
    ...toWebSocket,
    key,
    "Origin: https://evil.example",
  ]),
  other("a path game", "path_refused", "GET /routes/live/a/..%2fb", [...toWebSocket, key]),
];
