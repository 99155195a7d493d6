/** Places that a request would have somebody else call. */
import type { Attack, Topic } from "../attack.js";
import { chat, claude, gem, request, wire } from "../attack.js";

const image = (url: string): string =>
  chat({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] });
const source = (type: string, url: string): string =>
  chat({
    model: "claude-small",
    max_tokens: 9,
    messages: [{ role: "user", content: [{ type, source: { type: "url", url } }] }],
  });
const file = (fileUri: string): string =>
  JSON.stringify({ contents: [{ parts: [{ fileData: { mimeType: "image/png", fileUri } }] }] });
const inner = [
  ...[
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:8181/v1/data",
    "http://localhost/",
    "https://10.0.0.1/x",
  ],
  ...[
    "http://[::1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://0x7f000001/",
    "http://2130706433/",
    "http://127.1/",
  ],
  ...[
    "http://metadata.google.internal/",
    "http://pdp/",
    "https://intranet.local/",
    "file:///etc/passwd",
    "gopher://x.example/",
  ],
  ...[
    "//169.254.169.254/",
    "ftp://files.example/",
    "HTTP://LOCALHOST/",
    " http://127.0.0.1/",
    "http://127.0.0.1.:80/",
    "http://user@127.0.0.1/",
  ],
  ...[
    "https://files.example@127.0.0.1/",
    "https://127.0.0.1\\@files.example/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "https://x.localhost/",
  ],
];
const refused = (name: string, body: string, path?: string): Attack => ({
  name,
  send: request(body, path === undefined ? {} : { path }),
  status: 400,
  ...(path?.startsWith("/v1beta") === true ? {} : { code: "invalid_request" }),
});
const outer = "https://images.example/a.png";

export const urls: readonly Topic[] = [
  {
    title: "URLs that a model's server is to fetch",
    then: "refused unless `https` to a public name, or `data:`: a server in one's own network fetches what it is told to",
    attacks: [
      ...inner.map((url) => refused(`an image at ${url}`, image(url))),
      refused("an image, Anthropic's", source("image", "http://169.254.169.254/"), "/v1/messages"),
      refused("a document, Anthropic's", source("document", "https://10.1.2.3/a.pdf"), "/v1/messages"),
      refused(
        "an image in a tool's result",
        chat({
          model: "claude-small",
          max_tokens: 9,
          messages: [
            {
              role: "user",
              content: [
                {
                  type: "tool_result",
                  tool_use_id: "t",
                  content: [{ type: "image", source: { type: "url", url: "http://localhost/" } }],
                },
              ],
            },
          ],
        }),
        "/v1/messages",
      ),
      refused(
        "an image, Gemini's",
        file("https://192.168.0.1/a.png"),
        "/v1beta/models/gem-small:generateContent",
      ),
      refused(
        "an image, in a response's input",
        JSON.stringify({
          model: "small",
          input: [{ role: "user", content: [{ type: "input_image", image_url: "http://169.254.169.254/" }] }],
        }),
        "/v1/responses",
      ),
      refused(
        "a file, in a response's input",
        JSON.stringify({
          model: "small",
          input: [{ role: "user", content: [{ type: "input_file", file_url: "http://127.0.0.1/" }] }],
        }),
        "/v1/responses",
      ),
      { name: "a public image", send: request(image(outer)), status: 200, upstream: [wire(image(outer))] },
      {
        name: "a public image, Anthropic's",
        send: request(source("image", outer), { path: "/v1/messages" }),
        status: 200,
        upstream: [wire(source("image", outer), claude)],
      },
      {
        name: "a public image, Gemini's",
        send: request(file(outer), { path: "/v1beta/models/gem-small:generateContent" }),
        status: 200,
        upstream: [wire(file(outer), gem("generateContent"))],
      },
      {
        name: "an image as it is",
        send: request(image("data:image/png;base64,AAAA")),
        status: 200,
        upstream: [wire(image("data:image/png;base64,AAAA"))],
      },
      {
        name: "an address that is only talked about",
        send: request(
          chat({ messages: [{ role: "user", content: "what is at http://169.254.169.254/ ?" }] }),
        ),
        status: 200,
        upstream: [
          wire(chat({ messages: [{ role: "user", content: "what is at http://169.254.169.254/ ?" }] })),
        ],
      },
    ],
  },
  {
    title: "tools that a model's server would call",
    then: "refused: tools of types that aren't known, which servers carry out undecided",
    attacks: [
      refused(
        "an MCP server in chat's tools",
        chat({ tools: [{ type: "mcp", server_label: "x", server_url: "http://169.254.169.254/" }] }),
      ),
      refused("a type that isn't one", chat({ tools: [{ type: "url_fetch", url: "http://10.0.0.1" }] })),
      refused("a tool without a type", chat({ tools: [{ function: { name: "read" } }] })),
      refused(
        "one name for us, another for them",
        chat({ tools: [{ type: "custom", function: { name: "read" }, custom: { name: "delete_file" } }] }),
      ),
      refused("a tool that is text", chat({ tools: ["read"] })),
      refused(
        "MCP in a response's tools",
        '{"model":"small","input":"x","tools":[{"type":"mcp","server_url":"http://10.0.0.1"}]}',
        "/v1/responses",
      ),
      refused(
        "a shell in a response's tools",
        '{"model":"small","input":"x","tools":[{"type":"local_shell"}]}',
        "/v1/responses",
      ),
      refused(
        "files of a store in a response's tools",
        '{"model":"small","input":"x","tools":[{"type":"file_search","vector_store_ids":["v"]}]}',
        "/v1/responses",
      ),
      refused(
        "code in a container of somebody's",
        '{"model":"small","input":"x","tools":[{"type":"code_interpreter","container":"c"}]}',
        "/v1/responses",
      ),
      refused(
        "an MCP server in Gemini's tools",
        '{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"mcpServers":[{}]}]}',
        "/v1beta/models/gem-small:generateContent",
      ),
    ],
  },
];
