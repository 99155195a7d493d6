/** Requests that hide among others: in files of batches, and in batches of messages. */
import type { Attack, Topic } from "../attack.js";
import { chat, claude, request, wire } from "../attack.js";
import { reply } from "../upstream.js";

type Fields = Readonly<Record<string, unknown>>;

const line = (number: number, more: Fields = {}, beside: Fields = {}): string =>
  JSON.stringify({
    ...{ custom_id: `r${number}`, method: "POST", url: "/v1/chat/completions" },
    ...{ body: JSON.parse(chat(more)) as object, ...beside },
  });
const boundary = "----x";
/** A file of a batch, as clients send it. */
const upload = (content: string | Buffer, more: readonly string[] = []): Buffer => {
  const field = (name: string, value: string): string =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="b.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n`;
  return request(
    Buffer.concat([
      Buffer.from(field("purpose", "batch") + more.join("") + head),
      Buffer.from(content),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
    { path: "/v1/files", type: `multipart/form-data; boundary=${boundary}` },
  );
};
const file = (name: string, content: string | Buffer, status = 400, code?: string): Attack => ({
  name,
  send: upload(content),
  status,
  ...(code === undefined ? {} : { code }),
});
const forbidden = { model: "forbidden-model" };
const twice = line(2).replace('"model":"small"', '"model":"forbidden-model","model":"small"');
const messages = (...list: readonly object[]): Buffer =>
  request(
    JSON.stringify({
      requests: list.map((more, i) => ({
        custom_id: `r${i}`,
        params: JSON.parse(chat({ model: "claude-small", max_tokens: 9, ...more })) as object,
      })),
    }),
    { path: "/v1/messages/batches" },
  );
const one = JSON.stringify({
  requests: [
    { custom_id: "r0", params: JSON.parse(chat({ model: "claude-small", max_tokens: 9 })) as object },
  ],
});
const inner = {
  messages: [
    { role: "user", content: [{ type: "image_url", image_url: { url: "http://169.254.169.254/" } }] },
  ],
};
const innerSource = {
  messages: [
    { role: "user", content: [{ type: "image", source: { type: "url", url: "http://169.254.169.254/" } }] },
  ],
};
const made = {
  as: "senior",
  send: upload(`${line(1)}\n`).toString(),
  answer: [
    reply('{"id":"file-1","object":"file","bytes":1,"created_at":1,"filename":"b.jsonl","purpose":"batch"}'),
  ],
  takes: /"id":"(file-[\w-]+)"/,
} as const;
const start = request(
  '{"input_file_id":"{taken}","endpoint":"/v1/chat/completions","completion_window":"24h"}',
  { path: "/v1/batches" },
);

export const batches: readonly Topic[] = [
  {
    title: "forbidden requests in a batch",
    then: "the whole batch is refused: each line is decided as if it came alone",
    attacks: [
      file("a file of one", line(1, forbidden), 403, "forbidden"),
      file(
        "the last of many",
        `${line(1, forbidden)}\n${line(2, forbidden)}\n${line(3, forbidden)}`,
        403,
        "forbidden",
      ),
      file("another model in the second line", `${line(1)}\n${line(2, forbidden)}`),
      file("a model twice in the second line", `${line(1)}\n${twice}`, 400, "duplicate_key"),
      file("a body twice", `${line(1).slice(0, -1)},"body":${chat(forbidden)}}`, 400, "duplicate_key"),
      file("a model beside the body", line(1, {}, forbidden)),
      file("a key in other letters", line(1, { Model: "forbidden-model" })),
      file("another URL in the second line", `${line(1)}\n${line(2, forbidden, { url: "/v1/responses" })}`),
      file("a URL that is no route", line(1, forbidden, { url: "/v1/chat/completions/" })),
      file("a URL elsewhere", line(1, forbidden, { url: "http://evil.example/v1/chat/completions" })),
      file("another method", line(1, forbidden, { method: "GET" })),
      file("two requests in one line", `${line(1)}${line(2, forbidden)}`, 400, "invalid_json"),
      file("lines that end in carriage returns", `${line(1)}\r${line(2, forbidden)}`, 400, "invalid_json"),
      file("lines that end as Unicode's do", `${line(1)}\u2028${line(2, forbidden)}`, 400, "invalid_json"),
      file("an empty line between", `${line(1)}\n\n${line(2, forbidden)}`, 400, "invalid_json"),
      file("a byte order mark", `\ufeff${line(1, forbidden)}`, 400, "invalid_json"),
      file("utf-16", Buffer.from(line(1, forbidden), "utf16le"), 400, "invalid_json"),
      file("a stream", line(1, { stream: true })),
      file("an image of the network's", line(1, inner)),
      {
        name: "a second file",
        send: upload(line(1), [
          `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="c.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n${line(2, forbidden)}\r\n`,
        ]),
        status: 400,
      },
      {
        name: "a second purpose",
        send: upload(line(1, forbidden), [
          `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n`,
        ]),
        status: 400,
      },
      {
        name: "Anthropic's, the second of two",
        send: messages({}, { model: "claude-forbidden" }),
        status: 403,
        code: "forbidden",
      },
      { name: "Anthropic's, an image of the network's", send: messages(innerSource), status: 400 },
      {
        name: "Anthropic's, a model beside the request's",
        send: request(one.replace('"custom_id"', '"model":"claude-forbidden","custom_id"'), {
          path: "/v1/messages/batches",
        }),
        status: 400,
      },
      {
        name: "Anthropic's, allowed",
        send: messages({}),
        status: 200,
        answer: [reply('{"id":"msgbatch_1","type":"message_batch","processing_status":"in_progress"}')],
        never: ['"msgbatch_1"'],
        upstream: [wire(one, { ...claude, path: "/v1/messages/batches" })],
      },
      { name: "a batch of another tenant's file", first: made, as: "contractor", send: start, status: 404 },
      {
        name: "a file of another tenant, read",
        first: made,
        as: "contractor",
        send: request("", { method: "GET", path: "/v1/files/{taken}/content", type: undefined }),
        status: 404,
      },
      {
        name: "a file by the provider's own id",
        send: request("", { method: "GET", path: "/v1/files/file-1", type: undefined }),
        status: 404,
      },
      {
        name: "everybody's files, listed",
        send: request("", { method: "GET", path: "/v1/files?limit=100", type: undefined }),
        status: 403,
      },
    ],
  },
];
