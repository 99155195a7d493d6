/** Sessions of others, of other routes, of no more. */
import type { Attack, Topic } from "../attack.js";
import { asks, called, calls, listens, opens, posts, rpc } from "../attack.js";

const none = { status: 404, code: "unknown_session", never: ["done"] } as const;
const ping = rpc("ping");

const others: Topic = {
  title: "sessions of somebody else",
  then: "404 `unknown_session`: bound to tenant, type and id of whom they were opened for; the session goes on unharmed",
  attacks: [
    ...(["analyst", "contractor", "sibling"] as const).map((as): Attack => ({
      name: `a call by the ${as}`,
      steps: [
        opens("s"),
        calls("s", "read", "{}", { as, ...none }),
        calls("s", "read", "{}", { says: ["done"] }),
      ],
      upstream: [called("files", "read", "{}")],
    })),
    {
      name: "a list",
      steps: [opens("s"), posts("s", rpc("tools/list"), { as: "analyst", ...none })],
    },
    {
      name: "a ping",
      steps: [opens("s"), posts("s", ping, { as: "analyst", ...none })],
    },
    {
      name: "a notification",
      steps: [
        opens("s"),
        posts("s", '{"jsonrpc":"2.0","method":"notifications/initialized"}', { as: "analyst", ...none }),
      ],
    },
    {
      name: "its own stream",
      steps: [opens("s"), listens("s", { as: "analyst", ...none })],
    },
    {
      name: "its end",
      steps: [
        opens("s"),
        listens("s", { verb: "DELETE", as: "analyst", ...none }),
        calls("s", "read", "{}", { says: ["done"] }),
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "a log level",
      steps: [
        opens("s"),
        posts("s", rpc("logging/setLevel", '{"level":"debug"}'), { as: "analyst", ...none }),
      ],
    },
    {
      name: "a subscription",
      steps: [
        opens("s"),
        posts("s", rpc("resources/subscribe", '{"uri":"note://public/a"}'), { as: "analyst", ...none }),
      ],
    },
    {
      name: "a resource of several servers, which are asked whose it is",
      steps: [
        opens("s", { path: "/mcp" }),
        posts("s", rpc("resources/read", '{"uri":"note://public/a"}'), {
          path: "/mcp",
          as: "analyst",
          status: 404,
          code: "unknown_session",
        }),
      ],
    },
    {
      name: "with a token that isn't one",
      steps: [
        opens("s"),
        {
          ...calls("s", "read", "{}"),
          raw: 'POST /mcp/files HTTP/1.1\r\nhost: g\r\nauthorization: Bearer nothing\r\nmcp-session-id: {s}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 40\r\n\r\n{"jsonrpc":"2.0","id":1,"method":"ping"}',
          status: 401,
        },
      ],
    },
    {
      name: "with no token",
      steps: [
        opens("s"),
        {
          ...calls("s", "read", "{}"),
          raw: 'POST /mcp/files HTTP/1.1\r\nhost: g\r\nmcp-session-id: {s}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 40\r\n\r\n{"jsonrpc":"2.0","id":1,"method":"ping"}',
          status: 401,
        },
      ],
    },
    {
      name: "an id that is under way there isn't told",
      answers: {
        "tools/call": [[{ wait: 300 }, { body: '{"jsonrpc":"2.0","id":{id},"result":{"content":[]}}' }]],
      },
      steps: [
        opens("s"),
        posts("s", rpc("tools/call", '{"name":"read","arguments":{}}', "7"), { beside: "sent" }),
        posts("s", rpc("tools/list", undefined, "7"), {
          as: "analyst",
          ...none,
          never: ["request_under_way"],
        }),
      ],
      upstream: [called("files", "read", "{}")],
    },
  ],
};

const elsewhere: Topic = {
  title: "sessions at another route",
  then: "404 `unknown_session`: a session is of the route that it was opened at",
  attacks: [
    ...(
      [
        ["/mcp/files", "/mcp/twin"],
        ["/mcp/twin", "/mcp/files"],
        ["/mcp", "/mcp/files"],
        ["/mcp/files", "/mcp"],
        ["/mcp/files", "/mcp/tide"],
      ] as const
    ).map(([from, to]): Attack => ({
      name: `of ${from} at ${to}`,
      steps: [
        opens("s", { path: from }),
        calls("s", to === "/mcp" ? "files__read" : "read", "{}", { path: to, ...none }),
      ],
    })),
    {
      name: "at a server that nobody may speak to",
      steps: [opens("s"), calls("s", "read", "{}", { path: "/mcp/vault", status: 200, code: "forbidden" })],
    },
    {
      name: "its own stream at another server",
      steps: [opens("s"), listens("s", { path: "/mcp/twin", ...none })],
    },
    {
      name: "its end at another server",
      steps: [opens("s"), listens("s", { verb: "DELETE", path: "/mcp/twin", ...none }), posts("s", ping)],
    },
  ],
};

const made: Topic = {
  title: "sessions that aren't there",
  then: "404 or 400: the gateway alone gives out sessions, by ids that can't be guessed",
  attacks: [
    {
      name: "initialize with an id of the client's choice",
      steps: [
        {
          ...opens("s"),
          takes: {},
          head: ["mcp-session-id: chosen-by-the-client"],
          status: 400,
          code: "invalid_request",
        },
      ],
    },
    {
      name: "an id of the client's choice",
      steps: [{ ...calls("s", "read", "{}", none), head: ["mcp-session-id: chosen-by-the-client"] }],
    },
    {
      name: "the id that the server gave the gateway",
      steps: [opens("s"), { ...calls("s", "read", "{}", none), head: ["mcp-session-id: up-1"] }],
    },
    {
      name: "no id, to hear of a resource",
      steps: [
        {
          ...asks("s", "resources/subscribe", '{"uri":"note://public/a"}', {
            status: 400,
            code: "invalid_request",
          }),
          head: [],
        },
      ],
    },
    {
      name: "no id: each request for itself, in the caller's own name",
      steps: [
        { ...calls("s", "read", "{}", { says: ["done"] }), head: [] },
        { ...calls("s", "remove", "{}", { code: "forbidden", never: ["done"] }), head: [] },
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "no id, with an answer to what nobody was asked",
      steps: [
        {
          ...posts("s", '{"jsonrpc":"2.0","id":"a","result":{}}', { status: 400, code: "invalid_request" }),
          head: [],
        },
      ],
    },
    {
      name: "no id, for its stream",
      steps: [{ ...listens("s", { status: 400, code: "invalid_request" }), head: [] }],
    },
    {
      name: "no id, for its end",
      steps: [{ ...listens("s", { verb: "DELETE", status: 400, code: "invalid_request" }), head: [] }],
    },
    {
      name: "one that ended",
      steps: [opens("s"), listens("s", { verb: "DELETE" }), calls("s", "read", "{}", none)],
    },
    {
      name: "one that ended, its stream",
      steps: [opens("s"), listens("s", { verb: "DELETE" }), listens("s", none)],
    },
    {
      name: "one that ended, while a call was under way",
      answers: {
        "tools/call": [[{ clientDid: 3 }, { body: '{"jsonrpc":"2.0","id":{id},"result":{"content":[]}}' }]],
      },
      steps: [
        opens("s"),
        calls("s", "read", "{}", { beside: "sent", status: 200, code: "request_cancelled" }),
        listens("s", { verb: "DELETE" }),
      ],
      upstream: [called("files", "read", "{}")],
    },
    {
      name: "two in one header",
      steps: [
        opens("s"),
        opens("t"),
        { ...calls("s", "read", "{}", none), head: ["mcp-session-id: {s}, {t}"] },
      ],
    },
    {
      name: "two headers",
      steps: [
        opens("s"),
        opens("t", { as: "analyst" }),
        {
          ...calls("s", "read", "{}", { status: 400, code: "invalid_request" }),
          head: ["mcp-session-id: {s}", "mcp-session-id: {t}"],
        },
      ],
    },
    {
      name: "in other letters",
      steps: [opens("s"), { ...calls("s", "read", "{}", none), head: ["mcp-session-id: X{s}"] }],
    },
    {
      name: "a verb that sessions don't know",
      steps: [opens("s"), listens("s", { verb: "PUT", status: 405 })],
    },
    {
      name: "opened at a server that nobody may speak to",
      steps: [
        {
          ...opens("s", { path: "/mcp/vault" }),
          takes: {},
          status: 200,
          code: "forbidden",
          never: ["mcp-session-id"],
        },
      ],
    },
    {
      name: "a page of another origin",
      steps: [{ ...opens("s"), takes: {}, head: ["origin: https://evil.example"], status: 403 }],
    },
  ],
};
export const sessions: readonly Topic[] = [others, elsewhere, made];
