/** Headers that say something else than the body, for who routes or decides by them. */
import type { Attack, Topic } from "../attack.js";
import { called, calls, getsModern, meta, modern, modernCall, opens, posts, rpc } from "../attack.js";

const version = "mcp-protocol-version: 2026-07-28";
const of = (...lines: string[]): readonly string[] => [version, ...lines];
const method = "mcp-method: tools/call";
const mismatch = (name: string, head: readonly string[], args = "{}", tool = "read"): Attack => ({
  name,
  steps: [modernCall(tool, args, { head, status: 400, code: "header_mismatch", never: ["done"] })],
});
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString("base64")}?=`;
const passes = (name: string, head: readonly string[], args = "{}", tool = "read"): Attack => ({
  name,
  steps: [modernCall(tool, args, { head, says: ["done"] })],
  upstream: [called("files", tool, args)],
});

const repeats: Topic = {
  title: "headers that disagree with the body",
  then: "400 -32020 `header_mismatch`, before anything is decided",
  attacks: [
    mismatch("another name", of(method, "mcp-name: remove")),
    mismatch(
      "the name of an allowed tool, before a forbidden one",
      of(method, "mcp-name: read"),
      "{}",
      "remove",
    ),
    mismatch("another method", of("mcp-method: tools/list", "mcp-name: read")),
    mismatch("no method", of("mcp-name: read")),
    mismatch("no name", of(method)),
    mismatch("the method in other letters", of("mcp-method: Tools/Call", "mcp-name: read")),
    {
      name: "two names",
      steps: [
        modernCall("read", "{}", {
          head: of(method, "mcp-name: read", "mcp-name: read"),
          status: 400,
          code: "invalid_request",
        }),
      ],
    },
    mismatch("two names in one", of(method, "mcp-name: read, remove")),
    mismatch("an encoded method", of(`mcp-method: ${base64("tools/call")}`, "mcp-name: read")),
    mismatch("a name in other letters", of(method, "mcp-name: READ")),
    mismatch("a name with percent signs", of(method, "mcp-name: re%61d")),
    mismatch("an empty name", of(method, "mcp-name: ")),
    mismatch("another version in the header", ["mcp-protocol-version: 2025-11-25", method, "mcp-name: read"]),
    mismatch("no version in the header", [method, "mcp-name: read"]),
    {
      name: "no version in the body",
      steps: [
        {
          ...modernCall("read", "{}"),
          body: rpc("tools/call", '{"name":"read","arguments":{}}'),
          status: 400,
          code: "invalid_params",
        },
      ],
    },
    {
      name: "a version that isn't known, in both",
      steps: [
        {
          ...modernCall("read", "{}", {
            head: ["mcp-protocol-version: 2027-01-01", method, "mcp-name: read"],
          }),
          body: rpc(
            "tools/call",
            '{"name":"read","_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}}}',
          ),
          status: 400,
          code: "unsupported_version",
        },
      ],
    },
    {
      name: "no capabilities in the body",
      steps: [
        {
          ...modernCall("read", "{}"),
          body: rpc(
            "tools/call",
            '{"name":"read","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}',
          ),
          status: 400,
          code: "invalid_params",
        },
      ],
    },
    {
      name: "another URI than the body's",
      steps: [
        modern("resources/read", '"uri":"note://public/a"', {
          name: "note://secret/a",
          status: 400,
          code: "header_mismatch",
        }),
      ],
    },
    {
      name: "another prompt than the body's",
      steps: [
        modern("prompts/get", '"name":"hello"', { name: "secret", status: 400, code: "header_mismatch" }),
      ],
    },
    {
      name: "another name, from a client with a session",
      steps: [
        opens("s"),
        calls("s", "read", "{}", { head: ["mcp-name: remove"], status: 400, code: "header_mismatch" }),
      ],
    },
    {
      name: "another method, from a client with a session",
      steps: [
        opens("s"),
        calls("s", "read", "{}", { head: ["mcp-method: tools/list"], status: 400, code: "header_mismatch" }),
      ],
    },
  ],
};

const encoded: Topic = {
  title: "headers in base64",
  then: "decoded where they are canonical, and held against the body; else `header_mismatch`",
  attacks: [
    passes("the name, encoded as it should be", of(method, `mcp-name: ${base64("read")}`)),
    mismatch("another name, encoded", of(method, `mcp-name: ${base64("remove")}`)),
    mismatch("without padding", of(method, "mcp-name: =?base64?cmVhZA?=")),
    mismatch("bits left over", of(method, "mcp-name: =?base64?cmVhZB==?=")),
    mismatch("a blank within", of(method, "mcp-name: =?base64?cmVh ZA==?=")),
    mismatch("more after the padding", of(method, "mcp-name: =?base64?cmVhZA==cmVh?=")),
    mismatch(
      "the alphabet of URLs",
      of(method, `mcp-name: =?base64?${Buffer.from("read").toString("base64url")}?=`),
    ),
    mismatch("the mark in capitals", of(method, "mcp-name: =?BASE64?cmVhZA==?=")),
    mismatch("what isn't UTF-8", of(method, "mcp-name: =?base64?cmVhZP8=?=")),
    mismatch("a byte order mark before the name", of(method, `mcp-name: ${base64("\ufeffread")}`)),
    mismatch("encoded twice", of(method, `mcp-name: ${base64(base64("read"))}`)),
    mismatch("an encoded word of mail", of(method, "mcp-name: =?utf-8?B?cmVhZA==?=")),
    mismatch("a line's end within", of(method, `mcp-name: ${base64("read\r\nx: y")}`)),
  ],
};

const region = of(method, "mcp-name: place");
const params: Topic = {
  title: "headers that repeat arguments",
  then: "`header_mismatch` unless each says what its argument says, and there is one for each",
  attacks: [
    passes("as it should be", [...region, "mcp-param-region: eu"], '{"region":"eu"}', "place"),
    passes(
      "encoded as it should be",
      [...region, `mcp-param-region: ${base64("eu")}`],
      '{"region":"eu"}',
      "place",
    ),
    mismatch("another value", [...region, "mcp-param-region: us"], '{"region":"eu"}', "place"),
    mismatch(
      "another value, encoded",
      [...region, `mcp-param-region: ${base64("us")}`],
      '{"region":"eu"}',
      "place",
    ),
    mismatch("not canonical", [...region, "mcp-param-region: =?base64?ZXV=?="], '{"region":"eu"}', "place"),
    mismatch("none, though there is an argument", region, '{"region":"eu"}', "place"),
    mismatch("one without an argument", [...region, "mcp-param-region: eu"], "{}", "place"),
    mismatch(
      "one twice",
      [...region, "mcp-param-region: eu", "mcp-param-region: eu"],
      '{"region":"eu"}',
      "place",
    ),
    mismatch(
      "one that the tool doesn't know",
      [...region, "mcp-param-region: eu", "mcp-param-path: /a"],
      '{"region":"eu","path":"/a"}',
      "place",
    ),
    mismatch(
      "one before a tool that knows none",
      of(method, "mcp-name: read", "mcp-param-path: /a"),
      '{"path":"/a"}',
    ),
    mismatch(
      "a name in base64",
      [...region, "mcp-param-region: eu", "mcp-param-cmVnaW9u: us"],
      '{"region":"eu"}',
      "place",
    ),
    mismatch("null as a word", [...region, "mcp-param-region: null"], "{}", "place"),
    {
      name: "goes on to a server that knows them, in plain letters",
      steps: [
        modernCall("place", '{"region":"eu"}', {
          path: "/mcp/tide",
          head: [...region, `mcp-param-region: ${base64("eu")}`],
          says: ["done"],
        }),
      ],
      upstream: [
        getsModern("tide", "tools/call", '"name":"place","arguments":{"region":"eu"}', "place", [
          "mcp-param-region: eu",
        ]),
      ],
    },
  ],
};

const revisions: Topic = {
  title: "revisions that are mixed up",
  then: "one revision for each message, and for a session its own",
  attacks: [
    {
      name: "a method of sessions in the stateless era",
      steps: [modern("logging/setLevel", '"level":"debug"', { status: 404, code: "unknown_method" })],
    },
    {
      name: "a method of the stateless era in a session",
      steps: [
        opens("s"),
        posts("s", rpc("subscriptions/listen", '{"notifications":{}}'), {
          status: 400,
          code: "invalid_params",
        }),
      ],
    },
    {
      name: "initialize with the version of the stateless era in its header",
      steps: [{ ...opens("s"), takes: {}, head: [version], status: 400, code: "invalid_params" }],
    },
    {
      name: "initialize with the version of the stateless era in header and _meta",
      steps: [
        {
          path: "/mcp/files",
          status: 404,
          code: "unknown_method",
          head: [version, "mcp-method: initialize"],
          body: rpc(
            "initialize",
            `{"protocolVersion":"2026-07-28","capabilities":{},"clientInfo":{"name":"c","version":"1"},${meta()}}`,
          ),
        },
      ],
    },
    {
      name: "initialize with the version of the stateless era in _meta",
      steps: [
        {
          path: "/mcp/files",
          status: 400,
          code: "header_mismatch",
          body: rpc(
            "initialize",
            `{"protocolVersion":"2026-07-28","capabilities":{},"clientInfo":{"name":"c","version":"1"},${meta()}}`,
          ),
        },
      ],
    },
    {
      name: "a session's request with a version that isn't the session's",
      steps: [
        opens("s"),
        {
          ...calls("s", "read", "{}", { status: 400, code: "unsupported_version" }),
          head: ["mcp-session-id: {s}", "mcp-protocol-version: 2025-06-18"],
        },
      ],
    },
    {
      name: "a session's request with a version that nobody knows",
      steps: [
        opens("s"),
        {
          ...calls("s", "read", "{}", { status: 400, code: "unsupported_version" }),
          head: ["mcp-session-id: {s}", "mcp-protocol-version: 1999-01-01"],
        },
      ],
    },
    {
      name: "a session's request with two versions",
      steps: [
        opens("s"),
        {
          ...calls("s", "read", "{}", { status: 400 }),
          head: [
            "mcp-session-id: {s}",
            "mcp-protocol-version: 2025-11-25",
            "mcp-protocol-version: 2025-06-18",
          ],
        },
      ],
    },
    {
      name: "a call of the stateless era with another caller's session is the caller's own",
      steps: [
        opens("s", { as: "analyst" }),
        modernCall("read", "{}", {
          head: of(method, "mcp-name: read", "mcp-session-id: {s}"),
          says: ["done"],
        }),
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "an answer in the stateless era",
      steps: [
        {
          ...modernCall("read", "{}"),
          head: [version],
          body: '{"jsonrpc":"2.0","id":"a","result":{}}',
          status: 400,
          code: "invalid_request",
        },
      ],
    },
  ],
};

export const headers: readonly Topic[] = [repeats, encoded, params, revisions];
