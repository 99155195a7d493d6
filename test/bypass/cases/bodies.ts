/** Bodies that two readers could read differently. */
import type { Attack, Topic } from "../attack.js";
import { chat, claude, framed, gem, hi, request, wire } from "../attack.js";

const messages = JSON.stringify(hi);
const invalid = { status: 400, code: "invalid_request" } as const;
const twice = { status: 400, code: "duplicate_key" } as const;
const odd = (name: string, body: string, gets: Pick<Attack, "status" | "code"> = invalid): Attack => ({
  name,
  send: request(body),
  ...gets,
});
/** A field beside the right ones. */
const beside = (field: string): string => `{"model":"small","messages":${messages},${field}}`;
const inMessage = (fields: string): string => `{"model":"small","messages":[{${fields}}]}`;

export const bodies: readonly Topic[] = [
  {
    title: "two models in one body",
    then: "refused: `duplicate_key`",
    attacks: [
      odd("the same key twice", `{"model":"small","model":"forbidden-model","messages":${messages}}`, twice),
      odd("the other way round", `{"model":"forbidden-model","model":"small","messages":${messages}}`, twice),
      odd(
        "one of them escaped",
        `{"model":"small","mod\\u0065l":"forbidden-model","messages":${messages}}`,
        twice,
      ),
      odd(
        "both escaped, differently",
        `{"\\u006dodel":"small","\\u006Dodel":"forbidden-model","messages":${messages}}`,
        twice,
      ),
      odd(
        "far apart",
        `{"model":"small","messages":${messages},"stop":"x","model":"forbidden-model"}`,
        twice,
      ),
      odd("within a message", inMessage('"role":"user","content":"a","content":"b"'), twice),
      odd(
        "within a tool",
        beside('"tools":[{"type":"function","function":{"name":"a","name":"delete_file"}}]'),
        twice,
      ),
      odd("a second document", `${chat()}${chat({ model: "forbidden-model" })}`, {
        status: 400,
        code: "invalid_json",
      }),
      odd("a second document after a line", `${chat()}\n${chat({ model: "forbidden-model" })}`, {
        status: 400,
        code: "invalid_json",
      }),
      odd("a list of requests", `[${chat()},${chat({ model: "forbidden-model" })}]`),
      odd("hidden behind a comment", `{"model":"small",/*"messages":[],*/"messages":${messages}}`, {
        status: 400,
        code: "invalid_json",
      }),
      odd("by __proto__", beside('"__proto__":{"model":"forbidden-model"}')),
      odd("by constructor", beside('"constructor":{"prototype":{"model":"forbidden-model"}}')),
    ],
  },
  {
    title: "keys that look alike",
    then: "refused: fields that aren't known are, by name",
    attacks: [
      odd("Model", beside('"Model":"forbidden-model"')),
      odd("MODEL", beside('"MODEL":"forbidden-model"')),
      odd("a blank behind", beside('"model ":"forbidden-model"')),
      odd("a NUL behind", beside('"model\\u0000":"forbidden-model"')),
      odd("a zero-width space", beside('"mod\u200bel":"forbidden-model"')),
      odd("a Cyrillic o", beside('"m\u043edel":"forbidden-model"')),
      odd("full-width letters", beside('"\uff4dodel":"forbidden-model"')),
      odd("a long s in messages", beside('"me\u017f\u017fage\u017f":[]')),
      odd("a combining sign", beside('"mode\u0301l":"forbidden-model"')),
      odd(
        "Content beside content, which some servers take for one",
        inMessage('"role":"user","content":"a","Content":"b"'),
      ),
      odd("Role alone", inMessage('"role":"user","Role":"system","content":"a"')),
      odd("CONTENT instead of content", inMessage('"role":"user","CONTENT":"b"')),
      odd(
        "a Kelvin sign in tool_call_id's place",
        inMessage('"role":"assistant","tool_call\u017f":[],"content":"x"'),
      ),
      odd(
        "File_ID, for a file of the provider's",
        inMessage('"role":"user","content":[{"type":"file","file":{"File_ID":"f_1"}}]'),
      ),
    ],
  },
  {
    title: "fields that name another model, or another place to send to",
    then: "refused by name",
    attacks: [
      ...[
        "models",
        "fallbacks",
        "route",
        "provider",
        "model_list",
        "deployment_id",
        "engine",
        "extra_body",
      ].map((field) => odd(field, beside(`"${field}":["forbidden-model"]`))),
      ...[
        "api_base",
        "base_url",
        "api_key",
        "api_version",
        "custom_llm_provider",
        "headers",
        "proxy_server_request",
        "litellm_params",
      ].map((field) => odd(field, beside(`"${field}":"http://169.254.169.254/"`))),
      odd(
        "mcp_servers",
        `{"model":"claude-small","max_tokens":9,"messages":${messages},"mcp_servers":[{"type":"url","url":"http://evil.example"}]}`,
      ),
    ],
  },
  {
    title: "values of another type",
    then: "refused: what isn't of its type",
    attacks: [
      odd("stream as text", beside('"stream":"true"')),
      odd("stream as a number", beside('"stream":1')),
      odd("stream as a list", beside('"stream":[true]')),
      odd("a model in a list", `{"model":["small","forbidden-model"],"messages":${messages}}`),
      odd("a model in an object", `{"model":{"id":"forbidden-model"},"messages":${messages}}`),
      odd("no model", `{"model":null,"messages":${messages}}`),
      odd("messages as text", '{"model":"small","messages":"[]"}'),
      odd("max_tokens as text", beside('"max_tokens":"9"')),
      odd("max_tokens beyond numbers", beside('"max_tokens":1e999')),
      odd("max_tokens negative", beside('"max_tokens":-1')),
      odd("NaN", beside('"temperature":NaN'), { status: 400, code: "invalid_json" }),
      odd("tools as an object", beside('"tools":{"0":{}}')),
      odd("a role that is none", inMessage('"role":["user"],"content":"a"')),
      odd(
        "a role named constructor is only a role",
        '{"model":"forbidden-model","messages":[{"role":"constructor","content":"x"}]}',
        {
          status: 403,
          code: "forbidden",
        },
      ),
      odd("128 levels and more", inMessage(`"role":"user","content":${"[".repeat(300)}${"]".repeat(300)}`), {
        status: 400,
        code: "too_deep",
      }),
      {
        name: "a stream that isn't wanted is none",
        send: request(beside('"stream":null')),
        status: 200,
        upstream: [wire(beside('"stream":null'))],
      },
      {
        name: "numbers keep their text",
        send: request(beside('"temperature":1.0,"seed":9007199254740993')),
        status: 200,
        upstream: [wire(beside('"temperature":1.0,"seed":9007199254740993'))],
      },
      {
        name: "blanks and escapes aren't passed on, what they say is",
        send: request(`{ "mod\\u0065l" : "sm\\u0061ll" ,\r\n\t"messages":${messages} }`),
        status: 200,
        upstream: [wire(chat())],
      },
    ],
  },
  {
    title: "forbidden as it is",
    then: "denied by policy",
    attacks: [
      odd("OpenAI's chat", chat({ model: "forbidden-model" }), { status: 403, code: "forbidden" }),
      odd("streamed", chat({ model: "forbidden-model", stream: true }), { status: 403, code: "forbidden" }),
      odd("escaped", `{"model":"\\u0066orbidden-mode\\u006c","messages":${messages}}`, {
        status: 403,
        code: "forbidden",
      }),
      odd("the other protocol's model", chat({ model: "claude-forbidden" }), {
        status: 403,
        code: "forbidden",
      }),
      {
        name: "Anthropic's messages",
        send: request(chat({ model: "claude-forbidden", max_tokens: 9 }), { path: "/v1/messages" }),
        status: 403,
        code: "forbidden",
      },
      {
        name: "Gemini's path",
        send: request('{"contents":[{"parts":[{"text":"hi"}]}]}', {
          path: "/v1beta/models/gem-forbidden:generateContent",
        }),
        status: 403,
        says: ["forbidden"],
      },
      ...["embeddings", "moderations", "images/generations", "completions", "responses"].map(
        (path): Attack => ({
          name: path,
          send: request(
            '{"model":"forbidden-model","input":"x"}'.replace(
              "input",
              /image|^comp/.test(path) ? "prompt" : "input",
            ),
            {
              path: `/v1/${path}`,
            },
          ),
          status: 403,
          code: "forbidden",
        }),
      ),
      {
        name: "a model that is allowed",
        send: framed([`content-length: ${chat().length}`, "connection: close"], chat()),
        status: 200,
        says: ["hello"],
        upstream: [wire(chat())],
      },
      {
        name: "a model that is allowed, Anthropic's",
        send: request(chat({ model: "claude-small", max_tokens: 9 }), { path: "/v1/messages" }),
        status: 200,
        says: ["hello"],
        upstream: [wire(chat({ model: "claude-small", max_tokens: 9 }), claude)],
      },
      {
        name: "a model that is allowed, Gemini's",
        send: request('{"contents":[{"parts":[{"text":"hi"}]}]}', {
          path: "/v1beta/models/gem-small:generateContent",
        }),
        status: 200,
        says: ["hello"],
        upstream: [wire('{"contents":[{"parts":[{"text":"hi"}]}]}', gem("generateContent"))],
      },
    ],
  },
];
