/** What the gateway must refuse before it asks anybody: a request, and the status and code that it gets. */
import { chatBody } from "./world.js";

export interface BadInput {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly status: number;
  readonly code: string;
  /** It is a well-formed call, so it is decided before it is found to lead nowhere. */
  readonly asked?: true;
}

const text = (bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const message = (content: string): string =>
  `{"model":"small","messages":[{"role":"user","content":${content}}]}`;
const invalid = { status: 400, code: "invalid_request" };

export const badInputs: readonly BadInput[] = [
  // JSON
  { name: "no JSON", body: "{", status: 400, code: "invalid_json" },
  { name: "nothing", body: "", status: 400, code: "invalid_json" },
  { name: "something after the JSON", body: `${chatBody()} {}`, status: 400, code: "invalid_json" },
  { name: "a comment", body: `/**/${chatBody()}`, status: 400, code: "invalid_json" },
  { name: "NaN", body: message("NaN"), status: 400, code: "invalid_json" },
  {
    name: "the model twice",
    body: '{"model":"small","model":"large","messages":[]}',
    status: 400,
    code: "duplicate_key",
  },
  {
    name: "the model twice, once escaped",
    body: '{"model":"small","mod\\u0065l":"large","messages":[]}',
    status: 400,
    code: "duplicate_key",
  },
  { name: "deep nesting", body: message("[".repeat(200) + "]".repeat(200)), status: 400, code: "too_deep" },
  { name: "invalid UTF-8", body: text([0x22, 0xc0, 0xaf, 0x22]), status: 400, code: "invalid_utf8" },
  { name: "a byte order mark", body: `\ufeff${chatBody()}`, status: 400, code: "invalid_json" },
  // shape
  { name: "an array", body: "[]", ...invalid },
  { name: "null", body: "null", ...invalid },
  { name: "no model", body: '{"messages":[{"role":"user","content":"x"}]}', ...invalid },
  { name: "a model that is a number", body: chatBody({ model: 4 }), ...invalid },
  {
    name: "a file that the provider keeps",
    body: message('[{"type":"file","file":{"file_id":"f_1"}}]'),
    ...invalid,
  },
  {
    name: "what a model said aloud to somebody",
    body: '{"model":"small","messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}',
    ...invalid,
  },
  {
    name: "the same with an escape",
    body: message('[{"type":"file","file":{"file_i\\u0064":"f_1"}}]'),
    ...invalid,
  },
  { name: "no messages", body: '{"model":"small"}', ...invalid },
  { name: "messages that are an object", body: chatBody({ messages: {} }), ...invalid },
  { name: "a message that is a text", body: chatBody({ messages: ["x"] }), ...invalid },
  { name: "a message without a role", body: chatBody({ messages: [{ content: "x" }] }), ...invalid },
  { name: "stream as a text", body: chatBody({ stream: "true" }), ...invalid },
  { name: "stream as a number", body: chatBody({ stream: 1 }), ...invalid },
  { name: "a field that isn't known", body: chatBody({ Stream: true }), ...invalid },
  { name: "a field named __proto__", body: `{"__proto__":{},"model":"small","messages":[]}`, ...invalid },
  { name: "a limit as a text", body: chatBody({ max_tokens: "10" }), ...invalid },
  { name: "a negative limit", body: chatBody({ max_tokens: -1 }), ...invalid },
  { name: "a limit of nothing", body: chatBody({ max_completion_tokens: 0 }), ...invalid },
  {
    name: "a limit past all numbers",
    body: message('"x"').replace("}]}", '}],"max_tokens":1e400}'),
    ...invalid,
  },
  { name: "n of nothing", body: chatBody({ n: 0 }), ...invalid },
  {
    name: "an unknown model",
    body: chatBody({ model: "nope" }),
    status: 404,
    code: "unknown_model",
    asked: true,
  },
  {
    name: "a model named as a property",
    body: chatBody({ model: "constructor" }),
    status: 404,
    code: "unknown_model",
    asked: true,
  },
  // media
  {
    name: "text/plain",
    headers: { "content-type": "text/plain" },
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "another charset",
    headers: { "content-type": "application/json; charset=utf-16" },
    status: 415,
    code: "unsupported_media_type",
  },
  { name: "an encoding", headers: { "content-encoding": "gzip" }, status: 415, code: "unsupported_encoding" },
  {
    name: "too many bytes",
    body: message(JSON.stringify("x".repeat(200_000))),
    status: 413,
    code: "body_too_large",
  },
  // routes
  { name: "another route", path: "/v1/fine_tuning/jobs", status: 404, code: "unknown_route" },
  { name: "a query string", path: "/v1/chat/completions?x=1", status: 404, code: "unknown_route" },
  { name: "a slash at the end", path: "/v1/chat/completions/", status: 404, code: "unknown_route" },
  { name: "two slashes", path: "/v1//chat/completions", status: 404, code: "unknown_route" },
  { name: "an encoded letter", path: "/v1/ch%61t/completions", status: 404, code: "unknown_route" },
  { name: "an encoded slash", path: "/v1%2fchat/completions", status: 404, code: "unknown_route" },
  { name: "capitals", path: "/V1/chat/completions", status: 404, code: "unknown_route" },
  { name: "a route and more", path: "/v1/chat/completions/../models", status: 404, code: "unknown_route" },
  { name: "another method", method: "PUT", status: 405, code: "method_not_allowed" },
  {
    name: "a method in a header",
    method: "PUT",
    headers: { "x-http-method-override": "POST" },
    status: 405,
    code: "method_not_allowed",
  },
  // head
  { name: "an origin", headers: { origin: "https://evil.example" }, status: 403, code: "origin_not_allowed" },
];
