/** Streams that are taken up again, and what servers say on them: progress, logs, changes. */
import type { Attack, Expected, Topic } from "../attack.js";
import { asks, called, calls, gets, listens, modern, opens, posts, rpc } from "../attack.js";
import type { Step } from "../upstream.js";
import { done, event, events } from "../upstream.js";

const progress = (token: string, more = ""): string =>
  event(
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1${more}}}`,
  );
const wanting = (session: string, more: Parameters<typeof posts>[2] = {}): ReturnType<typeof posts> =>
  posts(session, rpc("tools/call", '{"name":"read","arguments":{},"_meta":{"progressToken":"mine"}}'), more);
const wanted: Expected = gets(
  "files",
  "tools/call",
  '{"name":"read","arguments":{},"_meta":{"progressToken":{uuid}}}',
);

/** A client leaves after it heard of progress; the server goes on. */
const left = (name: string, steps: Attack["steps"], more: Partial<Attack> = {}): Attack => ({
  ...{
    name,
    answers: { "tools/call": [[events, progress("{token}"), { clientDid: 2 }, { wait: 350 }, done, "end"]] },
    upstream: [wanted],
  },
  ...more,
  steps: [
    opens("s"),
    wanting("s", {
      beside: /"progress":1/,
      leaves: 0,
      takes: { event: /id: (\S+)\nevent: message/, key: /id: ([\w-]{12})\./ },
      never: ["done"],
    }),
    ...steps,
  ],
});
const last = (id: string): { head: string[] } => ({ head: [`last-event-id: ${id}`] });
const gone = { status: 404, code: "unknown_event", never: ["done"] } as const;
const resumption: Topic = {
  title: "streams that are taken up again",
  then: "404 `unknown_event`: only of the same session, after an event that was said and is still kept",
  attacks: [
    left("as it should be", [
      listens("s", { ...last("{event}"), beside: /done/, says: ["done"], never: ['"progress"'] }),
    ]),
    left("from another caller's session", [
      opens("t", { as: "analyst" }),
      listens("t", { as: "analyst", ...last("{event}"), ...gone }),
    ]),
    left("from another session of the same caller", [
      opens("t"),
      listens("t", { ...last("{event}"), ...gone }),
    ]),
    left("by another caller in this session", [
      listens("s", {
        as: "analyst",
        ...last("{event}"),
        status: 404,
        code: "unknown_session",
        never: ["done"],
      }),
    ]),
    left("at another route", [
      listens("s", {
        path: "/mcp/twin",
        ...last("{event}"),
        status: 404,
        code: "unknown_session",
        never: ["done"],
      }),
    ]),
    left("at another route, in a session of its own", [
      opens("t", { path: "/mcp/twin" }),
      listens("t", { path: "/mcp/twin", ...last("{event}"), ...gone }),
    ]),
    left("after an event that wasn't said yet", [listens("s", { ...last("{key}.999"), ...gone })]),
    left("of a stream that there isn't", [listens("s", { ...last("AAAAAAAAAAAA.1"), ...gone })]),
    left("by a number alone", [listens("s", { ...last("1"), ...gone })]),
    left("by an id of another form", [listens("s", { ...last("{key}.1.1"), ...gone })]),
    left("by a number of another form", [listens("s", { ...last("{key}.-1"), ...gone })]),
    left("with no session", [
      { ...listens("s", { status: 400, code: "invalid_request" }), head: ["last-event-id: {event}"] },
    ]),
    left("by __proto__", [listens("s", { ...last("__proto__"), ...gone })]),
    left("after the session's end", [
      listens("s", { verb: "DELETE" }),
      listens("s", { ...last("{event}"), status: 404, code: "unknown_session", never: ["done"] }),
    ]),
    left("after what isn't kept any more", [{ pause: 200 }, listens("s", { ...last("{key}.0"), ...gone })], {
      answers: {
        "tools/call": [
          [
            events,
            progress("{token}"),
            { clientDid: 2 },
            ...Array.from({ length: 40 }, () => progress("{token}", `,"message":"${"x".repeat(200)}"`)),
            { wait: 350 },
            done,
            "end",
          ],
        ],
      },
    }),
    {
      name: "the server hears of none of it",
      steps: [opens("s"), calls("s", "read", "{}", { head: ["last-event-id: 7"], says: ["done"] })],
      upstream: [called("files", "read", "{}")],
    },
  ],
};

const cancelled: Expected = {
  server: "files",
  body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{number},"reason":"cancelled by the client"}}',
};
const said = (
  name: string,
  steps: readonly Step[],
  never: readonly string[],
  more: { says?: readonly string[]; code?: string } = {},
): Attack => ({
  name,
  answers: { "tools/call": [[events, ...steps, done, "end"]] },
  steps: [opens("s"), wanting("s", { never, says: ["done"], ...more })],
  // one that floods is told to stop
  upstream: [wanted, ...(more.code === undefined ? [] : [cancelled])],
});
const progresses: Topic = {
  title: "progress",
  then: "of the request that it comes with, under the client's own token, which no server learns; a flood ends the request",
  attacks: [
    said("as it should be", [progress("{token}")], [], { says: ['"progressToken":"mine"', "done"] }),
    said("under the client's token, which the server can't know", [progress('"mine"')], ['"progress"']),
    said("under a token of another's", [progress('"another"'), progress("1"), progress("2")], ['"progress"']),
    said(
      "under no token",
      [event('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}')],
      ['"progress"'],
    ),
    said(
      "that is no number",
      [progress("{token}").replace('"progress":1', '"progress":"1"')],
      ['"progress":"'],
    ),
    said("with a text that is none", [progress("{token}", ',"message":{"a":"steal"}')], ["steal"]),
    said(
      "with members that aren't known",
      [progress("{token}", ',"steal":1,"_meta":{"steal":1}')],
      ["steal"],
    ),
    said("too long", [progress("{token}", `,"message":"${"steal".repeat(14_000)}"`)], ["steal"]),
    said(
      "with a secret, which policy would deny in a result",
      [progress("{token}", ',"message":"use ghp_0123456789abcdefghijABCDEFGHIJ012345"')],
      ["ghp_0123"],
    ),
    said("a flood", [{ flood: progress("{token}"), times: 200 }], ["done"], {
      says: [],
      code: "upstream_invalid",
    }),
    said("a flood that isn't the request's", [{ flood: progress('"another"'), times: 200 }], ["done"], {
      says: [],
      code: "upstream_invalid",
    }),
    {
      name: "that nobody asked for",
      answers: { "tools/call": [[events, progress("null"), progress('""'), progress("{id}"), done, "end"]] },
      steps: [opens("s"), calls("s", "read", "{}", { says: ["done"], never: ['"progress"'] })],
      upstream: [called("files", "read", "{}")],
    },
  ],
};

const log = (level: string, more = ""): string =>
  event(
    `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":${level},"data":"logged"${more}}}`,
  );
const logged = (
  name: string,
  level: string | undefined,
  steps: readonly Step[],
  more: Parameters<typeof posts>[2],
): Attack => ({
  name,
  answers: { "tools/call": [[events, ...steps, done, "end"]] },
  steps: [
    opens("s"),
    ...(level === undefined ? [] : [asks("s", "logging/setLevel", `{"level":"${level}"}`)]),
    calls("s", "read", "{}", { says: ["done"], ...more }),
  ],
  upstream: [
    ...(level === undefined ? [] : [gets("files", "logging/setLevel", `{"level":"${level}"}`)]),
    called("files", "read", "{}"),
    ...(more?.code === undefined ? [] : [cancelled]),
  ],
});
const other = (method: string, params = "{}"): string =>
  event(`{"jsonrpc":"2.0","method":"${method}","params":${params}}`);
const logs: Topic = {
  title: "logs and other notifications",
  then: "no lower than the client's level; what isn't known, or isn't the client's, is dropped; a flood ends the request",
  attacks: [
    logged("as it should be", "warning", [log('"error"')], { says: ["logged", "done"] }),
    logged("below the level", "error", [log('"warning"'), log('"debug"')], { never: ["logged"] }),
    logged("with no level", undefined, [log('"emergency"')], { never: ["logged"] }),
    logged("of a level that nobody knows", "debug", [log('"fatal"'), log("9"), log('["error"]')], {
      never: ["logged"],
    }),
    logged("with members that aren't known", "debug", [log('"error"', ',"steal":1,"_meta":{"steal":1}')], {
      never: ["steal"],
    }),
    logged(
      "a secret, which policy would deny in a result",
      "debug",
      [log('"error"', ',"logger":"ghp_0123456789abcdefghijABCDEFGHIJ012345"')],
      { never: ["ghp_0123"] },
    ),
    logged("a flood below the level", "error", [{ flood: log('"debug"'), times: 200 }], {
      says: [],
      code: "upstream_invalid",
      never: ["logged", "done"],
    }),
    logged("too long", "debug", [log('"error"', `,"logger":"${"x".repeat(70_000)}"`)], { never: ["logged"] }),
    logged(
      "notifications that aren't known",
      "debug",
      [other("notifications/steal"), other("steal"), other("constructor"), other("__proto__")],
      { never: ["steal", "constructor", "proto"] },
    ),
    logged(
      "what a client could say",
      "debug",
      [
        other("notifications/initialized"),
        other("notifications/roots/list_changed"),
        other("notifications/cancelled", '{"requestId":1}'),
      ],
      { never: ["notifications/"] },
    ),
    logged(
      "a resource that changed, that nobody subscribed to",
      "debug",
      [other("notifications/resources/updated", '{"uri":"note://secret/a"}')],
      { never: ["secret"] },
    ),
    logged(
      "the end of an elicitation that nobody has seen",
      "debug",
      [other("notifications/elicitation/complete", '{"elicitationId":"x"}')],
      { never: ["elicitation"] },
    ),
    logged(
      "a task's status",
      "debug",
      [other("notifications/tasks/status", '{"taskId":"1","status":"completed"}')],
      { never: ["taskId"] },
    ),
  ],
};

const own = (
  name: string,
  said: readonly string[],
  never: readonly string[],
  says: readonly string[] = [],
): Attack => ({
  name,
  answers: {
    "files GET": [[events, { hears: /resources\/subscribe|ping-of-the-client/ }, ...said, { wait: 500 }]],
  },
  steps: [
    opens("s"),
    listens("s", { beside: /200 OK/, says, never }),
    asks("s", "resources/subscribe", '{"uri":"note://public/a"}'),
    { pause: 120 },
  ],
  upstream: [gets("files", "resources/subscribe", '{"uri":"note://public/a"}')],
});
const updated = (uri: string): string => other("notifications/resources/updated", `{"uri":"${uri}"}`);
const subscriptions: Topic = {
  title: "subscriptions",
  then: "to what may be read, and of nothing else",
  attacks: [
    own("as it should be", [updated("note://public/a")], [], ["note://public/a"]),
    own(
      "a resource that nobody subscribed to",
      [updated("note://secret/a"), updated("note://public/b")],
      ["secret", "public/b"],
    ),
    own("one below it", [updated("note://public/a/b")], ["public/a/b"]),
    own("progress of no request", [progress("1"), progress('"mine"')], ["progress"]),
    own("a log with no level", [log('"emergency"')], ["logged"]),
    own("what isn't known", [other("notifications/steal")], ["steal"]),
    {
      name: "to a forbidden resource",
      steps: [
        opens("s"),
        asks("s", "resources/subscribe", '{"uri":"note://secret/a"}', { code: "forbidden" }),
      ],
    },
    {
      name: "to a step up",
      steps: [
        opens("s"),
        asks("s", "resources/subscribe", '{"uri":"note://public/../secret"}', {
          status: 400,
          code: "invalid_params",
        }),
      ],
    },
    {
      name: "to forbidden ones among others, in the stateless era",
      steps: [
        modern(
          "subscriptions/listen",
          '"notifications":{"resourceSubscriptions":["note://secret/a","note://public/a"]}',
          {
            beside: "sent",
            leaves: 600,
            says: ['"resourceSubscriptions":["note://public/a"]'],
            never: ["secret"],
          },
        ),
      ],
      upstream: [
        gets("files", "resources/subscribe", '{"uri":"note://public/a"}'),
        gets("files", "resources/unsubscribe", '{"uri":"note://public/a"}'),
      ],
    },
    {
      name: "to what isn't known, in the stateless era",
      steps: [
        modern("subscriptions/listen", '"notifications":{"tasks":true}', {
          status: 400,
          code: "invalid_params",
        }),
      ],
    },
  ],
};
export const streams: readonly Topic[] = [resumption, progresses, logs, subscriptions];
