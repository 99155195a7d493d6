/** The shapes of A2A 0.3 (JSON-RPC), and the way between them and 1.0's. Source: specification/json/a2a.json, v0.3.0. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { How, Read, Shape } from "./read.js";
import {
  anything,
  anyText,
  base64,
  count,
  flag,
  id,
  list,
  object,
  ShapeRefused,
  struct,
  text,
  word,
} from "./read.js";
import { made, resting, states } from "./v1.js";

/** What has no counterpart in 0.3, by place. */
export class Untranslatable extends Error {
  override readonly name = "Untranslatable";
}

const shape = (of: Shape): Read => object(() => of);
const oldStates = [
  ...["unknown", "submitted", "working", "completed", "failed", "canceled"],
  ...["input-required", "rejected", "auth-required"],
] as const;

const file = shape({
  fields: { bytes: base64, uri: text, mimeType: text, name: text },
  oneOf: ["bytes", "uri"],
});
const partKinds: Readonly<Record<string, Read>> = {
  text: shape({ fields: { kind: text, text: anyText, metadata: struct }, required: ["text"] }),
  file: shape({ fields: { kind: text, file, metadata: struct }, required: ["file"] }),
  data: shape({ fields: { kind: text, data: struct, metadata: struct }, required: ["data"] }),
};
/** An object whose `kind` says what it is. */
const byKind =
  (kinds: Readonly<Record<string, Read>>): Read =>
  (value, at, how) => {
    const kind = isObject(value) ? value["kind"] : undefined;
    const read = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (read === undefined) throw new ShapeRefused(`${at}.kind is not known`);
    return read(value, at, how);
  };
const message = shape({
  fields: {
    kind: word("message"),
    messageId: id,
    contextId: id,
    taskId: id,
    role: word("user", "agent"),
    parts: list(byKind(partKinds)),
    metadata: struct,
    extensions: list(text),
    referenceTaskIds: list(id),
  },
  required: ["messageId", "role", "parts"],
});
const status = shape({
  fields: { state: word(...oldStates), message, timestamp: text },
  required: ["state"],
});
const artifact = shape({
  fields: {
    artifactId: id,
    name: text,
    description: text,
    parts: list(byKind(partKinds)),
    metadata: struct,
    extensions: list(text),
  },
  required: ["artifactId", "parts"],
});
const task = shape({
  fields: {
    kind: text,
    id,
    contextId: id,
    status,
    artifacts: list(artifact),
    history: list(message),
    metadata: struct,
  },
  required: ["id", "contextId", "status"],
});
const event = byKind({
  task,
  message,
  "status-update": shape({
    fields: { kind: text, taskId: id, contextId: id, status, final: flag, metadata: struct },
    required: ["taskId", "contextId", "status"],
  }),
  "artifact-update": shape({
    fields: {
      kind: text,
      taskId: id,
      contextId: id,
      artifact,
      append: flag,
      lastChunk: flag,
      metadata: struct,
    },
    required: ["taskId", "contextId", "artifact"],
  }),
});
const configuration = shape({
  fields: {
    acceptedOutputModes: list(text),
    historyLength: count,
    blocking: flag,
    pushNotificationConfig: anything,
  },
});
const oldParams = {
  send: shape({ fields: { message, configuration, metadata: struct }, required: ["message"] }),
  get: shape({ fields: { id, historyLength: count }, required: ["id"] }),
  list: shape({ fields: {} }),
  cancel: shape({ fields: { id, metadata: struct }, required: ["id"] }),
  subscribe: shape({ fields: { id }, required: ["id"] }),
  card: shape({ fields: {} }),
} as const;

/** Reads parameters of 0.3 and gives them as 1.0's. @throws ShapeRefused */
export function readParams(operation: keyof typeof oldParams, value: Json, how: How): JsonObject {
  const read = oldParams[operation](value, "params", how) as JsonObject;
  if (operation !== "send") return read;
  const { configuration: set } = read;
  return made({
    message: messageUp(read["message"] as JsonObject),
    configuration: isObject(set)
      ? made({
          acceptedOutputModes: set["acceptedOutputModes"],
          historyLength: set["historyLength"],
          returnImmediately: set["blocking"] === undefined ? undefined : set["blocking"] === false,
          taskPushNotificationConfig: set["pushNotificationConfig"],
        })
      : undefined,
    metadata: read["metadata"],
  });
}

/** Gives parameters of 1.0 as 0.3's. @throws Untranslatable */
export function writeParams(operation: keyof typeof oldParams, params: JsonObject): JsonObject {
  if (operation === "list") throw new Untranslatable("tasks can't be listed in 0.3");
  if (operation !== "send") return params;
  const { configuration: set } = params;
  return made({
    message: messageDown(params["message"] as JsonObject, true),
    configuration: made({
      acceptedOutputModes: isObject(set) ? set["acceptedOutputModes"] : undefined,
      historyLength: isObject(set) ? set["historyLength"] : undefined,
      blocking: !(isObject(set) && set["returnImmediately"] === true),
    }),
    metadata: params["metadata"],
  });
}

/** Reads a result or an event of 0.3 and gives it as an event of 1.0. @throws ShapeRefused */
export function readEvent(value: Json, how: How): JsonObject {
  const got = event(value, "result", how) as JsonObject;
  switch (got["kind"]) {
    case "task":
      return made({ task: taskUp(got) });
    case "message":
      return made({ message: messageUp(got) });
    case "status-update": {
      const { taskId, contextId, metadata, status: at } = got;
      return made({
        statusUpdate: made({ taskId, contextId, status: statusUp(at as JsonObject), metadata }),
      });
    }
    default: {
      const { taskId, contextId, append, lastChunk, metadata, artifact: one } = got;
      const up = artifactUp(one as JsonObject);
      return made({ artifactUpdate: made({ taskId, contextId, artifact: up, append, lastChunk, metadata }) });
    }
  }
}

/** Gives an event of 1.0 as 0.3's. */
export function writeEvent(value: JsonObject): JsonObject {
  const { task: whole, message: said, statusUpdate: at, artifactUpdate: one } = value;
  if (isObject(whole)) return taskDown(whole);
  if (isObject(said)) return messageDown(said, false);
  if (isObject(at)) {
    const { taskId, contextId, metadata } = at;
    const now = at["status"] as JsonObject;
    const final = resting.has(String(now["state"]));
    return made({ kind: "status-update", taskId, contextId, status: statusDown(now), final, metadata });
  }
  const { taskId, contextId, append, lastChunk, metadata, artifact: of } = one as JsonObject;
  const down = artifactDown(of as JsonObject);
  return made({ kind: "artifact-update", taskId, contextId, artifact: down, append, lastChunk, metadata });
}

const each = (value: Json | undefined, give: (one: JsonObject) => JsonObject): Json | undefined =>
  Array.isArray(value) ? value.map((one) => give(one as JsonObject)) : undefined;

function messageUp({ kind: _, role, parts, ...rest }: JsonObject): JsonObject {
  return made({ ...rest, role: role === "agent" ? "ROLE_AGENT" : "ROLE_USER", parts: each(parts, partUp) });
}

function messageDown({ role, parts, ...rest }: JsonObject, strict: boolean): JsonObject {
  const who = role === "ROLE_AGENT" ? "agent" : "user";
  return made({ ...rest, kind: "message", role: who, parts: each(parts, (one) => partDown(one, strict)) });
}

function partUp(part: JsonObject): JsonObject {
  const { kind, metadata, file: of } = part;
  if (kind === "text") return made({ text: part["text"], metadata });
  if (kind === "data") return made({ data: part["data"], metadata });
  const { bytes: raw, uri: url, mimeType: mediaType, name: filename } = of as JsonObject;
  return made({ raw, url, mediaType, filename, metadata });
}

/** @param strict a request must mean the same afterwards */
function partDown(part: JsonObject, strict: boolean): JsonObject {
  const { text: said, raw, url, data, mediaType, filename, metadata } = part;
  if (raw !== undefined || url !== undefined) {
    const of = made({ bytes: raw, uri: url, mimeType: mediaType, name: filename });
    return made({ kind: "file", file: of, metadata });
  }
  const plain = said === undefined ? "application/json" : "text/plain";
  if (strict && (filename !== undefined || (mediaType !== undefined && mediaType !== plain)))
    throw new Untranslatable("a part that is no file has a media type or a name");
  if (said !== undefined) return made({ kind: "text", text: said, metadata });
  if (strict && !isObject(data)) throw new Untranslatable("the data of a part is no object");
  return made({ kind: "data", data: isObject(data) ? data : made({ value: data }), metadata });
}

function statusUp({ state, message: said, ...rest }: JsonObject): JsonObject {
  const up = states[oldStates.findIndex((one) => one === state)] ?? "TASK_STATE_UNSPECIFIED";
  return made({ ...rest, state: up, message: isObject(said) ? messageUp(said) : undefined });
}

function statusDown({ state, message: said, ...rest }: JsonObject): JsonObject {
  const index: number = states.findIndex((one) => one === state);
  const down = index === 0 ? "unknown" : (String(state).slice(11).toLowerCase().replace("_", "-") as string);
  return made({ ...rest, state: down, message: isObject(said) ? messageDown(said, false) : undefined });
}

function artifactUp({ parts, ...rest }: JsonObject): JsonObject {
  return made({ ...rest, parts: each(parts, partUp) });
}

function artifactDown({ parts, ...rest }: JsonObject): JsonObject {
  return made({ ...rest, parts: each(parts, (one) => partDown(one, false)) });
}

function taskUp({ kind: _, status: now, artifacts, history, ...rest }: JsonObject): JsonObject {
  return made({
    ...rest,
    status: statusUp(now as JsonObject),
    artifacts: each(artifacts, artifactUp),
    history: each(history, messageUp),
  });
}

function taskDown({ status: now, artifacts, history, ...rest }: JsonObject): JsonObject {
  return made({
    ...rest,
    kind: "task",
    status: statusDown(now as JsonObject),
    artifacts: each(artifacts, artifactDown),
    history: each(history, (one) => messageDown(one, false)),
  });
}
