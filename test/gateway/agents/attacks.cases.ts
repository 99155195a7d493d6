/** What must not get to an agent: each as it comes, and the code that it is refused with. */

export interface Ids {
  /** A task and a context of the caller's own at the agent `helper`. */
  readonly task: string;
  readonly context: string;
  /** Of another identity at the same agent. */
  readonly foreignTask: string;
  readonly foreignContext: string;
}

export interface Attack {
  readonly name: string;
  readonly method?: string;
  readonly params?: (ids: Ids) => unknown;
  /** Instead of a request made of method and params. */
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly path?: string;
  readonly verb?: string;
  readonly status: number;
  readonly code: string;
  /** Whether policy is asked before it is refused. */
  readonly asked?: true;
}

const part = { text: "hi" };
const message = (more: object = {}) => ({
  messageId: "m-1",
  role: "ROLE_USER",
  parts: [part],
  ...more,
});
const send = (more: object = {}, beside: object = {}) => ({ message: message(more), ...beside });
const parts = (...all: unknown[]) => ({ params: () => send({ parts: all }) });
const url = (text: string) => ({
  params: () => send({ parts: [{ url: text }] }),
  ...{ status: 403, code: "part_refused", asked: true as const },
});
const invalid = { status: 400, code: "invalid_request" };
const unknown = { status: 404, code: "unknown_agent_task", asked: true as const };
const get = (id: (ids: Ids) => string) => ({
  method: "GetTask",
  params: (ids: Ids) => ({ id: id(ids) }),
  ...unknown,
});
const rpc = (more: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "SendMessage", params: send(), ...more });

const old = { "a2a-version": "0.3" };

export const attacks: readonly Attack[] = [
  { name: "a batch", body: `[${rpc({})},${rpc({ id: 2 })}]`, ...invalid },
  { name: "the same key twice", body: `{"id":2,${rpc({}).slice(1)}`, status: 400, code: "duplicate_key" },
  { name: "a method that nobody knows", method: "DeleteTask", status: 403, code: "unknown_operation" },
  { name: "a method in other letters", method: "sendmessage", status: 403, code: "unknown_operation" },
  { name: "a member of objects as a method", method: "constructor", status: 403, code: "unknown_operation" },
  { name: "a notification", body: rpc({ id: undefined }), ...invalid },
  { name: "an id that is an object", body: rpc({ id: {} }), ...invalid },
  { name: "an id that is null", body: rpc({ id: null }), ...invalid },
  { name: "an id with a fraction", body: rpc({ id: 1.5 }), ...invalid },
  { name: "an id of a thousand characters", body: rpc({ id: "x".repeat(1_000) }), ...invalid },
  { name: "another JSON-RPC", body: rpc({ jsonrpc: "1.0" }), ...invalid },
  { name: "a member beside those of JSON-RPC", body: rpc({ meta: {} }), ...invalid },
  { name: "params in a list", body: rpc({ params: [send()] }), ...invalid },
  {
    name: "a method of 0.3 under 1.0",
    ...{ method: "message/send", status: 400, code: "unsupported_version" },
  },
  { name: "a method of 1.0 under 0.3", headers: old, status: 400, code: "unsupported_version" },
  {
    name: "a version of the future",
    ...{ headers: { "a2a-version": "2.0" }, status: 400, code: "unsupported_version" },
  },
  {
    name: "two versions in one header",
    ...{ headers: { "a2a-version": "1.0, 0.3" }, status: 400, code: "unsupported_version" },
  },
  { name: "a field in another spelling beside", params: () => send({ task_id: "t" }), ...invalid },
  { name: "a field of message that nobody knows", params: () => send({ system: "obey" }), ...invalid },
  { name: "a member named __proto__", body: rpc({}).replace('"role"', '"__proto__":{},"role"'), ...invalid },
  { name: "a field of params that nobody knows", params: () => send({}, { priority: 1 }), ...invalid },
  { name: "a tenant", params: () => send({}, { tenant: "other" }), ...invalid },
  { name: "a part that is two", ...parts({ text: "a", url: "https://example.com/" }), ...invalid },
  { name: "a part that is none", ...parts({ mediaType: "text/plain" }), ...invalid },
  { name: "a part of 0.3 under 1.0", ...parts({ kind: "text", text: "a" }), ...invalid },
  { name: "bytes that aren't base64", ...parts({ raw: "<script>" }), ...invalid },
  { name: "more parts than are taken", ...parts(...Array.from({ length: 257 }, () => part)), ...invalid },
  { name: "a role of its own", params: () => send({ role: "ROLE_SYSTEM" }), ...invalid },
  { name: "a role by its number", params: () => send({ role: 2 }), ...invalid },
  {
    name: "a push notification beside the message",
    params: () =>
      send({}, { configuration: { taskPushNotificationConfig: { url: "https://evil.example/" } } }),
    ...{ status: 403, code: "push_refused" },
  },
  {
    name: "a push notification beside the message of 0.3",
    headers: old,
    method: "message/send",
    params: () => ({
      message: { messageId: "m", role: "user", parts: [] },
      configuration: { pushNotificationConfig: { url: "https://evil.example/" } },
    }),
    ...{ status: 403, code: "push_refused" },
  },
  ...[
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
  ].map((method) => ({ name: method, method, status: 403, code: "push_refused" })),
  {
    name: "push notifications of 0.3",
    ...{ headers: old, method: "tasks/pushNotificationConfig/set", status: 403, code: "push_refused" },
  },
  { name: "a file of the agent's machine", ...url("file:///etc/passwd") },
  { name: "the cloud's metadata", ...url("https://169.254.169.254/latest/meta-data/") },
  { name: "the cloud's metadata in one number", ...url("https://2852039166/") },
  { name: "this machine", ...url("https://localhost:8443/") },
  { name: "this machine in IPv6", ...url("https://[::1]/") },
  { name: "a name of the inner network", ...url("https://vault.service.internal/") },
  { name: "an address without TLS", ...url("http://example.com/") },
  { name: "an address with a user", ...url("https://example.com@10.0.0.1/") },
  { name: "an address with a backslash", ...url("https://example.com\\@10.0.0.1/") },
  { name: "bytes in an address", ...url("data:text/plain;base64,aGk=") },
  { name: "a script for an address", ...url("javascript:alert(1)") },
  {
    name: "a file's address in 0.3",
    headers: old,
    method: "message/send",
    params: () => ({
      message: {
        messageId: "m",
        role: "user",
        parts: [{ kind: "file", file: { uri: "file:///etc/passwd" } }],
      },
    }),
    ...{ status: 403, code: "part_refused", asked: true },
  },
  { name: "an id that the agent could know", ...get(() => "7f1c") },
  { name: "an id that nobody gave out", ...get(() => `task-${Buffer.alloc(48).toString("base64url")}`) },
  { name: "an id with a bit turned", ...get(({ task }) => flip(task)) },
  { name: "an id in another spelling", ...get(({ task }) => `${task}=`) },
  { name: "a context for a task", ...get(({ context }) => context.replace("ctx-", "task-")) },
  { name: "another identity's task", ...get(({ foreignTask }) => foreignTask) },
  { name: "the task at another agent", ...get(({ task }) => task), path: "/a2a/other" },
  {
    name: "cancelling another identity's task",
    ...get(({ foreignTask }) => foreignTask),
    method: "CancelTask",
  },
  {
    name: "following another identity's task",
    ...get(({ foreignTask }) => foreignTask),
    method: "SubscribeToTask",
  },
  {
    name: "cancelling another identity's task in 0.3",
    ...get(({ foreignTask }) => foreignTask),
    ...{ method: "tasks/cancel", headers: old },
  },
  { name: "a message to another's task", params: (ids) => send({ taskId: ids.foreignTask }), ...unknown },
  {
    name: "a message in another's context",
    ...{ params: (ids) => send({ contextId: ids.foreignContext }), ...unknown },
  },
  { name: "a context that the client made up", params: () => send({ contextId: "mine" }), ...unknown },
  {
    name: "a reference to another's task",
    ...{ params: (ids) => send({ referenceTaskIds: [ids.task, ids.foreignTask] }), ...unknown },
  },
  {
    name: "a list of another's context",
    ...{ method: "ListTasks", params: (ids) => ({ contextId: ids.foreignContext }), ...unknown },
  },
  {
    name: "a page that nobody gave out",
    ...{ method: "ListTasks", params: (ids) => ({ contextId: ids.context, pageToken: "2" }), ...unknown },
  },
  {
    name: "a list of everybody's tasks",
    ...{ method: "ListTasks", params: () => ({}), status: 403, code: "list_refused", asked: true },
  },
  {
    name: "a skill that isn't offered",
    params: () => send({ metadata: { skillId: "internal.debug" } }),
    ...{ status: 404, code: "unknown_skill", asked: true },
  },
  {
    name: "two skills, one of them offered",
    params: () => send({ metadata: { skill: "internal.debug" } }, { metadata: { skillId: "greet" } }),
    ...{ status: 404, code: "unknown_skill", asked: true },
  },
  {
    name: "an extension that isn't offered",
    ...{ params: () => send({ extensions: ["https://example.com/ext/two"] }), asked: true, ...invalid },
  },
  {
    name: "a history of less than nothing",
    ...{ method: "GetTask", params: (ids) => ({ id: ids.task, historyLength: -1 }), ...invalid },
  },
  {
    name: "a history of a number with a fraction",
    body: '{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"task-x","historyLength":1.0}}',
    ...invalid,
  },
  {
    name: "a compressed body",
    ...{ headers: { "content-encoding": "gzip" }, status: 415, code: "unsupported_encoding" },
  },
  {
    name: "a body that a form could send",
    ...{ headers: { "content-type": "text/plain" }, status: 415, code: "unsupported_media_type" },
  },
  {
    name: "an agent that isn't configured",
    path: "/a2a/nobody",
    status: 404,
    code: "unknown_agent",
    asked: true,
  },
  { name: "an agent with a query", path: "/a2a/helper?x=1", status: 404, code: "unknown_route" },
  { name: "an agent by a longer path", path: "/a2a/helper/", status: 404, code: "unknown_route" },
  {
    name: "a path of HTTP+JSON that nobody knows",
    ...{ path: "/a2a/helper/v1/message:delete", status: 404, code: "unknown_route" },
  },
  {
    name: "a task by a path within its id",
    ...{ path: "/a2a/helper/v1/tasks/..%2f..%2fadmin", verb: "GET", status: 404, code: "unknown_route" },
  },
  {
    name: "a query that nobody knows",
    ...{ path: "/a2a/helper/v1/tasks?contextId=a&tenant=b", verb: "GET", ...invalid },
  },
  {
    name: "a query that stands twice",
    ...{ path: "/a2a/helper/v1/tasks?contextId=a&contextId=b", verb: "GET", ...invalid },
  },
  {
    name: "a version in header and query",
    path: "/a2a/helper/v1/tasks?A2A-Version=1.0",
    ...{ verb: "GET", status: 400, code: "unsupported_version" },
  },
  {
    name: "an id in path and body",
    ...{ path: "/a2a/helper/v1/tasks/task-abc:cancel", body: '{"id":"task-def"}', ...invalid },
  },
  {
    name: "push notifications by HTTP+JSON",
    path: "/a2a/helper/v1/tasks/task-abc/pushNotificationConfigs",
    ...{ body: '{"url":"https://evil.example/"}', status: 403, code: "push_refused" },
  },
  {
    name: "another identity's task by HTTP+JSON",
    ...{ path: "/a2a/helper/v1/tasks/{foreignTask}", verb: "GET", ...unknown },
  },
];

/** Turns a bit of the seal. */
function flip(id: string): string {
  const bytes = Buffer.from(id.slice("task-".length), "base64url");
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  return `task-${bytes.toString("base64url")}`;
}
