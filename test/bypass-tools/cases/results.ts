/** What servers answer: other ids, two replies, internals, secrets, lies about what it is. */
import type { Attack, Topic } from "../attack.js";
import { called, calls, gets, getsModern, modernCall, opens } from "../attack.js";
import type { Step } from "../upstream.js";
import { done, event, events, result, text, tool, tools } from "../upstream.js";

const answered = (
  name: string,
  steps: readonly Step[],
  code: string,
  never: readonly string[] = ["done"],
): Attack => ({
  name,
  answers: { "tools/call": [steps] },
  steps: [opens("s"), calls("s", "read", "{}", { status: 200, code, never })],
  upstream: [called("files", "read", "{}")],
});
const passes = (
  name: string,
  steps: readonly Step[],
  says: readonly string[],
  never: readonly string[] = [],
): Attack => ({
  name,
  answers: { "tools/call": [steps] },
  steps: [opens("s"), calls("s", "read", "{}", { says, never })],
  upstream: [called("files", "read", "{}")],
});
const reply = (id: string, said = "done"): string => `{"jsonrpc":"2.0","id":${id},"result":${text(said)}}`;

const replies: Topic = {
  title: "replies that aren't the reply",
  then: "-32603 `upstream_invalid`: one reply, to the request's own id, once",
  attacks: [
    answered("to another id", [{ body: reply("999") }], "upstream_invalid"),
    answered("to the id as a text", [{ body: reply('"{id}"') }], "upstream_invalid"),
    answered("to no id", [{ body: `{"jsonrpc":"2.0","result":${text("done")}}` }], "upstream_invalid"),
    answered(
      "with result and error",
      [{ body: `{"jsonrpc":"2.0","id":{id},"result":${text("done")},"error":{"code":1,"message":"x"}}` }],
      "upstream_invalid",
    ),
    answered(
      "two results in one",
      [{ body: `{"jsonrpc":"2.0","id":{id},"result":{},"result":${text("done")}}` }],
      "upstream_invalid",
    ),
    answered("a batch", [{ body: `[${reply("{id}")}]` }], "upstream_invalid"),
    answered(
      "two in a stream",
      [events, event(reply("{id}", "first")) + event(reply("{id}", "second")), "end"],
      "upstream_invalid",
      ["first", "second"],
    ),
    answered(
      "another's in a stream, then its own",
      [events, event(reply("999")), done, "end"],
      "upstream_invalid",
    ),
    answered("a stream that ends before it", [events, "end"], "upstream_invalid"),
    answered(
      "a member beside",
      [{ body: `{"jsonrpc":"2.0","id":{id},"result":${text("done")},"more":1}` }],
      "upstream_invalid",
    ),
    answered("a result that is none", [result("[]")], "upstream_invalid"),
    answered(
      "a result of a task, which runs on",
      [result('{"task":{"taskId":"1","status":"working"}}')],
      "upstream_invalid",
    ),
    {
      name: "a kind of result that isn't known",
      answers: {
        "tools/call": [[result('{"resultType":"task","content":[{"type":"text","text":"done"}]}')]],
      },
      steps: [
        modernCall("read", "{}", {
          path: "/mcp/tide",
          status: 200,
          code: "upstream_invalid",
          never: ["done"],
        }),
      ],
      upstream: [getsModern("tide", "tools/call", '"name":"read","arguments":{}', "read")],
    },
  ],
};

const kinds: Topic = {
  title: "answers of another kind",
  then: "-32603 `upstream_invalid`: nobody is followed, nothing is guessed, nothing half is given on",
  attacks: [
    answered("a page", [{ body: "<html>done</html>", type: "text/html" }], "upstream_invalid"),
    answered(
      "JSON that is said to be text",
      [{ body: reply("{id}"), type: "text/plain" }],
      "upstream_invalid",
    ),
    answered(
      "JSON that is said to be a stream",
      [{ body: reply("{id}"), type: "text/event-stream" }],
      "upstream_invalid",
    ),
    answered(
      "a stream that is said to be JSON",
      [{ body: done, type: "application/json" }],
      "upstream_invalid",
    ),
    answered("no type", ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"], "upstream_invalid"),
    answered("nothing", [{ body: "", status: "202 Accepted" }], "upstream_invalid"),
    ...["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"].map((status): Attack =>
      answered(
        `${status} to another place`,
        [{ body: "", status, head: "location: http://127.0.0.1:1/steal" }],
        "upstream_invalid",
      ),
    ),
    {
      ...answered(
        "a result with a status of refusal",
        [{ body: reply("{id}"), status: "400 Bad Request" }],
        "upstream_invalid",
      ),
      // some servers say so that they forgot the session
      upstream: [called("files", "read", "{}"), gets("files", "ping", "{}")],
    },
    answered(
      "a result with a status of failure",
      [{ body: reply("{id}"), status: "500 Oops" }],
      "upstream_invalid",
    ),
    answered(
      "bytes that are no UTF-8",
      ["HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n\xff\xfe}"],
      "upstream_invalid",
    ),
    answered(
      "a huge one",
      [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000000\r\n\r\n",
        { flood: " ".repeat(100_000), times: 90 },
      ],
      "upstream_invalid",
    ),
    answered(
      "a huge event",
      [events, "data: ", { flood: "x".repeat(100_000), times: 90 }, "\n\n", "end"],
      "upstream_invalid",
    ),
    { ...answered("silence", [{ wait: 2_500 }], "upstream_timeout"), hasty: true },
    answered("the end of the connection", ["end"], "upstream_unavailable"),
    answered(
      "compressed, unasked",
      [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
      ],
      "upstream_invalid",
    ),
  ],
};

const key = "server-key-of-the-gateway-7c1e";
const error = (code: number, message: string, data = "null"): Step => ({
  body: `{"jsonrpc":"2.0","id":{id},"error":{"code":${code},"message":${JSON.stringify(message)},"data":${data}}}`,
});
const inside: Topic = {
  title: "what is the server's own",
  then: "neither credentials nor the inside of a server reach a client, whatever it says of them",
  attacks: [
    {
      name: "a 401 that quotes the credential",
      answers: {
        "tools/call": [
          [
            {
              body: `{"jsonrpc":"2.0","id":{id},"error":{"code":-32600,"message":"bad key: Bearer ${key}"}}`,
              status: "401 Unauthorized",
              head: `www-authenticate: Bearer realm="${key}"`,
            },
          ],
        ],
      },
      steps: [opens("s"), calls("s", "read", "{}", { never: [key, "www-authenticate"] })],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "an error that quotes the credential",
      answers: { "tools/call": [[error(-32602, `invalid key ${key}`)]] },
      steps: [opens("s"), calls("s", "read", "{}", { never: [key] })],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "an error with a trace",
      answers: {
        "tools/call": [
          [
            error(
              -32603,
              "Error: no\n    at Object.<anonymous> (/srv/app/index.js:10:3)",
              '{"stack":"/srv/app/index.js"}',
            ),
          ],
        ],
      },
      steps: [opens("s"), calls("s", "read", "{}", { never: ["/srv/app", "index.js"] })],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "an error of a code of its own, with data",
      answers: {
        "tools/call": [[error(-32042, "postgres://u:p@db.internal/x", '{"url":"http://10.0.0.1/"}')]],
      },
      steps: [opens("s"), calls("s", "read", "{}", { never: ["postgres", "10.0.0.1"] })],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "a result that is an error, with a trace",
      answers: {
        "tools/call": [
          [result('{"isError":true,"content":[{"type":"text","text":"failed at /srv/app/index.js:10:3"}]}')],
        ],
      },
      steps: [opens("s"), calls("s", "read", "{}", { never: ["/srv/app"] })],
      upstream: [called("files", "read", "{}")],
    },
    answered("a result that quotes the credential", [result(text(`done ${key}`))], "upstream_invalid", [key]),
    answered(
      "a result that quotes the credential, with escapes",
      [result(`{"content":[{"type":"text","text":"done ${key.replace("server", "\\u0073erver")}"}]}`)],
      "upstream_invalid",
      [key],
    ),
    answered(
      "a result that quotes the credential, with escapes, in a stream",
      [
        events,
        event(
          `{"jsonrpc":"2.0","id":{id},"result":{"content":[{"type":"text","text":"done ${key.replaceAll("-", "\\u002d")}"}]}}`,
        ),
        "end",
      ],
      "upstream_invalid",
      [key],
    ),
    answered(
      "a log that quotes the credential, with escapes",
      [
        events,
        event(
          `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"${key.replaceAll("-", "\\u002d")}"}}`,
        ),
        done,
        "end",
      ],
      "upstream_invalid",
      [key],
    ),
    {
      name: "a definition that quotes the credential, with escapes",
      answers: {
        "guest tools/list": [
          [
            {
              body: `{"jsonrpc":"2.0","id":{id},"result":{"tools":[{"name":"made","description":"${key.replaceAll("-", "\\u002d")}","inputSchema":{"type":"object"}}]}}`,
            },
          ],
        ],
      },
      steps: [
        opens("s", { path: "/mcp/guest" }),
        calls("s", "made", "{}", { path: "/mcp/guest", code: "upstream_invalid", never: [key] }),
      ],
    },
    {
      name: "headers of the server's",
      answers: {
        "tools/call": [
          [{ body: reply("{id}"), head: "set-cookie: a=b\r\nx-internal: 1\r\nmcp-session-id: another" }],
        ],
      },
      steps: [
        opens("s"),
        calls("s", "read", "{}", { says: ["done"], never: ["set-cookie", "x-internal", "another"] }),
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "the server's session",
      steps: [{ ...opens("s"), never: ["mcp-session-id: up-"] }],
    },
    {
      name: "a secret in a result that policy denies",
      answers: {
        "tools/call": [[result(text("AKIAIOSFODNN7EXAMPLE ghp_0123456789abcdefghijABCDEFGHIJ012345 done"))]],
      },
      steps: [opens("s"), calls("s", "read", "{}", { code: "forbidden", never: ["ghp_", "done"] })],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "a secret in a resource within a result",
      answers: {
        "tools/call": [
          [
            result(
              '{"content":[{"type":"resource","resource":{"uri":"note://public/a","text":"ghp_0123456789abcdefghijABCDEFGHIJ012345"}}]}',
            ),
          ],
        ],
      },
      steps: [opens("s"), calls("s", "read", "{}", { code: "forbidden", never: ["ghp_"] })],
      upstream: [called("files", "read", "{}")],
    },
  ],
};

const structured = (name: string, value: string, passes = false): Attack => ({
  name,
  answers: {
    "tide tools/list": [
      [
        tools(
          tool("made", undefined, {
            outputSchema: {
              type: "object",
              properties: { n: { type: "integer" } },
              required: ["n"],
              additionalProperties: false,
            },
          }),
        ),
      ],
    ],
    "tide tools/call": [
      [result(`{"resultType":"complete","content":[{"type":"text","text":"done"}]${value}}`)],
    ],
  },
  steps: [
    modernCall("made", "{}", {
      path: "/mcp/tide",
      status: 200,
      ...(passes ? { says: ["done"] } : { code: "upstream_invalid", never: ["done"] }),
    }),
  ],
  upstream: [getsModern("tide", "tools/call", '"name":"made","arguments":{}', "made")],
});
const content: Topic = {
  title: "results that aren't what was promised",
  then: "-32603 `upstream_invalid`: what can't be read can't be decided on",
  attacks: [
    structured("as it should be", ',"structuredContent":{"n":1}', true),
    structured("structure that the schema doesn't allow", ',"structuredContent":{"n":"1"}'),
    structured("structure with a member more", ',"structuredContent":{"n":1,"m":1}'),
    structured("no structure", ""),
    answered(
      "content of an unknown type",
      [result('{"content":[{"type":"tool_use","name":"remove","input":{},"text":"done"}]}')],
      "upstream_invalid",
    ),
    answered("content that is no list", [result('{"content":"done"}')], "upstream_invalid"),
    answered(
      "text that is no text",
      [result('{"content":[{"type":"text","text":{"a":"done"}}]}')],
      "upstream_invalid",
    ),
    answered(
      "a picture that is none",
      [result('{"content":[{"type":"image","data":"<script>done","mimeType":"image/png"}]}')],
      "upstream_invalid",
    ),
    answered(
      "a resource with text and bytes",
      [result('{"content":[{"type":"resource","resource":{"uri":"a:b","text":"done","blob":"ZG9uZQ=="}}]}')],
      "upstream_invalid",
    ),
    answered(
      "a link with a line's end",
      [result('{"content":[{"type":"resource_link","name":"done","uri":"note://a\\r\\nx: y"}]}')],
      "upstream_invalid",
    ),
  ],
};

const lines: Topic = {
  title: "what isn't one event to every reader",
  then: "one event for each message, written anew",
  attacks: [
    passes(
      "an event within a text",
      [
        events,
        event(
          '{"jsonrpc":"2.0","id":{id},"result":{"content":[{"type":"text","text":"done\\n\\ndata: {}\\n\\n"}]}}',
        ),
        "end",
      ],
      ["done\\n\\ndata: {}\\n\\n"],
    ),
    passes(
      "ends of lines that only some readers know",
      [result('{"content":[{"type":"text","text":"done\u2028data: x\u2029\u0085"}]}')],
      ["done\\u2028data: x\\u2029\\u0085"],
    ),
    passes(
      "an id and a name of an event aren't passed on",
      [events, `event: message\nid: steal\nretry: 1\ndata: ${reply("{id}")}\n\n`, "end"],
      ["done"],
      ["steal"],
    ),
    passes(
      "a message in two lines",
      [
        events,
        'event: message\ndata: {"jsonrpc":"2.0","id":{id},\ndata: "result":{"content":[{"type":"text","text":"done"}]}}\n\n',
        "end",
      ],
      ["done"],
    ),
    passes(
      "events of another name",
      [events, `event: endpoint\ndata: http://127.0.0.1:1/\n\n${done}`, "end"],
      ["done"],
    ),
    answered("half a message", [events, 'data: {"jsonrpc":"2.0","id":{id}\n\n', "end"], "upstream_invalid"),
  ],
};

const greetings: Topic = {
  title: "servers that lie when they are greeted",
  then: "`upstream_invalid`, or what isn't carried isn't told",
  attacks: [
    ...(
      [
        ["a session id with a line's end", "mcp-session-id: a\rb"],
        ["a session id with a blank", "mcp-session-id: a b"],
        ["a session id of other letters", "mcp-session-id: \u00e9"],
        ["a session id of many letters", `mcp-session-id: ${"a".repeat(1025)}`],
        ["two session ids", "mcp-session-id: a\r\nmcp-session-id: b"],
      ] as const
    ).map(([name, head]): Attack => ({
      name,
      answers: {
        initialize: [
          [
            {
              body: '{"jsonrpc":"2.0","id":{id},"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}',
              head,
            },
          ],
        ],
      },
      steps: [{ ...opens("s"), takes: {}, status: 200, never: ['"result"'] }],
    })),
    {
      name: "a revision that nobody knows",
      answers: {
        initialize: [
          [
            result(
              '{"protocolVersion":"2099-01-01","capabilities":{},"serverInfo":{"name":"s","version":"1"}}',
            ),
          ],
        ],
      },
      steps: [{ ...opens("s"), takes: {}, status: 200, code: "upstream_invalid" }],
    },
    {
      name: "capabilities that nobody carries",
      answers: {
        initialize: [
          [
            {
              body: '{"jsonrpc":"2.0","id":{id},"result":{"protocolVersion":"2025-11-25","capabilities":{"tasks":{"list":{}},"experimental":{"steal":{}},"tools":{"steal":true}},"serverInfo":{"name":"s","version":"1","steal":1},"steal":1}}',
              head: "mcp-session-id: up-1",
            },
          ],
        ],
      },
      steps: [{ ...opens("s"), never: ["steal", "tasks"] }],
    },
  ],
};

export const results: readonly Topic[] = [replies, kinds, inside, content, lines, greetings];
