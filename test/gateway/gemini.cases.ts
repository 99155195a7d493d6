/** Requests of Gemini's protocol that must not reach an upstream, as data. */
export interface BadGemini {
  readonly name: string;
  readonly path?: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
  readonly code?: string;
}

const contents = [{ role: "user", parts: [{ text: "hi" }] }];
const good = JSON.stringify({ contents });
const withBody = (name: string, more: object): BadGemini => ({
  name,
  body: JSON.stringify({ contents, ...more }),
});
const part = (name: string, one: unknown): BadGemini => withBody(name, { contents: [{ parts: [one] }] });
const tool = (name: string, one: unknown): BadGemini => withBody(name, { tools: [one] });
const unknown = { status: 404, code: "unknown_route" };
const at = (name: string, path: string): BadGemini => ({
  name,
  path: `/v1beta/models/${path}`,
  body: good,
  ...unknown,
});
const gone = { status: 404, code: "unknown_model" };
const content = { parts: [{ text: "x" }] };
const batch = (name: string, ...requests: readonly unknown[]): BadGemini => ({
  ...{ name, path: "/v1beta/models/flash:batchEmbedContents", body: JSON.stringify({ requests }) },
});

export const badGemini: readonly BadGemini[] = [
  { name: "contents twice", body: '{"contents":[],"contents":[]}', code: "duplicate_key" },
  {
    name: "tools twice, once escaped",
    body: '{"contents":[],"tools":[],"too\\u006cs":[]}',
    code: "duplicate_key",
  },
  withBody("a model in the body", { model: "models/other" }),
  withBody("a field in another case", { Contents: [] }),
  withBody("a field in the other spelling", { generation_config: { maxOutputTokens: 9 } }),
  withBody("instructions in the other spelling", { system_instruction: { parts: [] } }),
  withBody("a parameter in the other spelling", { generationConfig: { max_output_tokens: 9 } }),
  withBody("a limit as text", { generationConfig: { maxOutputTokens: "9" } }),
  withBody("content that the provider keeps", { cachedContent: "cachedContents/1" }),
  withBody("what the provider goes on from", { continuationToken: "x" }),
  withBody("contents as text", { contents: "hi" }),
  withBody("a content without parts", { contents: [{ role: "user" }] }),
  part("a part that is a text", "hi"),
  part("a part of a kind that isn't known", { toolCall: {} }),
  part("a file in the other spelling", { file_data: { file_uri: "https://x.example/a" } }),
  part("a file that the provider keeps", {
    fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/1" },
  }),
  part("a file that the provider keeps, in capitals", {
    fileData: { fileUri: "https://GenerativeLanguage.GoogleAPIs.com./v1beta/files/1" },
  }),
  part("a file by its name", { fileData: { fileUri: "files/1" } }),
  part("a file in a bucket", { fileData: { fileUri: "gs://bucket/a" } }),
  part("a file twice", { fileData: { fileUri: "https://x.example/a", file_uri: "gs://bucket/a" } }),
  tool("a tool that calls out", { mcpServers: [{ name: "x" }] }),
  tool("a tool that searches stores", { fileSearch: { fileSearchStoreNames: ["s"] } }),
  tool("a tool that uses a computer", { computerUse: {} }),
  tool("functions in the other spelling", { function_declarations: [{ name: "x" }] }),
  tool("a function without a name", { functionDeclarations: [{}] }),
  withBody("a tool's choice in the other spelling", { toolConfig: { function_calling_config: {} } }),
  { name: "no JSON", body: "contents=1", code: "invalid_json" },
  {
    name: "another type",
    body: good,
    headers: { "content-type": "text/plain" },
    status: 415,
    code: "unsupported_media_type",
  },
  at("a model in another's folder", "../tunedModels/flash:generateContent"),
  at("an encoded slash", "x%2fflash:generateContent"),
  at("an encoded colon", "flash%3AgenerateContent"),
  at("two verbs", "flash:generateContent:streamGenerateContent"),
  at("a verb in another case", "flash:GenerateContent"),
  at("a verb that isn't known", "flash:frobnicate"),
  at("a key in the query", "flash:generateContent?key=x"),
  at("a stream in another form", "flash:streamGenerateContent"),
  at("a stream with more in the query", "flash:streamGenerateContent?alt=sse&key=x"),
  { name: "the API's other version", path: "/v1beta2/models/flash:generateContent", body: good, ...unknown },
  { name: "a model in another case", path: "/v1beta/models/FLASH:generateContent", body: good, ...gone },
  { name: "an alias's own name", path: "/v1beta/models/gemini-real:generateContent", body: good, ...gone },
  batch("nothing to embed"),
  batch("two models", { model: "models/flash", content }, { model: "models/other", content }),
  batch("the upstream's own name", { model: "models/gemini-real", content }),
  batch("a model without its folder", { model: "flash", content }),
  batch("what isn't known", { content, contents: [] }),
  batch("no content", { model: "models/flash" }),
  {
    name: "two models in one",
    path: "/v1beta/models/flash:embedContent",
    body: JSON.stringify({ model: "models/other", content }),
  },
];
