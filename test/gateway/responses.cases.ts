/** Requests for responses that must not reach an upstream, as data. */
type Bad = { readonly name: string; readonly code?: string } & (
  { readonly body: string } | { readonly more: Readonly<Record<string, unknown>> }
);

const tool = (type: string, more: object = {}): Bad => ({
  name: `a tool of the type ${type}`,
  more: { tools: [{ type, ...more }] },
});
const item = (name: string, one: unknown): Bad => ({ name, more: { input: [one] } });

export const badResponses: readonly Bad[] = [
  { name: "the model twice", body: '{"model":"gpt","input":"x","model":"twin"}', code: "duplicate_key" },
  {
    name: "store twice",
    body: '{"model":"gpt","input":"x","store":false,"store":true}',
    code: "duplicate_key",
  },
  { name: "a field in another case", more: { Store: false } },
  { name: "messages", more: { messages: [] } },
  { name: "a conversation", more: { conversation: "conv_1" } },
  { name: "a conversation as an object", more: { conversation: { id: "conv_1" } } },
  { name: "a prompt that the provider keeps", more: { prompt: { id: "pmpt_1" } } },
  { name: "stream as text", more: { stream: "true" } },
  { name: "background as a number", more: { background: 1 } },
  { name: "store as text", more: { store: "false" } },
  { name: "a previous id in a list", more: { previous_response_id: ["resp_1"] } },
  { name: "no input", body: '{"model":"gpt"}' },
  { name: "an input that is an object", more: { input: { role: "user", content: "x" } } },
  tool("mcp", { server_label: "x", server_url: "http://169.254.169.254/" }),
  tool("file_search", { vector_store_ids: ["vs_1"] }),
  tool("code_interpreter", { container: "cntr_1" }),
  tool("shell"),
  tool("local_shell"),
  tool("computer_use_preview"),
  tool("Function", { name: "x" }),
  tool("function"),
  tool("image_generation", { input_image_mask: { file_id: "file_1" } }),
  { name: "a tool without a type", more: { tools: [{ name: "x" }] } },
  { name: "a tool that is a text", more: { tools: ["web_search"] } },
  { name: "a choice of what isn't offered here", more: { tool_choice: { type: "mcp", server_label: "x" } } },
  item("a text among the items", "hi"),
  item("an item of a type that isn't known", { type: "mcp_approval_response", approve: true }),
  item("an item of a type in another case", { type: "Message", role: "user", content: "x" }),
  item("a message without a role", { type: "message", content: "x" }),
  item("an id that is a number", { type: "item_reference", id: 1 }),
  item("a file that is kept", { role: "user", content: [{ type: "input_file", file_id: "file_1" }] }),
  item("a kept file as a call's output", {
    ...{ type: "function_call_output", call_id: "c", output: [{ type: "input_image", file_id: "file_1" }] },
  }),
];
