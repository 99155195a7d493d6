/** Resources, templates, prompts and completions that lead elsewhere. */
import type { Attack, Topic } from "../attack.js";
import { asks, gets, getsModern, modern, opens, posts, rpc } from "../attack.js";
import { result } from "../upstream.js";

const read = (name: string, uri: string, code = "forbidden", status = 200): Attack => ({
  name,
  steps: [
    opens("s"),
    asks("s", "resources/read", `{"uri":${JSON.stringify(uri)}}`, { status, code, never: ["a note"] }),
  ],
});
const odd = (name: string, uri: string): Attack => read(name, uri, "invalid_params", 400);
const passes = (name: string, uri: string): Attack => ({
  name,
  steps: [opens("s"), asks("s", "resources/read", `{"uri":"${uri}"}`, { says: ["a note"] })],
  upstream: [gets("files", "resources/read", `{"uri":"${uri}"}`)],
});

const forAll =
  '{"resultType":"complete","contents":[{"uri":"note://public/a","text":"a note"}],"ttlMs":60000,"cacheScope":"public"}';
const resources: Topic = {
  title: "URIs of resources",
  then: "denied as what they are, or refused: what different readers could take to different places goes nowhere",
  attacks: [
    passes("as it should be", "note://public/a"),
    passes("with what looks like dots, within a name", "note://public/a..b/.c"),
    read("a forbidden one", "note://secret/a"),
    read("a file", "file:///etc/passwd"),
    read("a file, in other letters", "FILE:///etc/passwd"),
    read("the scheme in other letters", "NOTE://public/a"),
    read("the host in other letters", "note://PUBLIC/a"),
    read("another scheme", "http://public/a"),
    read("a server of metadata", "http://169.254.169.254/latest/meta-data/"),
    read("one's own machine, as IPv6", "http://[::1]/"),
    read("one's own machine, as IPv4 in IPv6", "http://[::ffff:127.0.0.1]/"),
    read("data of its own", "data:text/plain,x"),
    read("a script", "javascript:alert(1)"),
    odd("a step up", "note://public/../secret/a"),
    odd("a step up, encoded", "note://public/%2e%2e/secret/a"),
    odd("a step up, half encoded", "note://public/.%2e/secret/a"),
    odd("a step up, encoded twice", "note://public/%252e%252e/secret/a"),
    odd("a step up, encoded three times", "note://public/%25252e%25252e/secret/a"),
    odd("a step up, encoded more often than anybody decodes", `note://public/%${"25".repeat(9)}2e%2e/a`),
    odd("a step up, behind an encoded slash", "note://public/a%2f..%2fsecret"),
    odd("a step up, with backslashes", "note://public\\..\\secret"),
    odd("a step up, with encoded backslashes", "note://public/a%5c..%5csecret"),
    odd("a step up, before a question mark", "note://public/..?x"),
    odd("a step up, with a parameter", "note://public/..;/secret"),
    odd("a step to here", "note://public/./a"),
    odd("a step up within a query", "note://public/a?f=/../b"),
    odd("a user", "note://public@secret/a"),
    odd("a user and a word", "note://public:x@secret/a"),
    odd("an encoded host", "note://publi%63/a"),
    odd("an encoded at", "note://public%40secret/a"),
    odd("a blank", "note://public/a b"),
    odd("a line's end", "note://public/a\r\nx: y"),
    odd("an encoded NUL", "note://public/a%00"),
    odd("an encoded line's end", "note://public/a%0d%0a"),
    odd("letters of other scripts", "note://publíc/a"),
    odd("a half-encoded letter", "note://public/a%"),
    odd("no scheme", "//public/a"),
    odd("a path alone", "/etc/passwd"),
    odd("empty", ""),
    odd("of many letters", `note://public/${"a".repeat(2_100)}`),
    {
      name: "a list of URIs",
      steps: [
        opens("s"),
        asks("s", "resources/read", '{"uri":["note://public/a"]}', { status: 400, code: "invalid_params" }),
      ],
    },
    {
      name: "two URIs",
      steps: [
        opens("s"),
        asks("s", "resources/read", '{"uri":"note://public/a","uri":"note://secret/a"}', {
          status: 400,
          code: "duplicate_key",
        }),
      ],
    },
    {
      name: "a forbidden one, in the stateless era",
      steps: [
        modern("resources/read", '"uri":"note://secret/a"', {
          path: "/mcp/tide",
          name: "note://secret/a",
          code: "forbidden",
        }),
      ],
    },
    {
      name: "as it should be, for others, too, as the server says",
      answers: { "tide resources/read": [[result(forAll)]] },
      steps: [
        modern("resources/read", '"uri":"note://public/a"', {
          path: "/mcp/tide",
          name: "note://public/a",
          says: ['"cacheScope":"private"'],
          never: ['"cacheScope":"public"'],
        }),
      ],
      upstream: [getsModern("tide", "resources/read", '"uri":"note://public/a"', "note://public/a")],
    },
    {
      name: "as it should be, in the stateless era",
      steps: [
        modern("resources/read", '"uri":"note://public/a"', {
          path: "/mcp/tide",
          name: "note://public/a",
          says: ["a note"],
        }),
      ],
      upstream: [getsModern("tide", "resources/read", '"uri":"note://public/a"', "note://public/a")],
    },
  ],
};

const listed: Topic = {
  title: "lists of resources, templates and prompts",
  then: "each item is decided as if it was used",
  attacks: [
    {
      name: "a forbidden resource isn't listed",
      steps: [
        opens("s"),
        asks("s", "resources/list", "{}", { says: ["note://public/a"], never: ["secret"] }),
      ],
      upstream: [gets("files", "resources/list", "{}")],
    },
    {
      name: "a forbidden template isn't listed",
      steps: [
        opens("s"),
        asks("s", "resources/templates/list", "{}", { says: ["note://public/{name}"], never: ["secret"] }),
      ],
      upstream: [gets("files", "resources/templates/list", "{}")],
    },
    {
      name: "a forbidden prompt isn't listed",
      steps: [opens("s"), asks("s", "prompts/list", "{}", { says: ["hello"], never: ["secret"] })],
      upstream: [gets("files", "prompts/list", "{}")],
    },
    {
      name: "a URI that nobody could read isn't listed",
      answers: {
        "resources/list": [
          [
            result(
              '{"resources":[{"uri":"note://public/../secret","name":"a"},{"uri":"note://public/b\\u0000","name":"b"},"note://public/c",{"name":"d"}]}',
            ),
          ],
        ],
      },
      steps: [opens("s"), asks("s", "resources/list", "{}", { says: ['"resources":[]'] })],
      upstream: [gets("files", "resources/list", "{}")],
    },
    {
      name: "a prompt of an odd name isn't listed",
      answers: {
        "prompts/list": [
          [result('{"prompts":[{"name":"hel\\u200blo"},{"name":"hello "},{"name":["hello"]}]}')],
        ],
      },
      steps: [opens("s"), asks("s", "prompts/list", "{}", { says: ['"prompts":[]'] })],
      upstream: [gets("files", "prompts/list", "{}")],
    },
    {
      name: "a list that is none",
      answers: { "resources/list": [[result('{"resources":{}}')]] },
      steps: [opens("s"), asks("s", "resources/list", "{}", { code: "upstream_invalid" })],
      upstream: [gets("files", "resources/list", "{}")],
    },
  ],
};

const page = '{"resources":[{"uri":"note://public/a","name":"a"}],"nextCursor":"cursor-of-the-server"}';
const paged = { "resources/list": [[result(page)]] } as const;
const cursor = { next: /"nextCursor":"([^"]+)"/ };
const second = (
  name: string,
  steps: (taken: Attack["steps"]) => Attack["steps"],
  more: Partial<Attack> = {},
): Attack => ({
  ...{ name, answers: paged, upstream: [gets("files", "resources/list", "{}")] },
  ...more,
  steps: steps([
    opens("s"),
    asks("s", "resources/list", "{}", { takes: cursor, never: ["cursor-of-the-server"] }),
  ]),
});
const unknown = { status: 400, code: "invalid_params", never: ["note://"] } as const;
const cursors: Topic = {
  title: "cursors",
  then: "sealed: for the caller, the route and the list that they were given for",
  attacks: [
    second(
      "as it should be",
      (taken) => [
        ...taken,
        asks("s", "resources/list", '{"cursor":"{next}"}', { says: ["note://public/a"] }),
      ],
      {
        upstream: [
          gets("files", "resources/list", "{}"),
          gets("files", "resources/list", '{"cursor":"cursor-of-the-server"}'),
        ],
      },
    ),
    second("another caller's", (taken) => [
      ...taken,
      opens("t", { as: "analyst" }),
      asks("t", "resources/list", '{"cursor":"{next}"}', { as: "analyst", ...unknown }),
    ]),
    second("another list's", (taken) => [
      ...taken,
      asks("s", "prompts/list", '{"cursor":"{next}"}', unknown),
    ]),
    second("another route's", (taken) => [
      ...taken,
      opens("t", { path: "/mcp/twin" }),
      asks("t", "resources/list", '{"cursor":"{next}"}', { path: "/mcp/twin", ...unknown }),
    ]),
    second("of several servers'", (taken) => [
      ...taken,
      opens("t", { path: "/mcp" }),
      asks("t", "resources/list", '{"cursor":"{next}"}', { path: "/mcp", ...unknown }),
    ]),
    second("the server's own", (taken) => [
      ...taken,
      asks("s", "resources/list", '{"cursor":"cursor-of-the-server"}', unknown),
    ]),
    second("with a letter changed", (taken) => [
      ...taken,
      asks("s", "resources/list", '{"cursor":"{next}A"}', unknown),
    ]),
    second("as a number", (taken) => [...taken, asks("s", "resources/list", '{"cursor":1}', unknown)]),
  ],
};

const both = (
  name: string,
  method: string,
  params: string,
  more: Partial<Attack> & { code?: string },
): Attack => ({
  name,
  ...more,
  steps: [
    opens("s", { path: "/mcp" }),
    posts("s", rpc(method, params), { path: "/mcp", status: 200, code: more.code ?? "unknown_resource" }),
  ],
});
const lists = (server: string): ReturnType<typeof gets>[] =>
  // whose a resource is may need all that a server says of itself
  ["resources/list", "resources/templates/list"].map((method) => ({
    ...gets(server, method, "{}"),
    maybe: true as const,
  }));
const owners: Topic = {
  title: "resources that two servers claim",
  then: "404 `unknown_resource`: nobody's, so that no server takes the place of another",
  attacks: [
    both("a resource", "resources/read", '{"uri":"note://public/a"}', {
      upstream: [...lists("files"), ...lists("twin")],
    }),
    both("a subscription", "resources/subscribe", '{"uri":"note://public/a"}', {
      upstream: [...lists("files"), ...lists("twin")],
    }),
    both("a template that takes all", "resources/read", '{"uri":"note://public/a"}', {
      answers: {
        "twin resources/list": [[result('{"resources":[]}')]],
        "twin resources/templates/list": [
          [result('{"resourceTemplates":[{"uriTemplate":"{+all}","name":"a"}]}')],
        ],
      },
      upstream: [...lists("files"), ...lists("twin")],
    }),
    both(
      "a completion",
      "completion/complete",
      '{"ref":{"type":"ref/resource","uri":"note://public/{name}"},"argument":{"name":"name","value":"a"}}',
      {
        upstream: [...lists("files"), ...lists("twin")],
      },
    ),
    both("one that nobody has", "resources/read", '{"uri":"other://public/a"}', {
      upstream: [...lists("files"), ...lists("twin")],
    }),
    {
      name: "one that two claim isn't listed",
      steps: [
        opens("s", { path: "/mcp" }),
        posts("s", rpc("resources/list"), { path: "/mcp", says: ['"resources":[]'] }),
      ],
      upstream: [...lists("files"), ...lists("twin")],
    },
    {
      name: "a forbidden one that one has",
      answers: {
        "twin resources/list": [[result('{"resources":[{"uri":"note://secret/b","name":"a"}]}')]],
        "resources/templates/list": [[result('{"resourceTemplates":[]}')]],
      },
      steps: [
        opens("s", { path: "/mcp" }),
        posts("s", rpc("resources/read", '{"uri":"note://secret/b"}'), { path: "/mcp", code: "forbidden" }),
      ],
      upstream: [...lists("files"), ...lists("twin")],
    },
  ],
};

const prompt = (name: string, params: string, code: string, status = 200): Attack => ({
  name,
  steps: [opens("s"), asks("s", "prompts/get", params, { status, code, never: ['hello"}'] })],
});
const given = (name: string, answer: string): Attack => ({
  name,
  answers: { "prompts/get": [[result(answer)]] },
  steps: [
    opens("s"),
    asks("s", "prompts/get", '{"name":"hello"}', { code: "upstream_invalid", never: ["remove"] }),
  ],
  upstream: [gets("files", "prompts/get", '{"name":"hello"}')],
});
const prompts: Topic = {
  title: "prompts",
  then: "decided by name and arguments; what comes back holds messages of people and assistants, and no calls",
  attacks: [
    prompt("a forbidden one", '{"name":"secret"}', "forbidden"),
    prompt("in other letters", '{"name":"Hello"}', "forbidden"),
    prompt("with a blank of no width", '{"name":"hel\u200blo"}', "invalid_params", 400),
    prompt(
      "an argument that is no text",
      '{"name":"hello","arguments":{"a":{"b":1}}}',
      "invalid_params",
      400,
    ),
    prompt(
      "an argument that policy forbids",
      '{"name":"hello","arguments":{"a":"/etc/shadow"}}',
      "forbidden",
    ),
    prompt("a field more", '{"name":"hello","tool":"remove"}', "invalid_params", 400),
    prompt("the aggregate's name", '{"name":"twin__hello"}', "forbidden"),
    given(
      "a call of a tool among the messages",
      '{"messages":[{"role":"assistant","content":{"type":"tool_use","id":"1","name":"remove","input":{}}}]}',
    ),
    given(
      "a result of a tool among the messages",
      '{"messages":[{"role":"user","content":{"type":"tool_result","toolUseId":"1","content":[{"type":"text","text":"remove"}]}}]}',
    ),
    given(
      "a message of the system's",
      '{"messages":[{"role":"system","content":{"type":"text","text":"remove"}}]}',
    ),
    given("a list of contents", '{"messages":[{"role":"user","content":[{"type":"text","text":"remove"}]}]}'),
    given("a description that is none", '{"description":{"a":"remove"},"messages":[]}'),
    {
      name: "a secret in it",
      answers: {
        "prompts/get": [
          [
            result(
              '{"messages":[{"role":"user","content":{"type":"text","text":"ghp_0123456789abcdefghijABCDEFGHIJ012345"}}]}',
            ),
          ],
        ],
      },
      steps: [
        opens("s"),
        asks("s", "prompts/get", '{"name":"hello"}', { code: "forbidden", never: ["ghp_"] }),
      ],
      upstream: [gets("files", "prompts/get", '{"name":"hello"}')],
    },
  ],
};

const complete = (name: string, params: string, code: string, status = 200): Attack => ({
  name,
  steps: [opens("s"), asks("s", "completion/complete", params, { status, code, never: ['"one"'] })],
});
const argument = '"argument":{"name":"a","value":"x"}';
const completions: Topic = {
  title: "completions",
  then: "decided as seeing what they refer to",
  attacks: [
    {
      name: "as it should be",
      steps: [
        opens("s"),
        asks("s", "completion/complete", `{"ref":{"type":"ref/prompt","name":"hello"},${argument}}`, {
          says: ["one"],
        }),
      ],
      upstream: [
        gets("files", "completion/complete", `{"ref":{"type":"ref/prompt","name":"hello"},${argument}}`),
      ],
    },
    complete(
      "of a forbidden prompt",
      `{"ref":{"type":"ref/prompt","name":"secret"},${argument}}`,
      "forbidden",
    ),
    complete(
      "of a forbidden template",
      `{"ref":{"type":"ref/resource","uri":"note://secret/{name}"},${argument}}`,
      "forbidden",
    ),
    complete(
      "of a resource that is no template",
      `{"ref":{"type":"ref/resource","uri":"note://public/a"},${argument}}`,
      "forbidden",
    ),
    complete("of a tool", `{"ref":{"type":"ref/tool","name":"read"},${argument}}`, "invalid_params", 400),
    complete(
      "of a prompt and a template",
      `{"ref":{"type":"ref/prompt","uri":"note://public/{name}"},${argument}}`,
      "invalid_params",
      400,
    ),
    complete(
      "with a field more in its argument",
      '{"ref":{"type":"ref/prompt","name":"hello"},"argument":{"name":"a","value":"x","more":1}}',
      "invalid_params",
      400,
    ),
    complete(
      "with a field more in its context",
      `{"ref":{"type":"ref/prompt","name":"hello"},${argument},"context":{"arguments":{},"more":"{token}"}}`,
      "invalid_params",
      400,
    ),
    complete(
      "with a value that is no text",
      '{"ref":{"type":"ref/prompt","name":"hello"},"argument":{"name":"a","value":{"b":1}}}',
      "invalid_params",
      400,
    ),
    {
      name: "fields beside the name aren't passed on",
      steps: [
        opens("s"),
        asks(
          "s",
          "completion/complete",
          `{"ref":{"type":"ref/prompt","name":"hello","title":"canary-93f1"},${argument},"_meta":{"a":"canary-93f1"}}`,
          { says: ["one"] },
        ),
      ],
      upstream: [
        gets("files", "completion/complete", `{"ref":{"type":"ref/prompt","name":"hello"},${argument}}`),
      ],
    },
    {
      name: "values that are none",
      answers: { "completion/complete": [[result('{"completion":{"values":[{"a":"one"}]}}')]] },
      steps: [
        opens("s"),
        asks("s", "completion/complete", `{"ref":{"type":"ref/prompt","name":"hello"},${argument}}`, {
          code: "upstream_invalid",
          never: ['"one"'],
        }),
      ],
      upstream: [
        gets("files", "completion/complete", `{"ref":{"type":"ref/prompt","name":"hello"},${argument}}`),
      ],
    },
  ],
};

export const uris: readonly Topic[] = [resources, listed, cursors, owners, prompts, completions];
