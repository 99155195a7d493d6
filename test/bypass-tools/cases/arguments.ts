/** Arguments that two readers could take for different things, and what stands beside them. */
import type { Attack, Topic } from "../attack.js";
import { called, calls, getsModern, meta, modernCall, opens, posts, rpc } from "../attack.js";

const refused = (name: string, tool: string, args: string, code: string, status = 200): Attack => ({
  name,
  steps: [
    opens("s"),
    posts("s", rpc("tools/call", `{"name":"${tool}","arguments":${args}}`), {
      status,
      code,
      never: ["done"],
    }),
  ],
});
const passes = (name: string, tool: string, args: string): Attack => ({
  name,
  steps: [opens("s"), calls("s", tool, args, { says: ["done"] })],
  upstream: [called("files", tool, args)],
});

const numbers: Topic = {
  title: "numbers",
  then: "decided and sent with the text that they came with: nobody behind reads another number",
  attacks: [
    passes("as it should be", "pay", '{"amount":10}'),
    passes("with a fraction of nothing", "pay", '{"amount":10.0}'),
    passes("with an exponent", "pay", '{"amount":1e1}'),
    passes("as nothing, with a sign", "pay", '{"amount":-0}'),
    refused("too much", "pay", '{"amount":11}', "forbidden"),
    refused("too much, with an exponent", "pay", '{"amount":1.1e1}', "forbidden"),
    refused(
      "a little too much, beyond what doubles hold",
      "pay",
      '{"amount":10.000000000000000001}',
      "forbidden",
    ),
    refused("more than doubles hold", "pay", '{"amount":1e400}', "forbidden"),
    refused("an integer that doubles don't hold", "pay", '{"amount":9007199254740993}', "forbidden"),
    refused(
      "less than nothing, by so little that doubles don't hold it",
      "pay",
      '{"amount":-1e-400}',
      "invalid_arguments",
    ),
    refused("a half", "pay", '{"amount":0.5}', "invalid_arguments"),
    refused("a text that is a number", "pay", '{"amount":"5"}', "forbidden"),
    refused("none", "pay", "{}", "invalid_arguments"),
    refused("Infinity", "pay", '{"amount":Infinity}', "invalid_json", 400),
    refused("a plus", "pay", '{"amount":+5}', "invalid_json", 400),
    refused("a nought before", "pay", '{"amount":010}', "invalid_json", 400),
    refused("hexadecimal", "pay", '{"amount":0x5}', "invalid_json", 400),
    passes(
      "that doubles don't hold, where nothing is said of them",
      "nest",
      '{"a":9007199254740993,"b":1.0,"c":0.1000000000000000000001}',
    ),
    refused("that is no number to anybody", "nest", '{"a":1e400}', "invalid_arguments"),
  ],
};

const keys: Topic = {
  title: "keys of arguments",
  then: "each once, however it is written, at any depth; what the schema doesn't know is refused",
  attacks: [
    refused("twice", "pay", '{"amount":1,"amount":1000}', "duplicate_key", 400),
    refused("twice, one of them escaped", "pay", '{"amount":1,"\\u0061mount":1000}', "duplicate_key", 400),
    refused("twice, deep within", "nest", '{"a":[{"b":{"c":1,"c":2}}]}', "duplicate_key", 400),
    refused(
      "__proto__ with an amount of its own",
      "pay",
      '{"__proto__":{"amount":1000},"amount":1}',
      "invalid_arguments",
    ),
    refused("__proto__ instead of what is wanted", "pay", '{"__proto__":{"amount":1}}', "invalid_arguments"),
    refused("__proto__ twice", "nest", '{"__proto__":1,"__proto__":2}', "duplicate_key", 400),
    refused("constructor", "pay", '{"amount":1,"constructor":{"prototype":{}}}', "invalid_arguments"),
    refused("in other letters", "pay", '{"Amount":1000,"amount":1}', "invalid_arguments"),
    refused("with a blank of no width", "pay", '{"amount":1,"amount\u200b":1000}', "invalid_arguments"),
    refused("arguments twice", "pay", '{"amount":1},"arguments":{"amount":1000}', "duplicate_key", 400),
    refused("arguments as a list", "nest", "[]", "invalid_params", 400),
    refused("arguments as a text of JSON", "pay", '"{\\"amount\\":1}"', "invalid_params", 400),
    refused("__proto__, where any key may stand", "nest", '{"__proto__":{"a":1}}', "invalid_arguments"),
    passes(
      "constructor, where any key may stand, is a key like any other",
      "nest",
      '{"constructor":{"prototype":2}}',
    ),
    {
      name: "escapes are written as what they mean",
      steps: [
        opens("s"),
        posts("s", rpc("tools/call", '{"name":"re\\u0061d","arguments":{"p\\u0061th":"\\u0061"}}'), {
          says: ["done"],
        }),
      ],
      upstream: [called("files", "read", '{"path":"a"}')],
    },
  ],
};

const values: Topic = {
  title: "what policy forbids as an argument",
  then: "denied, however it is written",
  attacks: [
    refused("as it is", "read", '{"path":"/etc/shadow"}', "forbidden"),
    refused("escaped", "read", '{"path":"\\/etc\\u002fshadow"}', "forbidden"),
    refused("as a key", "nest", '{"/etc/shadow":1}', "forbidden"),
    refused("deep within", "nest", `${'{"a":['.repeat(40)}"/etc/shadow"${"]}".repeat(40)}`, "forbidden"),
    refused("deeper than is read", "nest", `${'{"a":'.repeat(130)}1${"}".repeat(130)}`, "too_deep", 400),
    refused("half of a letter of two", "read", '{"path":"\\ud800"}', "invalid_json", 400),
    refused("an unknown escape", "read", '{"path":"\\x41"}', "invalid_json", 400),
    refused("a comment", "read", '{"path":"a"/* , "path": "b" */}', "invalid_json", 400),
    refused("a comma too many", "read", '{"path":"a",}', "invalid_json", 400),
    refused("NUL within", "read", '{"path":"a\u0000"}', "invalid_json", 400),
  ],
};

const caller = '"authorization":"Bearer {token}","countersign/token":"{token}"';
const beside: Topic = {
  title: "what stands beside arguments",
  then: "`_meta` isn't passed on, but for what the gateway writes itself: no token, no cookie, no claim goes on with it",
  attacks: [
    {
      name: "the caller's token in _meta",
      steps: [
        opens("s"),
        posts("s", rpc("tools/call", `{"name":"read","arguments":{},"_meta":{${caller}}}`), {
          says: ["done"],
        }),
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "the caller's token in _meta, to a server without sessions",
      steps: [
        {
          ...modernCall("read", "{}", { path: "/mcp/tide", says: ["done"] }),
          body: rpc("tools/call", `{"name":"read","arguments":{},${meta("{}", `,${caller}`)}}`),
        },
      ],
      upstream: [getsModern("tide", "tools/call", '"name":"read","arguments":{}', "read")],
    },
    {
      name: "who the client says that it is",
      steps: [
        {
          ...modernCall("read", "{}", { path: "/mcp/tide", says: ["done"] }),
          body: rpc(
            "tools/call",
            `{"name":"read","arguments":{},${meta("{}", ',"io.modelcontextprotocol/clientInfo":{"name":"canary-93f1","version":"1"}')}}`,
          ),
        },
      ],
      upstream: [getsModern("tide", "tools/call", '"name":"read","arguments":{}', "read")],
    },
    {
      name: "capabilities that nobody carries",
      steps: [
        modernCall("read", "{}", {
          path: "/mcp/tide",
          caps: '{"tasks":{},"experimental":{"x":{"canary-93f1":1}},"extensions":{"a/b":{}}}',
          says: ["done"],
        }),
      ],
      upstream: [getsModern("tide", "tools/call", '"name":"read","arguments":{}', "read")],
    },
    {
      name: "a task of another's in _meta",
      steps: [
        opens("s"),
        posts(
          "s",
          rpc(
            "tools/call",
            '{"name":"read","arguments":{},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"},"modelcontextprotocol.io/task":{}}}',
          ),
          { says: ["done"] },
        ),
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "a trace that holds something else",
      steps: [
        opens("s"),
        posts(
          "s",
          rpc(
            "tools/call",
            '{"name":"read","arguments":{},"_meta":{"traceparent":"canary-93f1","tracestate":"canary-93f1","baggage":"canary-93f1"}}',
          ),
          { says: ["done"] },
        ),
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "a token in the progress token",
      steps: [
        opens("s"),
        posts(
          "s",
          rpc("tools/call", '{"name":"read","arguments":{},"_meta":{"progressToken":"canary-93f1"}}'),
          { says: ["done"] },
        ),
      ],
      upstream: [
        {
          server: "files",
          body: '{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{"name":"read","arguments":{},"_meta":{"progressToken":{uuid}}}}',
        },
      ],
    },
    {
      name: "_meta in arguments is an argument, which the schema doesn't know",
      steps: [opens("s"), calls("s", "read", '{"_meta":{"a":1}}', { code: "invalid_arguments" })],
    },
    {
      name: "headers of a client's",
      steps: [
        opens("s"),
        calls("s", "read", "{}", {
          head: [
            "proxy-connection: x",
            "x-forwarded-for: canary-93f1",
            "forwarded: for=canary-93f1",
            "x-mcp-token: canary-93f1",
            "x-session: canary-93f1",
            "last-event-id: canary-93f1",
            "baggage: canary-93f1",
            "a2a-version: canary-93f1",
          ],
          says: ["done"],
        }),
      ],
      upstream: [called("files", "read", "{}")],
    },
  ],
};

export const argumentsOf: readonly Topic[] = [numbers, keys, values, beside];
