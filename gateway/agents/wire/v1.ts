/** The shapes of A2A 1.0, in its JSON; the form that everything is decided in. Source: specification/a2a.proto, v1.0.1. */
import type { JsonObject } from "../../../sidecar/contract.js";
import type { Shape } from "./read.js";
import {
  anything,
  anyText,
  base64,
  count,
  flag,
  id,
  list,
  object,
  struct,
  text,
  timestamp,
  word,
} from "./read.js";

export const states = [
  "TASK_STATE_UNSPECIFIED",
  "TASK_STATE_SUBMITTED",
  "TASK_STATE_WORKING",
  "TASK_STATE_COMPLETED",
  "TASK_STATE_FAILED",
  "TASK_STATE_CANCELED",
  "TASK_STATE_INPUT_REQUIRED",
  "TASK_STATE_REJECTED",
  "TASK_STATE_AUTH_REQUIRED",
] as const;

const shape = (made: Shape) => object(() => made);

export const part = shape({
  fields: {
    text: anyText,
    raw: base64,
    url: text,
    data: anything,
    metadata: struct,
    filename: text,
    mediaType: text,
  },
  oneOf: ["text", "raw", "url", "data"],
  nullable: ["data"],
});

export const message = shape({
  fields: {
    messageId: id,
    contextId: id,
    taskId: id,
    role: word("ROLE_USER", "ROLE_AGENT"),
    parts: list(part),
    metadata: struct,
    extensions: list(text),
    referenceTaskIds: list(id),
  },
  required: ["messageId", "role", "parts"],
});

const artifact = shape({
  fields: {
    artifactId: id,
    name: text,
    description: text,
    parts: list(part),
    metadata: struct,
    extensions: list(text),
  },
  required: ["artifactId", "parts"],
});

const status = shape({
  fields: { state: word(...states), message, timestamp },
  required: ["state"],
});

export const task = shape({
  fields: {
    id,
    contextId: id,
    status,
    artifacts: list(artifact),
    history: list(message),
    metadata: struct,
  },
  required: ["id", "status"],
});

const statusUpdate = shape({
  fields: { taskId: id, contextId: id, status, metadata: struct },
  required: ["taskId", "contextId", "status"],
});

const artifactUpdate = shape({
  fields: { taskId: id, contextId: id, artifact, append: flag, lastChunk: flag, metadata: struct },
  required: ["taskId", "contextId", "artifact"],
});

/** What one event of a stream holds. */
export const event = shape({
  fields: { task, message, statusUpdate, artifactUpdate },
  oneOf: ["task", "message", "statusUpdate", "artifactUpdate"],
});

/** What a message is answered by. */
export const sent = shape({ fields: { task, message }, oneOf: ["task", "message"] });

export const tasks = shape({
  fields: { tasks: list(task), nextPageToken: anyText, pageSize: count, totalSize: count },
});

/** Push notifications are known, and refused by name: see `serve.ts`. */
const configuration = shape({
  fields: {
    acceptedOutputModes: list(text),
    historyLength: count,
    returnImmediately: flag,
    taskPushNotificationConfig: anything,
  },
});

/** The parameters of each operation. */
export const params = {
  send: shape({ fields: { message, configuration, metadata: struct }, required: ["message"] }),
  get: shape({ fields: { id, historyLength: count }, required: ["id"] }),
  list: shape({
    fields: {
      contextId: id,
      status: word(...states),
      pageSize: count,
      pageToken: id,
      historyLength: count,
      statusTimestampAfter: timestamp,
      includeArtifacts: flag,
    },
  }),
  cancel: shape({ fields: { id, metadata: struct }, required: ["id"] }),
  subscribe: shape({ fields: { id }, required: ["id"] }),
  card: shape({ fields: {} }),
} as const;

/** States in which nothing more comes unless the client does something. */
export const resting: ReadonlySet<string> = new Set([
  ...["TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED"],
  ...["TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"],
]);

/** Gives an object of these members; those without a value are left out. */
export function made(members: Readonly<Record<string, JsonObject[string] | undefined>>): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const [name, value] of Object.entries(members)) if (value !== undefined) out[name] = value;
  return out;
}
