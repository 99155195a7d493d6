/** Messages that are more than one, or not what they look like. */
import type { Attack, Topic } from "../attack.js";
import { called, calls, modernCall, opens, posts, rpc } from "../attack.js";
import { done, events, result, text } from "../upstream.js";

const read = '{"name":"read","arguments":{}}';
const remove = '{"name":"remove","arguments":{}}';
const inSession = (body: string, more: Parameters<typeof posts>[2]): Attack["steps"] => [
  opens("s"),
  posts("s", body, more),
];
const refused = (name: string, body: string, status = 400, code = "invalid_request"): Attack => ({
  name,
  steps: inSession(body, { status, never: ["done"], code }),
});
const ask = (id: string, params = read): string => rpc("tools/call", params, id);
const passes = (name: string, id: string): Attack => ({
  name,
  steps: inSession(ask(id), { status: 200, says: [`"id":${id},`] }),
  upstream: [called("files", "read", "{}")],
});

const batches: Topic = {
  title: "batches",
  then: "refused as a whole: one message at a time",
  attacks: [
    refused("an allowed call and a forbidden one", `[${ask("1")},${ask("2", remove)}]`),
    refused(
      "a forbidden call among notifications",
      `[{"jsonrpc":"2.0","method":"notifications/initialized"},${ask("1", remove)}]`,
    ),
    refused("of one call", `[${ask("1")}]`),
    refused("an empty one", "[]"),
    refused("one within another", `[[${ask("1")}]]`),
    refused(
      "initialize and a call",
      `[${rpc("initialize", '{"protocolVersion":"2025-03-26","capabilities":{}}', "1")},${ask("2")}]`,
    ),
    {
      name: "in the stateless era",
      steps: [
        {
          ...modernCall("read", "{}"),
          body: `[${ask("1")},${ask("2", remove)}]`,
          status: 400,
          code: "invalid_request",
        },
      ],
    },
    refused("two messages, one after the other", `${ask("1")}${ask("2", remove)}`, 400, "invalid_json"),
    refused("two messages on two lines", `${ask("1")}\n${ask("2", remove)}`, 400, "invalid_json"),
  ],
};

const shapes: Topic = {
  title: "messages that aren't one",
  then: "refused: a message has the members of JSON-RPC 2.0, once each, and no others",
  attacks: [
    refused(
      "two methods",
      `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":${remove}}`,
      400,
      "duplicate_key",
    ),
    refused(
      "two methods, one of them escaped",
      `{"jsonrpc":"2.0","id":1,"method":"tools/list","\\u006dethod":"tools/call","params":${remove}}`,
      400,
      "duplicate_key",
    ),
    refused(
      "two names",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","name":"remove"}}`,
      400,
      "duplicate_key",
    ),
    refused(
      "Method beside method",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"tools/list","params":${remove}}`,
    ),
    refused(
      "Name beside name",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","Name":"remove"}}`,
      400,
      "invalid_params",
    ),
    refused(
      "a request with a result",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${read},"result":{}}`,
    ),
    refused("another version of JSON-RPC", `{"jsonrpc":"1.0","id":1,"method":"tools/call","params":${read}}`),
    refused("no version of JSON-RPC", `{"id":1,"method":"tools/call","params":${read}}`),
    refused("params as a list", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["read",{}]}`),
    refused("a member beside", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${read},"auth":"x"}`),
    refused("a method as a list", `{"jsonrpc":"2.0","id":1,"method":["tools/call"],"params":${read}}`),
    refused(
      "a task, which runs on where nobody decides",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{},"task":{"ttl":60000}}}`,
      400,
      "invalid_params",
    ),
    refused(
      "__proto__ beside the name",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"read"},"name":"remove"}}`,
      400,
      "invalid_params",
    ),
    refused(
      "_meta that is no object",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","_meta":[]}}`,
      400,
      "invalid_params",
    ),
    {
      name: "text/plain, which a page could send",
      steps: inSession(ask("1"), { status: 415, type: "text/plain", code: "unsupported_media_type" }),
    },
  ],
};

const methods: Topic = {
  title: "methods that aren't carried",
  then: "-32601 `unknown_method`: nothing is passed on that isn't in the table",
  attacks: [
    ...[
      "tools/call ",
      "Tools/Call",
      "tools//call",
      "tools/call\\u0000",
      "tools\\/call/",
      "tools/execute",
      "sampling/createMessage",
      "elicitation/create",
      "roots/list",
      "constructor",
      "__proto__",
      "server/discover",
    ].map((method): Attack =>
      method === "server/discover"
        ? {
            name: `${method} in a session`,
            steps: inSession(rpc(method, "{}"), { status: 400, code: "invalid_params" }),
          }
        : {
            name: method,
            steps: inSession(rpc(method, read), { status: 200, code: "unknown_method", never: ["done"] }),
          },
    ),
    ...["get", "result", "list", "cancel", "update"].map((verb): Attack => ({
      name: `tasks/${verb}`,
      steps: inSession(rpc(`tasks/${verb}`, '{"taskId":"1"}'), { status: 200, code: "unknown_method" }),
    })),
  ],
};

const notifications: Topic = {
  title: "notifications that act",
  then: "refused: what acts needs an id, and what has none changes nothing beyond its own session",
  attacks: [
    refused("tools/call without an id", `{"jsonrpc":"2.0","method":"tools/call","params":${read}}`),
    refused(
      "resources/read without an id",
      '{"jsonrpc":"2.0","method":"resources/read","params":{"uri":"note://public/a"}}',
    ),
    refused(
      "initialize without an id",
      '{"jsonrpc":"2.0","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}',
    ),
    refused(
      "logging/setLevel without an id",
      '{"jsonrpc":"2.0","method":"logging/setLevel","params":{"level":"debug"}}',
    ),
    {
      name: "tools/call with the id null",
      steps: inSession(ask("null"), { status: 400, code: "invalid_request" }),
    },
    ...[
      "notifications/tools/list_changed",
      "notifications/message",
      "notifications/resources/updated",
      "notifications/tasks/status",
      "notifications/elicitation/complete",
    ].map((method): Attack =>
      refused(
        `${method}, which is a server's to say`,
        `{"jsonrpc":"2.0","method":"${method}"}`,
        404,
        "unknown_method",
      ),
    ),
    {
      name: "progress of nothing isn't passed on",
      steps: [
        opens("s"),
        posts(
          "s",
          '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
          { status: 202 },
        ),
      ],
    },
    {
      name: "a handshake that was done already isn't passed on",
      steps: [
        opens("s"),
        posts("s", '{"jsonrpc":"2.0","method":"notifications/initialized"}', { status: 202 }),
      ],
    },
    refused(
      "a notification with an id",
      '{"jsonrpc":"2.0","id":4,"method":"notifications/cancelled","params":{"requestId":1}}',
    ),
    {
      name: "roots that changed, of a client that has none",
      steps: [
        opens("s"),
        posts("s", '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}', { status: 202 }),
      ],
    },
    {
      name: "a call without an id in the stateless era",
      steps: [
        {
          ...modernCall("read", "{}"),
          body: `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"read","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`,
          status: 400,
          code: "invalid_request",
        },
      ],
    },
  ],
};

const quick = result(text("done"));
const slow = [events, { hears: /another/ }, done, "end"] as const;
const long = "9".repeat(127);
const ids: Topic = {
  title: "ids",
  then: "a text or a number of bearable length; one at a time; servers get ids of the gateway's own",
  attacks: [
    passes("as a text that is a number", '"1"'),
    passes("as a number that doubles don't hold", "9007199254740993"),
    passes("as a number with a fraction of nothing", "1.0"),
    passes("as a long number", long),
    passes("as an empty text", '""'),
    passes("as __proto__", '"__proto__"'),
    refused("a number of many digits", ask(`${long}${long}`)),
    refused("a text of many letters", ask(`"${"x".repeat(129)}"`)),
    refused("an object", ask('{"a":1}')),
    refused("a list", ask("[1]")),
    refused("a truth value", ask("true")),
    {
      name: "one that is under way",
      answers: { "tools/call": [slow, [quick]] },
      steps: [
        opens("s"),
        posts("s", ask("7"), { beside: "sent", status: 200, says: ['"id":7'] }),
        posts("s", ask("7", '{"name":"read","arguments":{"path":"again"}}'), {
          status: 400,
          code: "request_under_way",
        }),
        posts("s", ask("8", '{"name":"read","arguments":{"path":"another"}}'), {
          status: 200,
          says: ['"id":8'],
        }),
      ],
      upstream: [called("files", "read", "{}"), called("files", "read", '{"path":"another"}')],
    },
    {
      name: '1 and "1" at a time are two',
      answers: { "tools/call": [slow, [quick]] },
      steps: [
        opens("s"),
        posts("s", ask("1"), { beside: "sent", status: 200, says: ['"id":1,'], never: ['"id":"1"'] }),
        posts("s", ask('"1"', '{"name":"read","arguments":{"path":"another"}}'), {
          status: 200,
          says: ['"id":"1"'],
        }),
      ],
      upstream: [called("files", "read", "{}"), called("files", "read", '{"path":"another"}')],
    },
  ],
};

const cancelled = (id: string, as?: "analyst"): Parameters<typeof posts> => [
  as === undefined ? "s" : "other",
  `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"x"}}`,
  { ...(as === undefined ? {} : { as }), status: 202 },
];
const waiting = [events, { hears: /another|cancelled/ }, done, "end"] as const;
const cancels = (name: string, steps: Attack["steps"], more: Partial<Attack> = {}): Attack => ({
  ...{ name, answers: { "tools/call": [waiting, [quick]] } },
  upstream: [called("files", "read", "{}"), called("files", "read", '{"path":"another"}')],
  ...more,
  steps: [
    opens("s"),
    opens("other", { as: "analyst" }),
    posts("s", ask("7"), { beside: "sent", status: 200, says: ["done"] }),
    ...steps,
    calls("s", "read", '{"path":"another"}'),
  ],
});
const cancellation: Topic = {
  title: "cancelling what is another's",
  then: "a cancellation is of the same session's requests, by the same id, of the same type",
  attacks: [
    cancels("from another caller's session, by the same id", [posts(...cancelled("7", "analyst"))]),
    cancels("from another caller in this session", [
      posts("s", '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}', {
        as: "analyst",
        status: 404,
        code: "unknown_session",
      }),
    ]),
    cancels("by the same id as a text", [posts(...cancelled('"7"'))]),
    cancels("by the number of the gateway's own id", [posts(...cancelled("2")), posts(...cancelled("3"))]),
    cancels("by an id with a fraction of nothing", [posts(...cancelled("7.0"))]),
    cancels("by no id", [
      posts("s", '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}', { status: 202 }),
    ]),
    {
      name: "one's own is cancelled at the server, too, by the gateway's id",
      answers: { "tools/call": [[events, { hears: /cancelled/ }, "end"]] },
      steps: [
        opens("s"),
        posts("s", ask("7"), { beside: "sent", status: 200, code: "request_cancelled", never: ["done"] }),
        posts(...cancelled("7")),
      ],
      upstream: [
        called("files", "read", "{}"),
        {
          server: "files",
          body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{number},"reason":"cancelled by the client"}}',
        },
      ],
    },
  ],
};

export const messages: readonly Topic[] = [batches, shapes, methods, notifications, ids, cancellation];
