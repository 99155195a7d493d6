/** The methods of A2A that are known, and what each attempts; any other is denied. */
import type { ActionName } from "../../sidecar/contract.js";

export type Version = "1.0" | "0.3";

/** What an operation is called within the gateway; `push` is known, and refused by name. */
export type Operation = "send" | "stream" | "get" | "list" | "cancel" | "subscribe" | "card" | "push";

export interface Method {
  readonly version: Version;
  readonly operation: Operation;
}

const pushMethods = ["Create", "Get", "Delete"].map((verb) => `${verb}TaskPushNotificationConfig`);
const oldPushMethods = ["set", "get", "list", "delete"].map((verb) => `tasks/pushNotificationConfig/${verb}`);

const named = (version: Version, names: Readonly<Record<string, Operation>>): [string, Method][] =>
  Object.entries(names).map(([name, operation]) => [name, { version, operation }]);

/** Sources: A2A 1.0, section 9.4; A2A 0.3, section 7. */
export const methods: ReadonlyMap<string, Method> = new Map([
  ...named("1.0", {
    SendMessage: "send",
    SendStreamingMessage: "stream",
    GetTask: "get",
    ListTasks: "list",
    CancelTask: "cancel",
    SubscribeToTask: "subscribe",
    GetExtendedAgentCard: "card",
    ListTaskPushNotificationConfigs: "push",
    ...Object.fromEntries(pushMethods.map((name) => [name, "push" as const])),
  }),
  ...named("0.3", {
    "message/send": "send",
    "message/stream": "stream",
    "tasks/get": "get",
    "tasks/cancel": "cancel",
    "tasks/resubscribe": "subscribe",
    "agent/getAuthenticatedExtendedCard": "card",
    ...Object.fromEntries(oldPushMethods.map((name) => [name, "push" as const])),
  }),
]);

/** What a method is called in a version; undefined where the version has none. */
export function methodName(version: Version, operation: Operation): string | undefined {
  for (const [name, method] of methods)
    if (method.version === version && method.operation === operation) return name;
  return undefined;
}

export const actions: Readonly<Record<Operation, ActionName>> = {
  send: "agent.message",
  stream: "agent.message",
  get: "agent.task.get",
  list: "agent.task.list",
  cancel: "agent.task.cancel",
  subscribe: "agent.task.subscribe",
  card: "agent.describe",
  push: "agent.task.subscribe",
};

/** Reads `A2A-Version`: none means 0.3, and a patch version means nothing (A2A 1.0, section 3.6). */
export function readVersion(header: string | readonly string[] | undefined): Version | undefined {
  if (header === undefined || header === "") return "0.3";
  const [, version] = /^(1\.0|0\.3)(?:\.\d{1,4})?$/.exec(String(header)) ?? [];
  return version as Version | undefined;
}
