/** Agents behind the gateway. */
import type { Attack, Expected, Send, Topic } from "../attack.js";
import { result } from "../upstream.js";

const hi = '{"messageId":"m-1","role":"ROLE_USER","parts":[{"text":"hi"}]}';
const rpc = (method: string, params: string, id = "1"): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`;
const message = rpc("SendMessage", `{"message":${hi}}`);
const posts = (body: string, more: Partial<Send> = {}): Send => ({
  ...{ path: "/a2a/helper", status: 200, body, ...more },
  head: ["a2a-version: 1.0", ...(more.head ?? [])],
});
const gets = (method: string, params: string): Expected => ({
  server: "helper",
  body: `{"jsonrpc":"2.0","id":{uuid},"method":"${method}","params":${params}}`,
  line: "POST /helper/rpc HTTP/1.1",
  head: ["a2a-version: 1.0", "accept: application/json"],
});
const sent = gets("SendMessage", `{"message":${hi}}`);
const refused = (
  name: string,
  body: string,
  status: number,
  code: string,
  more: Partial<Send> = {},
): Attack => ({
  name,
  steps: [posts(body, { status, code, never: ["done"], ...more })],
});
const part = (name: string, one: string, status: number, code: string): Attack =>
  refused(
    name,
    rpc("SendMessage", `{"message":{"messageId":"m-1","role":"ROLE_USER","parts":[${one}]}}`),
    status,
    code,
  );
const task =
  '{"task":{"id":"task-of-the-agent","contextId":"context-of-the-agent","status":{"state":"TASK_STATE_WORKING"}}}';
const takes = { task: /"id":"([^"]{20,})"/ };
const tasks = (name: string, step: Send, upstream: readonly Expected[] = []): Attack => ({
  name,
  answers: { "helper SendMessage": [[result(task)]] },
  steps: [posts(message, { takes, never: ["task-of-the-agent", "context-of-the-agent"] }), step],
  upstream: [sent, ...upstream],
});
const unknown = { status: 404, code: "unknown_agent_task" } as const;
const answered = (name: string, body: string, status = "200 OK"): Attack => ({
  name,
  answers: { "helper SendMessage": [[{ body, status }]] },
  steps: [posts(message, { status: 502, code: "upstream_invalid", never: ["done", "/srv/app"] })],
  upstream: [sent],
});
const reply = '"result":{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[{"text":"done"}]}}';

export const agents: readonly Topic[] = [
  {
    title: "messages to agents",
    then: "one at a time, of known methods, fields and parts, each decided",
    attacks: [
      { name: "as it should be", steps: [posts(message, { says: ["done"] })], upstream: [sent] },
      refused("a batch", `[${message},${message}]`, 400, "invalid_request"),
      refused("a key twice", message.replace('"id":1', '"id":1,"id":2'), 400, "duplicate_key"),
      refused("no id", message.replace('"id":1,', ""), 400, "invalid_request"),
      refused("a method that nobody knows", rpc("DeleteTask", "{}"), 403, "unknown_operation"),
      refused("a method in other letters", rpc("sendMessage", `{"message":${hi}}`), 403, "unknown_operation"),
      refused("constructor", rpc("constructor", "{}"), 403, "unknown_operation"),
      refused(
        "a place to push to",
        rpc(
          "SendMessage",
          `{"message":${hi},"configuration":{"taskPushNotificationConfig":{"url":"https://evil.example/"}}}`,
        ),
        403,
        "push_refused",
      ),
      refused(
        "a field that isn't known",
        rpc("SendMessage", `{"message":${hi},"steal":1}`),
        400,
        "invalid_request",
      ),
      refused(
        "the tenant",
        rpc("SendMessage", `{"message":${hi},"tenant":"globex"}`),
        400,
        "invalid_request",
      ),
      part("a file at a server of metadata", '{"url":"http://169.254.169.254/latest"}', 403, "part_refused"),
      part("a file of the machine", '{"url":"file:///etc/passwd"}', 403, "part_refused"),
      part("a part that is two", '{"text":"hi","url":"https://a.example/"}', 400, "invalid_request"),
      part("a part that is none", "{}", 400, "invalid_request"),
      refused("an agent that isn't there", message, 403, "forbidden", { path: "/a2a/nothere" }),
      refused("an agent in other letters", message, 403, "forbidden", { path: "/a2a/Helper" }),
      refused("text/plain", message, 415, "unsupported_media_type", { type: "text/plain" }),
      {
        name: "an extension that isn't configured",
        steps: [
          posts(message, { head: ["a2a-extensions: https://evil.example/canary-93f1"], says: ["done"] }),
        ],
        upstream: [sent],
      },
    ],
  },
  {
    title: "tasks of agents",
    then: "sealed ids, of whom they were given to: another's is unknown, and so is the agent's own",
    attacks: [
      tasks(
        "as it should be",
        posts(rpc("GetTask", '{"id":"{task}"}'), {
          says: ["TASK_STATE_COMPLETED"],
          never: ["task-of-the-agent"],
        }),
        [gets("GetTask", '{"id":"task-of-the-agent"}')],
      ),
      tasks("by another caller", posts(rpc("GetTask", '{"id":"{task}"}'), { as: "analyst", ...unknown })),
      tasks(
        "by another user of the same agent",
        posts(rpc("GetTask", '{"id":"{task}"}'), { as: "sibling", ...unknown }),
      ),
      tasks(
        "by another tenant's",
        posts(rpc("GetTask", '{"id":"{task}"}'), { as: "contractor", ...unknown }),
      ),
      tasks(
        "cancelled by another caller",
        posts(rpc("CancelTask", '{"id":"{task}"}'), { as: "analyst", ...unknown }),
      ),
      tasks(
        "listened to by another caller",
        posts(rpc("SubscribeToTask", '{"id":"{task}"}'), { as: "analyst", ...unknown }),
      ),
      tasks("by the agent's own id", posts(rpc("GetTask", '{"id":"task-of-the-agent"}'), unknown)),
      tasks("with a letter more", posts(rpc("GetTask", '{"id":"{task}A"}'), unknown)),
      tasks("as a step up", posts(rpc("GetTask", '{"id":"../admin"}'), unknown)),
    ],
  },
  {
    title: "answers of agents",
    then: "502 `upstream_invalid`: one answer, to the request's own id, of a known form",
    attacks: [
      answered("to another id", `{"jsonrpc":"2.0","id":"another",${reply}}`),
      answered("with a key twice", `{"jsonrpc":"2.0","id":{id},"result":{},${reply}}`),
      answered("a page", "<b>done</b>"),
      answered(
        "with result and error",
        `{"jsonrpc":"2.0","id":{id},${reply},"error":{"code":-32603,"message":"x"}}`,
      ),
      answered("a redirect", "", "307 Temporary Redirect"),
      answered(
        "a failure with a trace",
        '{"jsonrpc":"2.0","id":{id},"error":{"code":-1,"message":"at /srv/app/index.js"}}',
      ),
    ],
  },
];
