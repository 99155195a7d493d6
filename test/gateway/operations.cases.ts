/** Requests of operations that must not reach an upstream, as data. */

export interface OperationAttack {
  readonly name: string;
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: string;
  /** It is a well-formed call, so it is decided before it is found to lead nowhere. */
  readonly asks?: true;
}

type Case = Omit<OperationAttack, "path">;
const invalid = { status: 400, code: "invalid_request" };
const unknown = { status: 404, code: "unknown_route" };

/** What must be refused of every operation, given a body that would be taken. */
function everywhere(path: string, good: Readonly<Record<string, unknown>>): OperationAttack[] {
  const body = (more: Readonly<Record<string, unknown>> = {}): string => JSON.stringify({ ...good, ...more });
  const after = (text: string): string => `${body().slice(0, -1)},${text}}`;
  const cases: readonly Case[] = [
    { name: "the model twice", body: after('"model":"other"'), status: 400, code: "duplicate_key" },
    {
      name: "the model twice, once escaped",
      body: after('"mod\\u0065l":"other"'),
      status: 400,
      code: "duplicate_key",
    },
    { name: "a field in another case", body: after('"Model":"other"'), ...invalid },
    { name: "a look-alike of a field", body: after('"mode\u217c":"other"'), ...invalid },
    { name: "a field that isn't known", body: body({ models: ["other"] }), ...invalid },
    { name: "a field named __proto__", body: after('"__proto__":{"model":"other"}'), ...invalid },
    { name: "stream as text", body: body({ stream: "true" }), ...invalid },
    { name: "no model", body: body({ model: undefined }), ...invalid },
    { name: "a model that is null", body: body({ model: null }), ...invalid },
    { name: "a list of models", body: body({ model: ["gpt", "other"] }), ...invalid },
    { name: "a model by a provider's prefix", body: body({ model: "openai/gpt" }), ...gone() },
    { name: "a model in another case", body: body({ model: "GPT" }), ...gone() },
    { name: "an alias's own name", body: body({ model: "real-name" }), ...gone() },
    { name: "a model with a blank behind", body: body({ model: "gpt " }), ...gone() },
    { name: "an array", body: `[${body()}]`, ...invalid },
    { name: "two documents", body: `${body()}${body()}`, status: 400, code: "invalid_json" },
    {
      name: "compressed, as it says",
      body: body(),
      headers: { "content-encoding": "gzip" },
      status: 415,
      code: "unsupported_encoding",
    },
    {
      name: "another media type",
      body: body(),
      headers: { "content-type": "text/plain" },
      status: 415,
      code: "unsupported_media_type",
    },
  ];
  return [
    ...cases.map((one) => ({ ...one, path })),
    ...[`${path}/`, `${path}?x=1`, path.replace("/v1/", "/V1/"), path.replace("/v1/", "/v1//")].map(
      (other) => ({
        ...{ name: "another way to write the path", path: other, body: body() },
        ...unknown,
      }),
    ),
  ];
}

function gone(): { status: number; code: string; asks: true } {
  return { status: 404, code: "unknown_model", asks: true };
}

const embedding = { model: "gpt", input: "x" };
const embeddings: readonly Case[] = [
  { name: "nothing to embed", body: JSON.stringify({ ...embedding, input: [] }), ...invalid },
  { name: "texts and tokens mixed", body: JSON.stringify({ ...embedding, input: ["a", 1] }), ...invalid },
  { name: "an object to embed", body: JSON.stringify({ ...embedding, input: { text: "a" } }), ...invalid },
  { name: "half a token", body: JSON.stringify({ ...embedding, input: [1.5] }), ...invalid },
  { name: "a list in a list in a list", body: JSON.stringify({ ...embedding, input: [[[1]]] }), ...invalid },
  { name: "no dimensions", body: JSON.stringify({ ...embedding, dimensions: 0 }), ...invalid },
  { name: "dimensions as text", body: JSON.stringify({ ...embedding, dimensions: "8" }), ...invalid },
  { name: "another encoding", body: JSON.stringify({ ...embedding, encoding_format: "bin" }), ...invalid },
];

const kept = (name: string, key: string): Case => ({
  name,
  body: `{"model":"sonnet","messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","${key}":"f_1"}}]}]}`,
  ...invalid,
});
const counted = { model: "sonnet", messages: [{ role: "user", content: "hi" }] };
const counts: readonly Case[] = [
  { name: "a limit of tokens", body: JSON.stringify({ ...counted, max_tokens: 5 }), ...invalid },
  { name: "a stream", body: JSON.stringify({ ...counted, stream: true }), ...invalid },
  { name: "messages as text", body: JSON.stringify({ ...counted, messages: "hi" }), ...invalid },
  { name: "a message without a role", body: JSON.stringify({ ...counted, messages: [{}] }), ...invalid },
  kept("a file that is kept", "file_id"),
  kept("a file that is kept, with an escape", "file\\u005fid"),
];

const at = (path: string, cases: readonly Case[]): OperationAttack[] =>
  cases.map((one) => ({ ...one, path }));

const prompt = { model: "gpt", prompt: "x" };
const prompts: readonly Case[] = [
  { name: "no prompt", body: JSON.stringify({ model: "gpt" }), ...invalid },
  { name: "texts and tokens mixed", body: JSON.stringify({ ...prompt, prompt: ["a", 1] }), ...invalid },
  {
    name: "a prompt that is an object",
    body: JSON.stringify({ ...prompt, prompt: { text: "a" } }),
    ...invalid,
  },
  { name: "messages", body: JSON.stringify({ ...prompt, messages: [] }), ...invalid },
  { name: "a limit as text", body: JSON.stringify({ ...prompt, max_tokens: "5" }), ...invalid },
  { name: "no limit, by -1", body: JSON.stringify({ ...prompt, max_tokens: -1 }), ...invalid },
  { name: "stops that aren't texts", body: JSON.stringify({ ...prompt, stop: [1] }), ...invalid },
];

const drawn = { model: "gpt", prompt: "x" };
const images: readonly Case[] = [
  { name: "the provider's own model", body: JSON.stringify({ prompt: "x" }), ...invalid },
  { name: "a list of prompts", body: JSON.stringify({ ...drawn, prompt: ["x"] }), ...invalid },
  { name: "a number as text", body: JSON.stringify({ ...drawn, n: "1" }), ...invalid },
  { name: "an image to begin with", body: JSON.stringify({ ...drawn, image: "x" }), ...invalid },
];

const moderated = { model: "gpt", input: "x" };
const url = { url: "https://x.example/a.png" };
const moderations: readonly Case[] = [
  { name: "the provider's own model", body: JSON.stringify({ input: "x" }), ...invalid },
  { name: "tokens", body: JSON.stringify({ ...moderated, input: [1] }), ...invalid },
  { name: "a part of no type", body: JSON.stringify({ ...moderated, input: [{ text: "x" }] }), ...invalid },
  {
    name: "a part of two types",
    body: JSON.stringify({ ...moderated, input: [{ type: "text", text: "x", image_url: url }] }),
    ...invalid,
  },
  {
    name: "a part of an unknown type",
    body: JSON.stringify({ ...moderated, input: [{ type: "file", file: {} }] }),
    ...invalid,
  },
  {
    name: "parts and texts mixed",
    body: JSON.stringify({ ...moderated, input: [{ type: "text", text: "x" }, "y"] }),
    ...invalid,
  },
];

export const operationAttacks: readonly OperationAttack[] = [
  ...everywhere("/v1/embeddings", embedding),
  ...at("/v1/embeddings", embeddings),
  ...everywhere("/v1/completions", prompt),
  ...at("/v1/completions", prompts),
  ...everywhere("/v1/images/generations", drawn),
  ...at("/v1/images/generations", images),
  ...everywhere("/v1/moderations", moderated),
  ...at("/v1/moderations", moderations),
  ...everywhere("/v1/messages/count_tokens", counted),
  ...at("/v1/messages/count_tokens", counts),
];

/** Bodies that are taken, and the bytes that an upstream gets. */
export const sentAs: readonly { name: string; path: string; body: string; sends: string }[] = [
  {
    name: "numbers keep their text",
    path: "/v1/completions",
    body: '{"model":"gpt","prompt":"x","temperature":1.0,"top_p":1e-1,"seed":12345678901234567890}',
    sends: '{"model":"gpt","prompt":"x","temperature":1.0,"top_p":1e-1,"seed":12345678901234567890}',
  },
  {
    name: "an escaped key is the key",
    path: "/v1/embeddings",
    body: ' { "mod\\u0065l" : "gpt", "input" : "a\\/b" } ',
    sends: '{"model":"gpt","input":"a/b"}',
  },
  {
    name: "tokens stay tokens",
    path: "/v1/embeddings",
    body: '{"model":"gpt","input":[[1,2],[3]]}',
    sends: '{"model":"gpt","input":[[1,2],[3]]}',
  },
  {
    name: "texts stay texts",
    path: "/v1/moderations",
    body: '{"model":"gpt","input":["a"]}',
    sends: '{"model":"gpt","input":["a"]}',
  },
  {
    name: "an alias becomes the upstream's name, where it stands",
    path: "/v1/responses",
    body: '{"input":"x","model":"alias","store":null,"temperature":0.50}',
    sends: '{"input":"x","model":"real-name","store":null,"temperature":0.50}',
  },
  {
    name: "what a caller says of tools isn't touched",
    path: "/v1/messages/count_tokens",
    body: '{"model":"sonnet","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"file_id":1.0}}]}]}',
    sends:
      '{"model":"claude-real","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"file_id":1.0}}]}]}',
  },
];
