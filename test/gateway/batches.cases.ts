/** Files of batches that hold what may not be asked for, or can be read in two ways: refused, and nothing of it sent. */
const chat = { model: "gpt", messages: [{ role: "user", content: "hi" }] };
const url = "/v1/chat/completions";
export const line = (more: object = {}, body: object = {}, n = 1): string =>
  JSON.stringify({ custom_id: `r${n}`, method: "POST", url, body: { ...chat, ...body }, ...more });
const good = line({}, {}, 0);

export interface BadBatch {
  readonly name: string;
  readonly text: string;
  readonly code?: string;
  readonly status?: number;
  /** What the message names. */
  readonly says?: string;
}

const second = (name: string, text: string, code = "invalid_request", status = 400): BadBatch => ({
  ...{ name, text: `${good}\n${text}\n`, code, status, says: "line 2" },
});

export const badBatches: readonly BadBatch[] = [
  {
    ...second("a forbidden model", ""),
    text: `${line({}, { model: "forbidden" })}\n`,
    code: "denied",
    status: 403,
    says: "requests 1",
  },
  {
    ...second("a forbidden parameter", ""),
    text: `${good}\n${line({}, { temperature: 2 })}\n`,
    code: "denied",
    status: 403,
    says: "requests 2",
  },
  {
    ...second("a model that isn't there", ""),
    text: `${line({}, { model: "nobody" })}\n`,
    code: "unknown_model",
    status: 404,
    says: "requests 1",
  },
  second("two models", line({}, { model: "twin" })),
  second("two urls", line({ url: "/v1/embeddings", body: { model: "gpt", input: "x" } })),
  second("a stream", line({}, { stream: true })),
  second("another method", line({ method: "GET" })),
  second("a method in small letters", line({ method: "post" })),
  ...[
    "/v1/chat/completions/",
    "/v1//chat/completions",
    "/v1/chat/../chat/completions",
    "/v1/chat/completions?x",
    "/v1/Chat/completions",
    "/v1%2fchat/completions",
    "https://elsewhere.example/v1/chat/completions",
    "//elsewhere.example/v1/chat/completions",
    "v1/chat/completions",
    "/v1/files",
    "/v1/responses/resp_1",
    "/v1/messages",
    "constructor",
  ].map((path) => second(`the url ${path}`, line({ url: path }))),
  second("an unknown field", line({ priority: 1 })),
  second("a header", line({ headers: { authorization: "Bearer x" } })),
  second("no body", JSON.stringify({ custom_id: "r1", method: "POST", url })),
  second("a body that is a text", line({ body: JSON.stringify(chat) })),
  second("a list", "[]"),
  second("no custom_id", line({ custom_id: undefined })),
  second("a custom_id that stands twice", line({}, {}, 0)),
  second("a custom_id of two lines", line({ custom_id: "a\nb" })),
  second("an unknown field in a body", line({}, { frobnicate: 1 })),
  second(
    "a file of somebody's",
    line({}, { messages: [{ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }] }),
  ),
  second("a key that stands twice", `${line().slice(0, -1)},"url":"/v1/embeddings"}`, "duplicate_key"),
  second(
    "a model that stands twice",
    line().replace('"model":"gpt"', '"model":"gpt","model":"forbidden"'),
    "duplicate_key",
  ),
  second("two requests in one line", `${line()}${line({}, {}, 2)}`, "invalid_json"),
  second("an empty line", "", "invalid_json"),
  second("a comment", "// x", "invalid_json"),
  second("a mark of byte order", `\ufeff${line()}`, "invalid_json"),
  { name: "a mark of byte order in front", text: `\ufeff${good}\n`, code: "invalid_json", says: "line 1" },
  {
    name: "lines that a carriage return ends",
    text: `${good}\r${line()}\r`,
    code: "invalid_json",
    says: "line 1",
  },
  { name: "nothing", text: "" },
  {
    name: "a stored response",
    text: `${line({ url: "/v1/responses", body: { model: "gpt", input: "x", previous_response_id: "resp_1" } })}\n`,
    says: "line 1",
  },
  {
    name: "an item of a stored response",
    text: `${line({ url: "/v1/responses", body: { model: "gpt", input: [{ type: "item_reference", id: "msg_1" }] } })}\n`,
    says: "line 1",
  },
  {
    name: "a response in the background",
    text: `${line({ url: "/v1/responses", body: { model: "gpt", input: "x", background: true } })}\n`,
    says: "line 1",
  },
  {
    name: "more lines than are read",
    text: Array.from({ length: 10_001 }, (_, i) => line({}, {}, i)).join("\n"),
    code: "body_too_large",
    status: 413,
  },
  {
    name: "a model that is elsewhere",
    text: `${line({}, { model: "elsewhere" })}\n`,
    code: "untranslatable",
  },
];
