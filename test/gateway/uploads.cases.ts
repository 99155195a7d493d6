/** Bodies of `multipart/form-data` that can be read in two ways, or bring what isn't known: each refused, and not sent. */
export const boundary = "b-0";
const head = (name: string, more = ""): string => `content-disposition: form-data; name="${name}"${more}`;
export const part = (name: string, value: string): string =>
  `--${boundary}\r\n${head(name)}\r\n\r\n${value}\r\n`;
export const file = (
  value = "RIFF",
  { name = "file", filename = "a.wav", type = "audio/wav" } = {},
): string =>
  `--${boundary}\r\n${head(name, `; filename="${filename}"`)}\r\ncontent-type: ${type}\r\n\r\n${value}\r\n`;
export const end = `--${boundary}--\r\n`;
const model = part("model", "ears");
const raw = (heads: string, value = "x"): string => `--${boundary}\r\n${heads}\r\n\r\n${value}\r\n`;

export interface BadUpload {
  readonly name: string;
  readonly body: string | Buffer;
  readonly type?: string;
  readonly status?: number;
  readonly code?: string;
}

const multipart = `multipart/form-data; boundary=${boundary}`;
export const badUploads: readonly BadUpload[] = [
  { name: "a second file", body: model + file() + file() + end },
  { name: "a second model", body: model + part("model", "other") + file() + end },
  { name: "a second model after the file", body: model + file() + part("model", "other") + end },
  { name: "an unknown field", body: model + part("frobnicate", "1") + file() + end },
  { name: "a field whose name differs in case", body: model + part("Language", "en") + file() + end },
  { name: "a field of objects' prototypes", body: model + part("__proto__", "x") + file() + end },
  { name: "a file in a field's place", body: file("ears", { name: "model" }) + file() + end },
  { name: "a field in the file's place", body: model + part("file", "RIFF") + end },
  { name: "a file under another name", body: model + file("RIFF", { name: "file[]" }) + end },
  { name: "no file", body: model + end },
  { name: "no model", body: file() + end },
  { name: "a number that isn't one", body: model + part("temperature", "1e0") + file() + end },
  { name: "a flag that isn't one", body: model + part("stream", "True") + file() + end },
  {
    name: "bytes that aren't UTF-8",
    body: Buffer.from(part("model", "\xff") + file() + end, "latin1"),
    code: "invalid_utf8",
  },
  {
    name: "a charset of a field",
    body: raw(`${head("model")}\r\ncontent-type: text/plain; charset=utf-7`, "ears") + file() + end,
  },
  { name: "a charset in the field _charset_", body: part("_charset_", "utf-16") + model + file() + end },
  {
    name: "an encoded part",
    body: raw(`${head("model")}\r\ncontent-transfer-encoding: base64`, "ZWFycw==") + file() + end,
  },
  { name: "a part within a part", body: model + file("x", { type: "multipart/mixed; boundary=c" }) + end },
  {
    name: "two names of one part",
    body: raw('content-disposition: form-data; name="x"; name="model"', "ears") + file() + end,
  },
  {
    name: "two dispositions, the known one first",
    body: raw(`${head("model")}\r\n${head("x")}`, "ears") + file() + end,
  },
  { name: "two dispositions", body: raw(`${head("x")}\r\n${head("model")}`, "ears") + file() + end },
  {
    name: "a name without quotes",
    body: raw("content-disposition: form-data; name=model", "ears") + file() + end,
  },
  {
    name: "an escape in a name",
    body: raw('content-disposition: form-data; name="mo\\"del"', "ears") + file() + end,
  },
  { name: "an extended name", body: model + raw(head("file", "; filename*=utf-8''a.wav")) + end },
  {
    name: "both kinds of names",
    body: model + raw(head("file", `; filename="a.wav"; filename*=utf-8''b.wav`)) + end,
  },
  { name: "no disposition", body: model + raw("content-type: audio/wav") + end },
  { name: "a part without a head", body: `${model}--${boundary}\r\n\r\n${file()}${end}` },
  {
    name: "a boundary that goes on",
    body: `${model}--${boundary}x\r\n${head("file", '; filename="a.wav"')}\r\n\r\nx\r\n${end}`,
  },
  ...[
    "../a.wav",
    "a/b.wav",
    "a\\b.wav",
    ".wav",
    "a%2f.wav",
    "a\u0000.wav",
    "a.wav;x",
    "a\u202e.wav",
    " a.wav",
    "a.wav.",
    "a\tb",
    "-rf",
  ].map((filename) => ({
    name: `the filename ${JSON.stringify(filename)}`,
    body: model + file("x", { filename }) + end,
  })),
  { name: "no media type", body: model + raw(head("file", '; filename="a.wav"')) + end },
  { name: "no filename", body: model + file("x", { filename: "" }) + end },
  { name: "a media type that is none", body: model + file("x", { type: "audio" }) + end },
  { name: "a line break in a media type", body: model + file("x", { type: "audio/wav\nx-a: b" }) + end },
  { name: "an end that doesn't come", body: model + file() },
  { name: "nothing", body: "" },
  { name: "only the end", body: end },
  { name: "too many parts", body: model + part("include[]", "x").repeat(70) + file() + end },
  { name: "a long field", body: model + part("prompt", "x".repeat(70_000)) + file() + end },
  {
    name: "a long head",
    body: model + raw(`${head("file", '; filename="a.wav"')}\r\nx-a: ${"x".repeat(90_000)}`) + end,
  },
  {
    name: "JSON",
    body: '{"model":"ears"}',
    type: "application/json",
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "no boundary",
    body: model + file() + end,
    type: "multipart/form-data",
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "two boundaries",
    body: model + file() + end,
    type: `${multipart}; boundary=c`,
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "a charset of all",
    body: model + file() + end,
    type: `${multipart}; charset=utf-7`,
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "another kind of multipart",
    body: model + file() + end,
    type: `multipart/mixed; boundary=${boundary}`,
    status: 415,
    code: "unsupported_media_type",
  },
];
